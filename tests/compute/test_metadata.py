"""What the guest reads: which document since when, and what is in it."""

import base64
import json
from typing import Any

import pytest

from actors.compute.block_info import disks_for
from actors.compute.metadata import VERSIONS, documents, drive_documents
from actors.compute.network_data import network_data
from actors.errors import CallerError
from actors.messages import BlockDevice, BootSpec, SubnetInfo
from actors.records import FixedIp
from tests.compute.guests import INSTANCE, PORT, spec, vif, volume

TAGGED = BlockDevice(source_type="volume", destination_type="volume", source_id="v1", tag="data")
RICH = spec(
    public_key="ssh-ed25519 AAAA me",
    key_name="mine",
    metadata={"role": "web"},
    admin_password="s3cret",
    user_data=base64.b64encode(b"#!/bin/sh\n").decode(),
    block_devices=(TAGGED,),
    instance_ids=("other", INSTANCE),
)


def served(wanted: BootSpec = RICH) -> dict[str, bytes]:
    return documents(wanted, INSTANCE, (vif(tag="front"),), disks_for(wanted, (volume("v1"),)))


def latest(name: str, found: dict[str, bytes]) -> Any:
    return json.loads(found[f"openstack/latest/{name}"])


def test_meta_data_says_who_the_guest_is() -> None:
    meta = latest("meta_data.json", served())
    assert meta["uuid"] == INSTANCE
    assert (meta["name"], meta["hostname"], meta["availability_zone"], meta["project_id"]) == (
        "web",
        "web",
        "nova",
        "p1",
    )
    assert meta["launch_index"] == 1
    assert meta["meta"] == {"role": "web"}
    assert meta["public_keys"] == {"mine": "ssh-ed25519 AAAA me"}
    assert meta["keys"] == [{"name": "mine", "type": "ssh", "data": "ssh-ed25519 AAAA me"}]
    assert [device["tags"] for device in meta["devices"]] == [["front"], ["data"]]
    assert meta["devices"][1]["serial"] == "v1"


def test_the_password_is_on_the_drive_only() -> None:
    drive = drive_documents(RICH, INSTANCE, (), disks_for(RICH, (volume("v1"),)), b"seed")
    assert latest("meta_data.json", drive)["admin_pass"] == "s3cret"
    assert latest("meta_data.json", drive)["random_seed"] == base64.b64encode(b"seed").decode()
    assert not any(b"s3cret" in content for content in served().values())


def test_dated_trees_grow_as_nova_s_did() -> None:
    found = served()
    names = {version: {path.split("/")[2] for path in found if path.split("/")[1] == version} for version in VERSIONS}
    assert names["2012-08-10"] == {"meta_data.json", "user_data"}
    assert names["2013-10-17"] - names["2013-04-04"] == {"vendor_data.json"}
    assert names["2015-10-15"] - names["2013-10-17"] == {"network_data.json"}
    assert names["2016-10-06"] - names["2016-06-30"] == {"vendor_data2.json"}
    assert "devices" not in json.loads(found["openstack/2015-10-15/meta_data.json"])
    assert "project_id" not in json.loads(found["openstack/2013-10-17/meta_data.json"])


def test_user_data_is_decoded_and_absent_without_any() -> None:
    assert served()["openstack/latest/user_data"] == b"#!/bin/sh\n"
    assert not any("user" in path for path in served(spec(block_devices=(TAGGED,))))
    with pytest.raises(CallerError, match="user_data"):
        served(spec(block_devices=(TAGGED,), user_data="%%%"))


def test_ec2_meta_data() -> None:
    meta = json.loads(served()["ec2/latest/meta-data.json"])
    assert meta["instance-id"] == "i-5f2b0f62"
    assert meta["local-ipv4"] == "1.1.1.1"
    assert meta["block-device-mapping"] == {"ami": "vda", "root": "/dev/vda"}
    assert meta["public-keys"]["0"] == {"_name": "0=mine", "openssh-key": "ssh-ed25519 AAAA me"}


def test_network_data_of_a_dhcp_subnet() -> None:
    data = network_data((vif(),))
    assert data["links"] == [
        {
            "id": f"tap{PORT[:11]}",
            "vif_id": PORT,
            "type": "bridge",
            "mtu": 1450,
            "ethernet_mac_address": "fa:16:3e:d1:d7:72",
        }
    ]
    assert data["networks"] == [
        {"id": "network0", "link": f"tap{PORT[:11]}", "network_id": vif().network_id, "type": "ipv4_dhcp"}
    ]
    assert data["services"] == [{"type": "dns", "address": "9.9.9.9"}]


def test_network_data_of_static_subnets() -> None:
    four = SubnetInfo(
        id="s4",
        cidr="10.0.0.0/22",
        gateway_ip="10.0.0.1",
        enable_dhcp=False,
        host_routes=(("192.168.0.0/16", "10.0.0.9"),),
        dns_servers=("10.0.0.2",),
    )
    six = SubnetInfo(id="s6", cidr="fd00::/64", gateway_ip="fd00::1", enable_dhcp=False)
    both = vif(subnets=(four, six), fixed_ips=(FixedIp("s4", "10.0.0.7"), FixedIp("s6", "fd00::7")))
    first, second = network_data((both,))["networks"]
    assert (first["type"], first["ip_address"], first["netmask"]) == ("ipv4", "10.0.0.7", "255.255.252.0")
    assert [route["gateway"] for route in first["routes"]] == ["10.0.0.1", "10.0.0.9"]
    assert first["services"] == [{"type": "dns", "address": "10.0.0.2"}]
    assert (second["type"], second["ip_address"]) == ("ipv6", "fd00::7")
    assert second["routes"] == [{"network": "::", "netmask": "::", "gateway": "fd00::1"}]

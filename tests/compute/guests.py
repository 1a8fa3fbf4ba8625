"""Requests and interfaces that the tests of this room start from."""

from typing import Any

from actors.messages import BootSpec, BuildOrder, Claim, ConnectionInfo, SubnetInfo, Vif
from actors.records import FixedIp, Flavor

INSTANCE = "5f2b0f62-7f0c-4f43-9d4e-1d2c3b4a5f60"
PORT = "712a2c63-e6aa-4bb1-9c5e-7a6d1b2c3d4e"

SMALL = Flavor(id="1", name="m1.tiny", vcpus=1, ram_mib=96, disk_gib=1)
SUBNET = SubnetInfo(id="s1", cidr="1.1.1.0/24", gateway_ip="1.1.1.254", dns_servers=("9.9.9.9",))


def spec(**changes: Any) -> BootSpec:
    fields: dict[str, Any] = {
        "name": "web",
        "hostname": "web",
        "project_id": "p1",
        "user_id": "u1",
        "token": "t",
        "flavor": SMALL,
        "image_id": "i1",
    }
    return BootSpec(**(fields | changes))


def order(instance_id: str = INSTANCE, host: str = "host-1", **changes: Any) -> BuildOrder:
    wanted = spec(**changes)
    claim = Claim(
        instance_id=instance_id,
        host=host,
        vcpus=wanted.flavor.vcpus,
        ram_mib=wanted.flavor.ram_mib,
        disk_gib=wanted.flavor.disk_gib,
    )
    return BuildOrder(instance_id=instance_id, attempt=1, host=host, epoch=1, spec=wanted, claim=claim)


def vif(**changes: Any) -> Vif:
    fields: dict[str, Any] = {
        "port_id": PORT,
        "network_id": "8165bc3d-400a-48a0-9186-bf59f7f94b05",
        "network_name": "private",
        "mac_address": "fa:16:3e:d1:d7:72",
        "mtu": 1450,
        "fixed_ips": (FixedIp("s1", "1.1.1.1"),),
        "subnets": (SUBNET,),
        "device": f"tap{PORT[:11]}",
        "bridge": "brq8165bc3d-40",
    }
    return Vif(**(fields | changes))


def volume(volume_id: str, **changes: Any) -> ConnectionInfo:
    fields: dict[str, Any] = {
        "volume_id": volume_id,
        "size_gib": 1,
        "export": volume_id,
        "unix_socket": "/run/nbd.sock",
    }
    return ConnectionInfo(**(fields | changes))

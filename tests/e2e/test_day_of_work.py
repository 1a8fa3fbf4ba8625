"""A day of work with the unmodified `openstack` command: image, network, key, flavor, volume and server, end to end.

Against `novaray up` with simulated hypervisors. Every command must succeed, what it says is checked, and in the end
nothing is left.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.openstack_client import OpenStack, openstack
from tests.running import CommandLine, cloud

pytestmark = pytest.mark.cluster

PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGVYqOM3AOqZUn5pVWpLzGFKLaVNzMKtbWVP0Y3pVfbB test\n"
IMAGE_BYTES = 70_000
BOOT = "server create --flavor m1.lab --wait"
SERVERS = ("web", "on-port", "on-volume", "from-image", "apart-1", "apart-2", "full", "many-1", "many-2", "many-3")
COMMANDS = 120  # at least so many different ones succeed


@pytest.fixture(scope="module")
def client() -> Iterator[OpenStack]:
    with cloud("--hypervisor", "simulated", "--hosts", "4", "--no-dashboard") as line, openstack(line.home) as one:
        yield one


def test_the_day(client: OpenStack, tmp_path: Path) -> None:
    for part in (
        identity,
        images,
        definitions,
        networks,
        flavors_and_keys,
        volumes,
        servers,
        servers_at_work,
        clearing_up,
    ):
        part(client, tmp_path)
    assert len({done.split(" -f ")[0] for done in client.done}) >= COMMANDS


def identity(client: OpenStack, folder: Path) -> None:
    lab = client.json("project create lab")
    client.run("project set lab --description changed --tag blue")
    assert client.json("project show lab")["tags"] == ["blue"]
    bob = client.json("user create bob --project lab --password secret")
    assert bob["default_project_id"] == lab["id"]
    client.run("user set bob --email bob@example.org")
    assert client.field("email", "user show bob") == "bob@example.org"
    client.run("role add --user bob --project lab member")
    effective = client.json("role assignment list --user bob --effective --names")
    assert {row["Role"] for row in effective} == {"member", "reader"}
    client.run("group create team")
    client.run("group add user team bob")
    client.run("group contains user team bob")
    client.as_user = ("--os-username", "bob", "--os-password", "secret", "--os-project-name", "lab")
    assert client.json("token issue")["project_id"] == lab["id"]
    assert client.json("server list") == []
    assert "403" in client.run("user list", code=1)
    assert client.json("application credential create ci --role reader")["Secret"]
    client.run("application credential delete ci")
    client.as_user = ()


def images(client: OpenStack, folder: Path) -> None:
    data = folder / "disk.raw"
    data.write_bytes(bytes(range(256)) * (IMAGE_BYTES // 256))
    made = client.json("image create --disk-format raw --container-format bare --file", str(data), "lab-image")
    assert made["status"] == "active"
    assert client.json("image show lab-image")["size"] == data.stat().st_size
    assert "lab-image" in {row["Name"] for row in client.json("image list")}
    client.run("image set --property os_distro=debian --tag small lab-image")
    shown = client.json("image show lab-image")
    assert shown["properties"]["os_distro"] == "debian" and shown["tags"] == ["small"]
    client.run("image unset --property os_distro --tag small lab-image")
    client.run("image save lab-image --file", str(folder / "saved"))
    assert (folder / "saved").read_bytes() == data.read_bytes()


def definitions(client: OpenStack, folder: Path) -> None:
    """Of metadata: by the command, and from a file as Glance has them by this cloud's own."""
    file = folder / "gpu.json"
    file.write_text(json.dumps({"namespace": "gpu", "properties": {"gpus": {"title": "GPUs", "type": "integer"}}}))
    for loaded in (True, False):
        said = CommandLine(client.home).json("image", "metadefs", str(file))
        assert said == [{"namespace": "gpu", "loaded": loaded}]
    client.run("image metadef namespace set --public --tag fast gpu")
    client.run("image metadef property create --name vram --title VRAM --type string --schema {} gpu")
    assert {row["name"] for row in client.json("image metadef property list gpu")} == {"gpus", "vram"}
    client.run("image metadef object create --namespace gpu card")
    assert client.json("image metadef object show gpu card")["name"] == "card"
    client.run("image metadef resource type association create gpu OS::Nova::Flavor")
    assert client.json("image metadef resource type list") == [{"Name": "OS::Nova::Flavor"}]
    assert [row["namespace"] for row in client.json("image metadef namespace list")] == ["gpu"]
    assert client.json("image metadef namespace show gpu")["tags"] == [{"name": "fast"}]
    client.run("image metadef namespace delete gpu")


def networks(client: OpenStack, folder: Path) -> None:
    assert client.json("network create lab-net")["status"] == "ACTIVE"
    client.run("network set --description described lab-net")
    assert client.json("network show lab-net")["description"] == "described"
    subnet = client.json("subnet create --network lab-net --subnet-range 10.9.0.0/24 lab-subnet")
    assert subnet["cidr"] == "10.9.0.0/24"
    client.run("subnet set --description described lab-subnet")
    assert client.json("subnet show lab-subnet")["gateway_ip"] == "10.9.0.1"
    assert {row["Name"] for row in client.json("network list")} >= {"lab-net"}
    assert {row["Name"] for row in client.json("subnet list")} >= {"lab-subnet"}
    for name in ("port-1", "port-2"):
        client.run(f"port create --network lab-net {name}")
    client.run("port set --description described port-1")
    assert client.json("port show port-1")["status"] == "DOWN"
    assert len(client.json("port list --network lab-net")) >= 2
    group = client.json("security group create lab-group")
    client.run("security group set --description described lab-group")
    rule = client.json("security group rule create --proto tcp --dst-port 22 lab-group")
    assert (rule["protocol"], rule["port_range_min"]) == ("tcp", 22)
    assert len(client.json("security group rule list lab-group")) == 3  # and two that let out
    client.run("security group rule delete", rule["id"])
    assert client.json("security group show lab-group")["id"] == group["id"]
    assert {row["Name"] for row in client.json("security group list")} >= {"lab-group", "default"}
    client.run("subnet pool create --pool-prefix 10.20.0.0/16 lab-pool")
    assert [row["Name"] for row in client.json("subnet pool list")] == ["lab-pool"]
    client.run("subnet pool delete lab-pool")
    assert client.json("network agent list") and client.json("extension list --network")


def flavors_and_keys(client: OpenStack, folder: Path) -> None:
    made = client.json("flavor create m1.lab --vcpus 1 --ram 128 --disk 1 --property lab:kind=small")
    assert (made["ram"], made["properties"]) == (128, {"lab:kind": "small"})
    client.run("flavor set --property lab:colour=blue m1.lab")
    client.run("flavor unset --property lab:colour m1.lab")
    assert client.json("flavor show m1.lab")["properties"] == {"lab:kind": "small"}
    assert "m1.lab" in {row["Name"] for row in client.json("flavor list")}
    client.run("flavor create hidden --vcpus 1 --ram 64 --disk 1 --private")
    client.run("flavor set --project lab hidden")
    client.run("flavor unset --project lab hidden")
    client.run("flavor delete hidden")
    (folder / "key.pub").write_text(PUBLIC_KEY)
    client.run("keypair create mine --public-key", str(folder / "key.pub"))
    client.run("keypair create made --private-key", str(folder / "key"))
    assert "PRIVATE KEY" in (folder / "key").read_text()
    assert {row["Name"] for row in client.json("keypair list")} == {"mine", "made"}
    assert client.json("keypair show mine")["type"] == "ssh"
    client.run("keypair delete made")


def volumes(client: OpenStack, folder: Path) -> None:
    assert client.json("volume create --size 1 data")["size"] == 1
    assert client.json("volume show data")["status"] == "available"
    client.run("volume set --property colour=blue --description described data")
    assert client.json("volume show data")["properties"] == {"colour": "blue"}
    client.run("volume create --size 1 --image lab-image root")
    client.run("volume snapshot create --volume data snap")
    assert [row["Name"] for row in client.json("volume snapshot list")] == ["snap"]
    assert client.json("volume snapshot show snap")["size"] == 1
    client.run("volume create --snapshot snap --size 1 from-snap")
    assert {row["Name"] for row in client.json("volume list")} == {"data", "root", "from-snap"}
    client.run("volume delete from-snap")
    client.run("volume snapshot delete snap")
    client.run("volume type create fast")
    assert "fast" in {row["Name"] for row in client.json("volume type list")}
    client.run("volume type delete fast")


def servers(client: OpenStack, folder: Path) -> None:
    """Every way of booting one."""
    client.run("server group create --policy anti-affinity apart")
    assert [row["Name"] for row in client.json("server group list")] == ["apart"]
    web = client.json(f"{BOOT} --image lab-image --network lab-net --key-name mine web")
    assert (web["status"], web["name"], web["key_name"]) == ("ACTIVE", "web", "mine")
    assert client.json(f"{BOOT} --image lab-image --port port-1 on-port")["status"] == "ACTIVE"
    assert client.json(f"{BOOT} --volume root --network lab-net on-volume")["status"] == "ACTIVE"
    client.run(f"{BOOT} --image lab-image --network lab-net --boot-from-volume 1 from-image")
    for name in ("apart-1", "apart-2"):
        client.run(f"{BOOT} --image lab-image --network lab-net --hint group=apart {name}")
    hosts = {client.field("OS-EXT-SRV-ATTR:host", f"server show {name}") for name in ("apart-1", "apart-2")}
    assert len(hosts) == 2
    assert len(client.json("server group show apart")["members"]) == 2
    client.run(f"{BOOT} --image lab-image --network lab-net --min 2 --max 3 many")
    (folder / "user-data").write_text("#!/bin/sh\n")
    more = (
        f"{BOOT} --image lab-image --network lab-net --security-group lab-group --property role=db --config-drive True"
    )
    client.run(f"{more} --availability-zone nova --description described full --user-data", str(folder / "user-data"))
    assert client.json("server show full")["properties"] == {"role": "db"}
    names = {row["Name"] for row in client.json("server list")}
    assert names == set(SERVERS)
    assert {row["Status"] for row in client.json("server list --long")} == {"ACTIVE"}
    assert [row["Name"] for row in client.json("server list --name web")] == ["web"]


def servers_at_work(client: OpenStack, folder: Path) -> None:
    """What is done to one that runs."""
    client.run("console log show web")
    assert client.json("console url show web")["protocol"] == "vnc"
    events = client.json("server event list web")
    assert "create" in {row["Action"] for row in events}
    assert client.json("server event show web", events[-1]["Request ID"])["action"] == "create"
    client.run("server add volume web data")
    assert len(client.json("server volume list web")) == 1
    assert client.json("volume show data")["status"] == "in-use"
    client.run("server remove volume web data")
    client.run("server add port web port-2")
    assert len(client.json("port list --server web")) == 2
    client.run("server remove port web port-2")
    client.run("server add network web lab-net")
    client.run("server reboot --wait web")
    client.run("server reboot --hard --wait web")
    client.run("server rebuild --wait web")
    client.run("--os-compute-api-version 2.93 server rebuild --wait --reimage-boot-volume --image lab-image on-volume")
    assert client.field("status", "server show web") == "ACTIVE"
    for act, status in (
        ("stop", "SHUTOFF"),
        ("start", "ACTIVE"),
        ("pause", "PAUSED"),
        ("unpause", "ACTIVE"),
        ("suspend", "SUSPENDED"),
        ("resume", "ACTIVE"),
        ("rescue --image lab-image --password secret", "RESCUE"),
        ("unrescue", "ACTIVE"),
        ("stop", "SHUTOFF"),
        ("resize --flavor m1.medium --wait", "VERIFY_RESIZE"),
        ("resize confirm", "SHUTOFF"),
        ("start", "ACTIVE"),
        ("resize --flavor m1.large --wait", "VERIFY_RESIZE"),
        ("resize revert", "ACTIVE"),
        ("shelve --wait", "SHELVED_OFFLOADED"),
        ("unshelve --wait", "ACTIVE"),
    ):
        client.run(f"server {act} web")
        assert client.field("status", "server show web") == status
    assert client.json("server show web")["flavor"]["original_name"] == "m1.medium"
    client.run("server lock web")
    assert client.json("server show web")["locked"] is True
    client.run("server unlock web")
    client.run("server set --property colour=blue web")
    client.run("server unset --property colour web")
    assert client.json("server show web")["properties"] == {}


def clearing_up(client: OpenStack, folder: Path) -> None:
    for name in SERVERS:
        client.run(f"server delete --wait {name}")
    assert client.json("server list") == []
    client.run("server group delete apart")
    client.run("volume delete data root")
    client.run("port delete port-1 port-2")
    client.run("security group delete lab-group")
    client.run("subnet delete lab-subnet")
    client.run("network delete lab-net")
    client.run("image delete lab-image")
    client.run("keypair delete mine")
    client.run("flavor delete m1.lab")
    client.run("role remove --user bob --project lab member")
    client.run("group remove user team bob")
    client.run("group delete team")
    client.run("user delete bob")
    client.run("project delete lab")
    assert {row["Name"] for row in client.json("project list")} == {"admin", "service"}


PARTS = (
    identity,
    images,
    definitions,
    networks,
    flavors_and_keys,
    volumes,
    servers,
    servers_at_work,
    clearing_up,
)

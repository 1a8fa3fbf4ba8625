"""Real guests, from the command line to what they themselves say: one cloud of two libvirt nodes for all tests here.

`alpha` on node-1 has all that a boot can give, `beta` on node-2 boots from a volume and has its metadata from the
network alone, `gamma` on node-2 has no security group of its own.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import httpx
import libvirt
import pytest
from websockets.sync.client import connect

from actors.api.messages import CreateFlavor
from actors.cli.doctor import lacks_for_real_guests
from actors.cli.reach_guest import http_get, ssh_output
from actors.cloud import BootOptions, Cloud, Server
from actors.cluster.config import CloudConfig, NodeConfig, from_json
from actors.cluster.keeper import descendants, is_alive, is_rays
from actors.cluster.runtime import running
from actors.compute.libvirt.daemon_files import uri_of
from actors.messages import BlockDevice
from actors.network.naming import bridge_device, tap_device
from actors.network.netns_thread import NetnsThread
from actors.records import Port
from tests.e2e.openstack_client import OpenStack, openstack
from tests.running import CommandLine, await_nothing, cloud, leftovers, marks_of

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]
BOOT_LIMIT_S = 240.0  # for a guest to be ready; 5 s on a quiet core
SSH_LIMIT_S = 60.0
BLOCKED_S = 3.0  # that a blocked port is tried
GIB = 1 << 30
USER_DATA = "#!/bin/sh\necho written by $(hostname) > /run/user-data-was-here\n"
TAIL = 400  # console lines
EXTERNAL = f"198.18.{os.getpid() % 256}.0/24"  # of the network that is this machine's too
MACHINE = EXTERNAL.replace(".0/24", ".1")


@dataclass(frozen=True, slots=True)
class Guests:
    alpha: Server
    beta: Server
    gamma: Server
    key: Path
    volume_id: str

    def ssh(self, guest: Server, command: str) -> str:
        return ssh_output(*guest.forward(22), self.key, command, SSH_LIMIT_S)


@pytest.fixture(scope="module")
def line() -> Iterator[CommandLine]:
    if lacks := lacks_for_real_guests():
        pytest.skip("; ".join(lacks))
    with cloud("--nodes", "2", "--external", EXTERNAL) as started:
        yield started


@pytest.fixture(scope="module")
def api(line: CommandLine) -> Iterator[Cloud]:
    with Cloud.connect(line.home) as joined:
        yield joined


@pytest.fixture(scope="module")
def guests(api: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Guests:
    key = tmp_path_factory.mktemp("ssh") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    flavor = CreateFlavor(
        token=api.session.token, name="full", vcpus=1, ram_mib=128, disk_gib=1, ephemeral_gib=1, swap_mib=64, id="full"
    )
    api.flavors.put(flavor)
    volume = api.volumes.create("data", 1)
    root = BlockDevice(
        source_type="image",
        destination_type="volume",
        source_id=api.images.get("tiny").id,
        boot_index=0,
        size_gib=1,
        delete_on_termination=True,
    )
    open_door = BootOptions(public_key=key.with_suffix(".pub").read_text().strip(), security_groups=("ssh-and-web",))
    guests = Guests(
        alpha=api.boot(
            "alpha",
            open_door,
            flavor="full",
            volumes=(volume.id,),
            user_data=USER_DATA,
            metadata={"purpose": "test"},
            availability_zone="nova:node-1",
        ),
        beta=api.boot(
            "beta",
            open_door,
            image="",
            block_devices=(root,),
            config_drive=False,
            availability_zone="nova:node-2",
        ),
        gamma=api.boot("gamma", open_door, security_groups=(), availability_zone="nova:node-2"),
        key=key,
        volume_id=volume.id,
    )
    servers = [guests.alpha, guests.beta, guests.gamma]
    api.wait(servers, BOOT_LIMIT_S)
    for server in servers:
        report(server)
    return guests


def report(server: Server) -> dict[str, str]:
    """What the guest says of itself in its last line: ip, hostname, mac."""
    deadline = time.monotonic() + BOOT_LIMIT_S
    while time.monotonic() < deadline:
        if found := re.findall(r"^GUEST READY (.*)$", server.console(TAIL), re.MULTILINE):
            return dict(word.partition("=")[::2] for word in found[-1].split())
        time.sleep(0.3)  # a serial console tells nobody when it grows
    raise AssertionError(f"{server.name} is not ready after {BOOT_LIMIT_S:g} s:\n{server.console(TAIL)}")


def node_of(line: CommandLine, server: Server) -> NodeConfig:
    file = CloudConfig(home=line.home).nodes / server.view.node / "node.json"
    return from_json(NodeConfig, file.read_bytes())


def port_of(api: Cloud, server: Server) -> Port:
    [port] = api.networks.ports(server_id=server.id)
    return port


# ---------------------------------------------------------------- networks


def test_each_guest_is_on_the_node_that_was_asked_for(guests: Guests) -> None:
    assert [guest.view.host for guest in (guests.alpha, guests.beta, guests.gamma)] == ["node-1", "node-2", "node-2"]


def test_guest_port_and_lease_agree(line: CommandLine, api: Cloud, guests: Guests) -> None:
    for guest in (guests.alpha, guests.beta, guests.gamma):
        port = port_of(api, guest)
        address = port.fixed_ips[0].ip_address
        said = report(guest)
        assert (said["ip"], said["mac"], said["hostname"]) == (address, port.mac_address, guest.name)
        assert (port.status, port.host) == ("ACTIVE", guest.view.host)
        assert leases(line, port.network_id)[port.mac_address] == address


def leases(line: CommandLine, network_id: str) -> dict[str, str]:
    """MAC → address, as dnsmasq wrote them down: `expiry mac address name client-id` a line."""
    files = CloudConfig(home=line.home).nodes.glob(f"*/dhcp/{network_id}/leases")
    rows = [lease.split() for file in files for lease in file.read_text().splitlines()]
    return {row[1]: row[2] for row in rows if len(row) == 5}


def test_guests_on_two_nodes_reach_each_other(guests: Guests) -> None:
    for one, other in ((guests.alpha, guests.beta), (guests.beta, guests.alpha)):
        assert "0% packet loss" in guests.ssh(one, f"ping -c 3 -W 10 {other.address}")
    page = guests.ssh(guests.alpha, f"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 10 {guests.beta.address} 80")
    assert "hostname=beta" in page


def test_a_guest_without_a_group_of_its_own_lets_nobody_in(guests: Guests) -> None:
    assert "100% packet loss" in guests.ssh(guests.alpha, f"ping -c 2 -W 2 {guests.gamma.address} || true")
    for port in (22, 80):
        with pytest.raises(OSError):
            http_get(*guests.gamma.forward(port), "/", BLOCKED_S)
    assert http_get(*guests.beta.forward(80), "/", SSH_LIMIT_S)[0] == 200


def test_a_guest_can_t_send_under_another_address(guests: Guests) -> None:
    spoof = "10.77.200.200"
    ping = f"ping -c 2 -W 2 -I {spoof} {guests.beta.address}"
    spoofed = f"ip addr add {spoof}/16 dev eth0; {ping}; ip addr del {spoof}/16 dev eth0"
    assert "100% packet loss" in guests.ssh(guests.alpha, spoofed)
    assert "0% packet loss" in guests.ssh(guests.alpha, f"ping -c 2 -W 10 {guests.beta.address}")


def test_floating_ips_lead_to_guests_and_guests_lead_out(line: CommandLine, api: Cloud, guests: Guests) -> None:
    """From this machine, by nothing but its own routes; the router is on one node, the guests on two."""
    alpha, beta = ((guest, floating_ip(line, guest)) for guest in (guests.alpha, guests.beta))
    for guest, address in (alpha, beta):
        assert ssh_output(address, 22, guests.key, "hostname", SSH_LIMIT_S).strip() == guest.name
        assert address in line.run("list")
    for there in (MACHINE, beta[1]):  # out of the cloud, and back into it
        assert "0% packet loss" in guests.ssh(guests.alpha, f"ping -c 2 -W 10 {there}")
    line.run("floating-ip", "delete", beta[1])
    with pytest.raises(OSError):
        http_get(beta[1], 80, "/", BLOCKED_S)
    assert "0% packet loss" in guests.ssh(guests.beta, f"ping -c 2 -W 10 {MACHINE}")
    assert http_get(alpha[1], 80, "/", SSH_LIMIT_S)[0] == 200


def floating_ip(line: CommandLine, guest: Server) -> str:
    return str(line.json("floating-ip", "create", "--server", guest.name)[0]["address"])


SIX = "--ip-version 6 --ipv6-ra-mode slaac --ipv6-address-mode slaac --subnet-range fd00:88::/64"


def test_guests_have_addresses_of_ipv6_too(line: CommandLine, api: Cloud, guests: Guests) -> None:
    """Two on two nodes; each makes its address of what the network announces, and it is the port's."""
    with openstack(line.home) as client:
        client.run("network create dual")
        client.run("subnet create --network dual --subnet-range 10.88.0.0/24 dual-4")
        client.run(f"subnet create --network dual {SIX} dual-6")
        client.run("security group rule create --ethertype IPv6 --protocol ipv6-icmp ssh-and-web")
    options = BootOptions(
        networks=("dual",),
        public_key=guests.key.with_suffix(".pub").read_text().strip(),
        security_groups=("ssh-and-web",),
    )
    pair = [api.boot(f"dual-{node}", options, availability_zone=f"nova:node-{node}") for node in (1, 2)]
    api.wait(pair, BOOT_LIMIT_S)
    addresses = [port_of(api, server).fixed_ips[1].ip_address for server in pair]
    for server, address in zip(pair, addresses, strict=True):
        report(server)
        assert [ip.ip_address for vif in server.view.addresses for ip in vif.fixed_ips][1] == address
        shown = "ip -6 addr show dev eth0 scope global"  # it asks for announcements some seconds apart
        assert f" {address}/64" in guests.ssh(server, f"until {shown} | grep {address}/64; do sleep 1; done")
    for server, other in (pair, pair[::-1]):
        there = addresses[pair.index(other)]
        assert "0% packet loss" in guests.ssh(server, f"ping -6 -c 3 -W 10 {there}")
    # the guest's kernel first makes sure, for a second, that nobody else has the address
    spoofed = "ip addr add fd00:88::bad/64 dev eth0; sleep 3; ping -6 -c 2 -W 2 -I fd00:88::bad"
    assert "100% packet loss" in guests.ssh(pair[0], f"{spoofed} {addresses[1]} || true")
    api.delete(pair)
    with openstack(line.home) as client:
        client.run("network delete dual")


# ---------------------------------------------------------------- disks


def test_volume_ephemeral_disk_and_swap_are_the_guests(guests: Guests) -> None:
    found = [disk.split() for disk in guests.ssh(guests.alpha, "cat /srv/www/disks.txt").splitlines()]
    sizes = {name: int(size) for name, size, _ in found}
    assert sizes["vda"] == GIB  # the image, grown to the flavor's disk
    assert sorted(sizes.values())[-4:] == [64 << 20, GIB, GIB, GIB]
    assert [name for name, _, serial in found if serial == f"serial={guests.volume_id[:20]}"] != []
    [swap] = [name for name, size in sizes.items() if size == 64 << 20]
    assert f"/dev/{swap}" in guests.ssh(guests.alpha, f"swapon /dev/{swap} && cat /proc/swaps && swapoff /dev/{swap}")
    ephemeral = guests.ssh(guests.alpha, "findfs LABEL=ephemeral0").strip()
    assert sizes[ephemeral.removeprefix("/dev/")] == GIB


def test_what_is_written_on_a_volume_is_read_again(guests: Guests) -> None:
    disk = guests.ssh(guests.alpha, f"grep -l {guests.volume_id[:20]} /sys/block/vd*/serial").strip().split("/")[3]
    guests.ssh(guests.alpha, f"echo kept on the volume | dd of=/dev/{disk} conv=fsync 2>/dev/null")
    read = guests.ssh(guests.alpha, f"echo 3 > /proc/sys/vm/drop_caches; head -c 18 /dev/{disk}")
    assert read.strip() == "kept on the volume"


# ---------------------------------------------------------------- what the guest is told


def test_user_data_ran(guests: Guests) -> None:
    assert guests.ssh(guests.alpha, "cat /run/user-data-was-here").strip() == "written by alpha"


def test_the_metadata_service_answers_each_guest_for_itself(guests: Guests) -> None:
    """Also `alpha`, whose config drive said the same; `beta` has its name and key from there only."""
    told = json.loads(ask_metadata(guests, guests.alpha, "/openstack/latest/meta_data.json"))
    assert (told["uuid"], told["name"], told["meta"]) == (guests.alpha.id, "alpha", {"purpose": "test"})
    assert ask_metadata(guests, guests.beta, "/latest/meta-data/local-ipv4") == guests.beta.address


def ask_metadata(guests: Guests, guest: Server, path: str) -> str:
    """Asked from inside: the request stays open, as servers may take a half-closed connection for a lost client."""
    request = f"printf 'GET {path} HTTP/1.0\\r\\nHost: 169.254.169.254\\r\\n\\r\\n'; sleep 3"
    reply = guests.ssh(guest, f"({request}) | nc 169.254.169.254 80")
    head, _, body = reply.partition("\n\n")  # text: each CR LF has become one LF
    assert " 200 " in head.splitlines()[0], reply
    return body


# ---------------------------------------------------------------- consoles and scripts


def test_the_console_is_shown(line: CommandLine, guests: Guests) -> None:
    assert "GUEST READY" in line.run("console", "gamma", "--lines", "40")
    assert "hostname=gamma" in line.json("console", "gamma")["console"]


def test_vnc_answers_on_its_node(line: CommandLine, guests: Guests) -> None:
    node = node_of(line, guests.alpha)
    connection = libvirt.open(uri_of(node))
    definition = ElementTree.fromstring(connection.lookupByUUIDString(guests.alpha.id).XMLDesc())
    connection.close()
    graphics = definition.find("./devices/graphics[@type='vnc']")
    assert graphics is not None
    assert greeting(node, int(graphics.attrib["port"])) == b"RFB 003.008\n"


def greeting(node: NodeConfig, port: int) -> bytes:
    def ask() -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=SSH_LIMIT_S) as connection:
            return connection.recv(12)

    inside = NetnsThread(node.netns)
    try:
        return inside.call(ask)
    finally:
        inside.close()


def test_ssh_from_the_command_line(line: CommandLine, guests: Guests) -> None:
    assert line.run("ssh", "beta", "--key", str(guests.key), "hostname").strip() == "beta"


def test_the_openstack_command_boots_one_and_its_key_lets_in(line: CommandLine, api: Cloud, tmp_path: Path) -> None:
    """With no tool of this project but the relay that reaches a guest's network."""
    key = tmp_path / "key"
    with openstack(line.home) as client:
        client.run(f"keypair create real --private-key {key}")
        key.chmod(0o600)  # the client leaves it readable, which ssh refuses
        [network] = [row["Name"] for row in client.json("network list --internal")]
        create = f"server create --image tiny --flavor tiny --network {network} --key-name real --wait"
        made = client.json(f"{create} --security-group ssh-and-web delta")
        assert (made["status"], made["key_name"]) == ("ACTIVE", "real")
        [address] = made["addresses"][network]
        delta = api.server("delta")
        assert report(delta)["ip"] == address
        assert address in ssh_output(*delta.forward(22), key, "ip -4 addr show eth0", SSH_LIMIT_S)
        assert "GUEST READY" in client.run("console log show delta")
        page, greeting = screen(client.field("url", "console url show delta"))
        assert "noVNC" in page and greeting.startswith(b"RFB 003.")
        ssh_output(*delta.forward(22), key, mark("imaged"), SSH_LIMIT_S)
        client.run("server image create --wait --name delta-image delta")
        assert client.json("image show delta-image")["status"] == "active"
        ssh_output(*delta.forward(22), key, mark("lost"), SSH_LIMIT_S)
        client.run("server rebuild --image delta-image --wait delta")
        assert report(delta)["ip"] == address
        assert "imaged" in ssh_output(*delta.forward(22), key, "tail -c 512 /dev/vda", SSH_LIMIT_S)
        line.run("rescue", "delta", "--image", "tiny")
        assert (report(delta)["ip"], delta.refresh().status) == (address, "RESCUE")
        ends = "; ".join(f"tail -c 512 /dev/{disk} | grep -c imaged" for disk in ("vda", "vdb"))
        mended = f"{ends}; {mark('mended', 'vdb')}"
        assert ssh_output(*delta.forward(22), key, mended, SSH_LIMIT_S).split() == ["0", "1"]
        line.run("unrescue", "delta")
        assert report(delta)["ip"] == address
        assert "mended" in ssh_output(*delta.forward(22), key, "tail -c 512 /dev/vda", SSH_LIMIT_S)
        shelved(line, client, delta, key)
        resized(line, client, delta, key)
        client.run("server delete --wait delta")
        client.run("image delete delta-image")
        client.run("keypair delete real")


def shelved(line: CommandLine, client: OpenStack, delta: Server, key: Path) -> None:
    """No host has anything of it, and then it has its address and what was on its disk."""
    client.run("server shelve --wait delta")
    shown = client.json("server show delta")
    assert (shown["status"], shown["OS-EXT-SRV-ATTR:host"]) == ("SHELVED_OFFLOADED", None)
    assert client.json("image show delta-shelved")["status"] == "active"
    line.run("unshelve", "delta")
    assert report(delta)["ip"] == delta.address
    assert "mended" in ssh_output(*delta.forward(22), key, "tail -c 512 /dev/vda", SSH_LIMIT_S)


def resized(line: CommandLine, client: OpenStack, delta: Server, key: Path) -> None:
    """The guest sees its CPUs, its memory and its disk, and after a revert what was on it before."""

    def seen() -> list[int]:
        """CPUs, RAM in pieces of 64 MiB (its kernel keeps some of that), GiB of its root disk."""
        assert report(delta)["ip"] == delta.address
        asked = "grep -c ^processor /proc/cpuinfo; sed -n s/MemTotal://p /proc/meminfo; cat /sys/block/vda/size"
        cpus, ram_kib, _, sectors = ssh_output(*delta.forward(22), key, asked, SSH_LIMIT_S).split()
        return [int(cpus), -(-int(ram_kib) // (64 << 10)), int(sectors) * 512 // GIB]

    def end_of_disk() -> str:
        return ssh_output(*delta.forward(22), key, "tail -c 512 /dev/vda", SSH_LIMIT_S)

    client.run("flavor create wide --vcpus 2 --ram 192 --disk 2")
    assert seen() == [1, 2, 1]
    client.run("server resize --flavor wide --wait delta")
    assert client.field("status", "server show delta") == "VERIFY_RESIZE"
    assert seen() == [2, 3, 2]
    ssh_output(*delta.forward(22), key, mark("since"), SSH_LIMIT_S)
    assert "Everybody agrees" in line.run("audit")
    line.run("resize", "delta", "--revert")
    assert (seen(), "mended" in end_of_disk()) == ([1, 2, 1], True)
    line.run("resize", "delta", "--flavor", "wide")
    assert seen() == [2, 3, 2]
    ssh_output(*delta.forward(22), key, mark("kept"), SSH_LIMIT_S)
    client.run("server resize confirm delta")
    client.run("server reboot --hard --wait delta")
    assert (seen(), "kept" in end_of_disk()) == ([2, 3, 2], True)
    client.run("flavor delete wide")
    first = delta.view.node
    client.run("server migrate --wait delta")
    assert (delta.refresh().view.status, delta.view.node == first) == ("VERIFY_RESIZE", False)
    assert (seen(), "kept" in end_of_disk()) == ([2, 3, 2], True)
    ssh_output(*delta.forward(22), key, mark("gone"), SSH_LIMIT_S)
    assert "Everybody agrees" in line.run("audit")
    line.run("migrate", "delta", "--revert")
    assert delta.refresh().view.node == first
    assert (seen(), "kept" in end_of_disk()) == ([2, 3, 2], True)
    resized_elsewhere(line, client, delta, seen)


def resized_elsewhere(line: CommandLine, client: OpenStack, delta: Server, seen: Callable[[], list[int]]) -> None:
    """Its own host takes nobody: the other one has it with the new flavor, its disk grown there."""
    first = delta.view.node
    line.run("drain", first)
    client.run("flavor create broad --vcpus 1 --ram 256 --disk 3 --ephemeral 1 --swap 64")
    client.run("server resize --flavor broad --wait delta")
    assert (delta.refresh().view.status, delta.view.node == first) == ("VERIFY_RESIZE", False)
    assert (seen(), "Everybody agrees" in line.run("audit")) == ([1, 4, 3], True)
    client.run("server resize confirm delta")
    assert "Everybody agrees" in line.run("audit")
    line.run("enable", first)
    client.run("flavor delete broad")


def screen(url: str) -> tuple[str, bytes]:
    """The page that a browser would show, and what the guest's screen says first to its script."""
    page = httpx.get(url).raise_for_status().text
    there = httpx.URL(url)
    with connect(f"ws://{there.netloc.decode()}/{there.params['path']}", open_timeout=SSH_LIMIT_S) as socket:
        greeting = socket.recv(SSH_LIMIT_S)
    assert isinstance(greeting, bytes)
    return page, greeting


def test_a_guest_on_a_volume_is_rebuilt_on_it(line: CommandLine, guests: Guests) -> None:
    """What it wrote at the end of its disk, where the image has nothing, is there no more."""
    guests.ssh(guests.beta, mark("lost"))
    line.run("rebuild", "beta")
    assert report(guests.beta)["ip"] == guests.beta.address
    assert "lost" not in guests.ssh(guests.beta, "tail -c 512 /dev/vda")


def test_a_guest_on_a_volume_is_resized_and_has_its_volume_all_the_time(line: CommandLine, guests: Guests) -> None:
    look = "ls /sys/block | tr '\\n' ' '; tail -c 512 /dev/vda"

    def seen() -> tuple[bool, bool]:
        """Whether it has an ephemeral disk and swap, and what was written into its volume."""
        assert report(guests.beta)["ip"] == guests.beta.address
        said = guests.ssh(guests.beta, look)
        return "vdb" in said and "vdc" in said, "stays" in said

    guests.ssh(guests.beta, mark("stays"))
    assert seen() == (False, True)
    line.run("resize", "beta", "--flavor", "full")
    assert seen() == (True, True)
    line.run("resize", "beta", "--revert")
    assert seen() == (False, True)
    here = guests.beta.refresh().view.node
    line.run("drain", here)  # so that it goes to the other one
    line.run("resize", "beta", "--flavor", "full")
    assert (seen(), guests.beta.refresh().view.node == here) == ((True, True), False)
    line.run("resize", "beta", "--revert")
    assert (seen(), guests.beta.refresh().view.node == here) == ((False, True), True)
    line.run("enable", here)


def mark(text: str, disk: str = "vda") -> str:
    """A command that writes it into the last sector of a disk of the guest's."""
    size = f"$(($(cat /sys/block/{disk}/size) - 1))"
    return f"echo {text} | dd of=/dev/{disk} bs=512 seek={size} conv=sync,fsync 2>/dev/null"


def test_database_rooms_nodes_guests_and_disks_agree(line: CommandLine, guests: Guests) -> None:
    assert "Everybody agrees" in line.run("audit")


def test_an_example_boots_one_and_logs_in(line: CommandLine, guests: Guests) -> None:
    printed = line.run(str(ROOT / "examples" / "boot_one.py"), program=Path(sys.executable))
    assert "hello is ACTIVE" in printed
    assert "Linux hello" in printed


# ---------------------------------------------------------------- the end


def test_delete_takes_everything_of_the_guests_away(line: CommandLine, api: Cloud, guests: Guests) -> None:
    """But the network's own: it goes with the last port on it, and the volume, which is the user's."""
    servers = [guests.alpha, guests.beta, guests.gamma]
    ports = [port_of(api, server) for server in servers]
    nodes = [node_of(line, server) for server in servers]
    line.run("delete", "alpha", "beta", "gamma")
    for one in api.floating_ips.all():
        assert one.port_id == ""
        api.floating_ips.delete(one.id)
    for router in api.routers.all():
        for subnet in api.networks.subnets(api.networks.get("private").id):
            api.routers.remove_interface(router.id, subnet.id)
        api.routers.delete(router.id)
    assert line.json("list") == []
    assert api.networks.ports() == []
    assert [volume.status for volume in api.volumes.all()] == ["available"]
    devices = {tap_device(port.id) for port in ports} | {bridge_device(port.network_id) for port in ports}
    assert await_nothing(lambda: [str(name) for node in nodes for name in devices & links(node)]) == []
    assert await_nothing(lambda: [str(path) for node in nodes for path in node.instances.glob("*")]) == []
    assert await_nothing(lambda: guest_processes(line)) == []


def links(node: NodeConfig) -> set[str]:
    inside = NetnsThread(node.netns)
    try:
        return inside.call(lambda: {name for _, name in socket.if_nameindex()})
    finally:
        inside.close()


def guest_processes(line: CommandLine) -> list[str]:
    """QEMU and dnsmasq; the daemons of libvirt and of volumes stay until `down`."""
    return [entry for entry in leftovers(line.home, set()) if re.search(r"qemu-system|dnsmasq", entry)]


def test_the_demo_proves_its_claims_and_down_clears_up_even_after_a_killed_ray() -> None:
    if lacks := lacks_for_real_guests():
        pytest.skip("; ".join(lacks))
    line = CommandLine(Path(tempfile.mkdtemp(prefix="nvt-", dir="/tmp")))
    marks: set[str] = set()
    try:
        printed = line.run("demo", "--keep")
        assert "the guest's own report of its address is the database's port" in printed
        assert not re.search(r"^ *NO ", printed, re.MULTILINE)
        marks = marks_of(line.home)
        kill_ray(line.home)
        assert "start one with `novaray up`" in " ".join(line.run("list", code=2).split())
    finally:
        line.run("down", "--purge")
    assert not line.home.exists()
    assert await_nothing(lambda: leftovers(line.home, marks)) == []


def kill_ray(home: Path) -> None:
    """Every process of it, and those that would start them again before them."""
    runtime = running(home)
    assert runtime is not None
    keepers = [process.pid for process in runtime.processes]
    family = [*keepers, *(pid for keeper in keepers for pid in descendants(keeper))]
    rays = [pid for pid in family if pid in keepers or is_rays(pid)]
    for pid in rays:
        os.kill(pid, signal.SIGKILL)
    assert await_nothing(lambda: [str(pid) for pid in rays if is_alive(pid)]) == []

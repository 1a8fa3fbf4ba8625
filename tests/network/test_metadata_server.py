from __future__ import annotations

import asyncio
import json
import socket
from contextlib import ExitStack

from actors.network.dhcp_files import METADATA_ADDRESS
from actors.network.messages import DhcpHost
from actors.network.metadata_server import CONNECTIONS_EACH, MetadataServers, find
from actors.network.simulated import SimulatedDataplane
from actors.simulated_taps import Taps
from tests.network.cloud import StepClock
from tests.network.probes import ip, namespace, real, socket_in

EC2 = {
    "instance-id": "i-00000001",
    "placement": {"availability-zone": "nova"},
    "public-keys": {"0": {"_name": "0=mine", "openssh-key": "ssh-ed25519 AAAA"}},
    "security-groups": ["default", "web"],
}
DOCUMENTS = {
    "openstack/latest/meta_data.json": b"{}",
    "openstack/latest/user_data": b"#!/bin/sh",
    "openstack/2018-08-27/meta_data.json": b"{}",
    "ec2/latest/meta-data.json": json.dumps(EC2).encode(),
    "ec2/latest/user-data": b"#!/bin/sh",
}


def test_documents_of_openstacks_tree() -> None:
    assert find(DOCUMENTS, "/openstack/latest/user_data") == b"#!/bin/sh"
    assert find(DOCUMENTS, "/openstack/latest/nothing") is None
    assert find(DOCUMENTS, "/elsewhere") is None


def test_folders_list_what_is_below_them() -> None:
    assert find(DOCUMENTS, "/openstack") == b"latest\n2018-08-27"
    assert find(DOCUMENTS, "/openstack/latest/") == b"meta_data.json\nuser_data"
    assert find(DOCUMENTS, "/") == b"2009-04-04\nlatest"
    assert find(DOCUMENTS, "/latest") == b"meta-data/\nuser-data"


def test_ec2_gives_each_value_its_own_path() -> None:
    assert find(DOCUMENTS, "/latest/meta-data/instance-id") == b"i-00000001"
    assert find(DOCUMENTS, "/2009-04-04/meta-data/placement/availability-zone") == b"nova"
    assert find(DOCUMENTS, "/latest/meta-data/") == b"instance-id\nplacement/\npublic-keys/\nsecurity-groups"
    assert find(DOCUMENTS, "/latest/meta-data/security-groups") == b"default\nweb"
    assert find(DOCUMENTS, "/latest/user-data") == b"#!/bin/sh"
    assert find(DOCUMENTS, "/latest/meta-data/instance-id/more") is None


def test_a_key_is_listed_by_its_name_and_read_by_its_number() -> None:
    assert find(DOCUMENTS, "/latest/meta-data/public-keys/") == b"0=mine"
    assert find(DOCUMENTS, "/latest/meta-data/public-keys/0/openssh-key") == b"ssh-ed25519 AAAA"
    assert find(DOCUMENTS, "/latest/meta-data/public-keys/0/") == b"openssh-key"


def test_an_instance_without_documents_has_nothing() -> None:
    assert find({}, "/latest/meta-data/") is None
    assert find({}, "/openstack/latest") is None


GUEST = DhcpHost(port_id="p", mac_address="fa:16:3e:00:00:01", fixed_ips=(), dns_name="", device_id="i1")


class OneNamespace(SimulatedDataplane):
    """Its sockets live in a namespace."""

    def __init__(self, name: str) -> None:
        super().__init__(Taps())
        self._name = name

    async def open_socket(self, network_id: str) -> socket.socket:
        return socket_in(self._name, socket.SOCK_STREAM)


@real
def test_a_guest_keeps_few_connections_open_and_asks_the_conductor_seldom() -> None:
    asked: list[str] = []

    async def documents(instance_id: str) -> dict[str, bytes]:
        asked.append(instance_id)
        return DOCUMENTS

    clock = StepClock()

    async def play(name: str) -> None:
        servers = MetadataServers(OneNamespace(name), lambda network_id, address: GUEST, documents, clock)
        await servers.serve(["n"])
        loop, clock.time = asyncio.get_running_loop(), 7.0
        with ExitStack() as held:

            async def ask(source: str) -> bytes:
                """b'' where it is cut off."""
                asking = held.enter_context(socket_in(name, socket.SOCK_STREAM))
                asking.setblocking(False)
                asking.bind((source, 0))
                await loop.sock_connect(asking, (METADATA_ADDRESS, 80))
                await loop.sock_sendall(asking, b"GET /latest/user-data HTTP/1.1\r\nHost: x\r\n\r\n")
                try:
                    return await asyncio.wait_for(loop.sock_recv(asking, 4_096), 5)
                except ConnectionError:
                    return b""

            for _ in range(CONNECTIONS_EACH):
                assert (await ask("127.0.0.3")).endswith(b"#!/bin/sh")
            assert await ask("127.0.0.3") == b""
            assert asked == ["i1"]  # however often it asks
            clock.time += 1
            assert (await ask("127.0.0.2")).endswith(b"#!/bin/sh")
            assert asked == ["i1"] * 2
        await servers.close()

    with namespace("net") as name:
        ip("link", "set", "lo", "up", netns=name)
        ip("addr", "add", f"{METADATA_ADDRESS}/32", "dev", "lo", netns=name)
        asyncio.run(play(name))

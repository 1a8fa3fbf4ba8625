"""The agent over the real data plane: bridges, VXLAN, dnsmasq and nftables in namespaces of the tests' own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from actors.network import namespaces
from actors.network.dhcp import LOG_LIMIT_BYTES, pid_of
from actors.network.dhcp_files import DhcpPaths
from actors.network.ipam import address_by_mac
from actors.network.messages import FirewallRule
from actors.network.naming import bridge_device, dhcp_port_id, tap_device
from actors.network.netns_thread import NetnsThread
from actors.network.node_network import underlay_of
from actors.records import FixedIp, Port, Subnet
from tests.network.fake_network import ALL_PASS
from tests.network.probes import ip, lease, namespace, offered6, ping, real
from tests.network.real_nodes import UP_WITHIN_S, Cloud, agent, play, until

# ---------------------------------------------------------------- DHCP and L2 on one node


@real
def test_a_guest_is_noticed_wired_and_given_exactly_its_reserved_address(tmp_path: Path) -> None:
    async def act(made: Cloud) -> None:
        port = made.port(0, 42)
        await made.agents[0].networks_changed([made.net])
        with namespace("guest") as name:
            made.plug(0, name, port)
            await made.told(f"up {port.id}")
            given = await asyncio.to_thread(lease, name)
            assert given["ip"] == "10.5.0.42"
            assert given["mask"] == "24"
            assert given["mtu"] == "1450"
            assert given["hostname"] == "host-10-5-0-42"
            assert given["staticroutes"] == "169.254.169.254/32 10.5.0.2"
            world = await made.agents[0].world()
            (kept,) = world["leases"]
            assert kept.split()[2:5] == [port.mac_address, "10.5.0.42", "host-10-5-0-42"]
            assert f"{tap_device(port.id)} {bridge_device(made.net)}" in world["taps"]
            assert world["tables"] == ["table bridge novaray", "table inet novaray"]
            assert f"up {dhcp_port_id(made.net)}" in made.network.calls

    play(tmp_path, act)


@real
def test_guests_that_ask_again_and_again_fill_no_disk(tmp_path: Path) -> None:
    async def act(made: Cloud) -> None:
        port = made.port(0, 42)
        await made.agents[0].networks_changed([made.net])
        (log,) = tmp_path.rglob("dnsmasq.log")
        with namespace("guest") as name:
            made.plug(0, name, port)
            await made.told(f"up {port.id}")
            before = log.stat().st_size
            for _ in range(3):
                assert (await asyncio.to_thread(lease, name))["ip"] == "10.5.0.42"
            assert log.stat().st_size == before, log.read_text()
        with log.open("ab") as file:  # what dnsmasq has to complain of is written all the same
            file.write(bytes(LOG_LIMIT_BYTES))
        await made.agents[0].mend()
        assert log.stat().st_size == 0
        os.kill(pid_of(DhcpPaths(log.parent)), signal.SIGHUP)
        await until(lambda: 0 < log.stat().st_size < before)

    play(tmp_path, act)


@real
def test_an_unreserved_guest_is_given_nothing(tmp_path: Path) -> None:
    async def act(made: Cloud) -> None:
        port = made.port(0, 42)  # DHCP has not been told of it
        with namespace("guest") as name:
            made.plug(0, name, port)
            await made.told(f"up {port.id}")
            assert await asyncio.to_thread(lease, name) == {}

    play(tmp_path, act)


@real
def test_an_address_goes_from_guest_to_guest_with_its_reservation(tmp_path: Path) -> None:
    async def act(made: Cloud) -> None:
        first = made.port(0, 42)
        await made.agents[0].networks_changed([made.net])
        with namespace("g1") as name:
            made.plug(0, name, first)
            await made.told(f"up {first.id}")
            assert (await asyncio.to_thread(lease, name))["ip"] == "10.5.0.42"
            made.unplug(0, first)
            await made.told(f"down {first.id}")
        del made.network.ports[first.id]
        await made.agents[0].networks_changed([made.net])
        world = await made.agents[0].world()
        assert (world["leases"], world["dhcp_entries"]) == ([], [])
        second = made.network.add_port(str(uuid.uuid4()), made.net, "10.5.0.42", "h1")
        second = made.network.ports[second.id] = replace(second, mac_address="fa:16:3e:00:00:99")
        await made.agents[0].networks_changed([made.net])
        with namespace("g2") as name:
            made.plug(0, name, second)
            await made.told(f"up {second.id}")
            assert (await asyncio.to_thread(lease, name))["ip"] == "10.5.0.42"

    play(tmp_path, act)


@real
def test_a_dead_dnsmasq_runs_again(tmp_path: Path) -> None:
    async def act(made: Cloud) -> None:
        paths = DhcpPaths(made.nodes[0].dhcp / made.net)
        first = pid_of(paths)
        assert first
        os.kill(first, signal.SIGKILL)
        await until(lambda: pid_of(paths) not in (0, first))

    play(tmp_path, act)


@real
def test_a_new_life_adopts_what_runs_and_the_world_stays(tmp_path: Path) -> None:
    async def act(made: Cloud) -> None:
        port = made.port(0, 42)
        await made.agents[0].networks_changed([made.net])
        with namespace("guest") as name:
            made.plug(0, name, port)
            await made.told(f"up {port.id}")
            before, pid = await made.agents[0].world(), pid_of(DhcpPaths(made.nodes[0].dhcp / made.net))
            await made.agents[0].stop(remove=False)
            made.agents[0] = agent(made, made.nodes[0])
            await made.agents[0].start()
            assert await made.agents[0].world() == before
            assert pid_of(DhcpPaths(made.nodes[0].dhcp / made.net)) == pid
            assert any(call.startswith("up ") and port.id in call for call in made.network.calls[-3:])

    play(tmp_path, act)


@real
def test_dhcp_and_bridge_leave_with_the_networks_last_port(tmp_path: Path) -> None:
    async def act(made: Cloud) -> None:
        made.network.ports.clear()
        for _ in range(2):
            await made.agents[0].networks_changed([made.net])
            world = await made.agents[0].world()
            assert not [kind for kind, found in world.items() if found and kind != "tables"], world

    play(tmp_path, act)


@real
def test_dhcp_that_its_old_node_still_has_is_the_new_nodes_alone(tmp_path: Path) -> None:
    """Nodes of one machine share the names of namespaces: that of the old node, which may be dead, is in the way."""

    async def act(made: Cloud) -> None:
        old, new = made.agents
        served = made.network.networks[made.net]
        made.network.networks[made.net] = replace(served, dhcp_host="h2")
        for port in made.network.ports.values():
            made.network.ports[port.id] = replace(port, host="h2")
        await new.networks_changed([made.net])
        port = made.port(1, 9)
        with namespace("late") as late:
            made.plug(1, late, port)
            await new.networks_changed([made.net])
            await made.told(f"up {port.id}")
            assert (await asyncio.to_thread(lease, late))["ip"] == "10.5.0.9"
            await old.networks_changed([made.net])  # it hears at last, and takes nothing of the other's away
            assert ((await old.world())["dhcp"], (await new.world())["dnsmasq"]) == ([], [made.net])
            assert (await asyncio.to_thread(lease, late))["ip"] == "10.5.0.9"

    play(tmp_path, act, 2)


@asynccontextmanager
async def two_guests(made: Cloud) -> AsyncIterator[tuple[tuple[str, Port], tuple[str, Port]]]:
    """Wired on the first node, with 10.5.0.11 and .12: the namespace and the port of each."""
    one, two = made.port(0, 11), made.port(0, 12)
    with namespace("g1") as first, namespace("g2") as second:
        for name, port, address in ((first, one, "10.5.0.11/24"), (second, two, "10.5.0.12/24")):
            made.plug(0, name, port, address)
        await made.agents[0].look()
        yield (first, one), (second, two)


@real
def test_a_security_group_that_changes_is_applied_to_guests_that_run(tmp_path: Path) -> None:
    async def act(made: Cloud) -> None:
        async with two_guests(made) as ((first, _), (second, two)):
            assert await asyncio.to_thread(ping, first, "10.5.0.12")
            out = FirewallRule(
                direction="egress", ethertype="IPv4", protocol="", port_min=-1, port_max=-1, remote_prefixes=()
            )
            made.network.rules[two.id] = (out,)
            await made.agents[0].networks_changed([made.net])
            assert not await asyncio.to_thread(ping, first, "10.5.0.12")
            assert await asyncio.to_thread(ping, second, "10.5.0.11")
            assert await asyncio.to_thread(ping, first, "10.5.0.2")  # DHCP's port

    play(tmp_path, act)


@real
def test_a_guest_whose_port_is_down_is_cut_off_in_every_life_of_the_agent(tmp_path: Path) -> None:
    async def act(made: Cloud) -> None:
        async with two_guests(made) as ((first, one), (second, _)):
            assert await asyncio.to_thread(ping, first, "10.5.0.12")
            made.network.ports[one.id] = replace(one, admin_state_up=False)
            await made.agents[0].networks_changed([made.net])
            assert not await asyncio.to_thread(ping, first, "10.5.0.12")
            await made.agents[0].stop(remove=False)
            made.agents[0] = agent(made, made.nodes[0])
            await made.agents[0].start()
            assert not await asyncio.to_thread(ping, first, "10.5.0.12")
            assert await asyncio.to_thread(ping, second, "10.5.0.2")

    play(tmp_path, act)


@real
def test_a_guest_draws_nobodys_packets_to_itself(tmp_path: Path) -> None:
    """By a frame in another's name to the bridge alone (LACP, EAPOL, LLDP), which the bridge does not pass on."""

    async def act(made: Cloud) -> None:
        async with two_guests(made) as ((first, _), (second, two)):
            assert await asyncio.to_thread(ping, second, "10.5.0.2")

            def forge() -> None:
                with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
                    raw.bind(("eth0", 0))
                    for last in (0x02, 0x03, 0x0E):
                        ends = bytes.fromhex(f"0180c20000{last:02x}{two.mac_address.replace(':', '')}")
                        raw.send(ends + bytes.fromhex("88cc") + bytes(46))

            there = NetnsThread(first)
            there.call(forge)
            there.close()
            known = ip("-json", "-family", "bridge", "neigh", "show", netns=made.nodes[0].netns)
            (where,) = [each["dev"] for each in json.loads(known) if each.get("lladdr") == two.mac_address]
            assert where == tap_device(two.id)

    play(tmp_path, act)


# ---------------------------------------------------------------- two nodes


@real
def test_guests_on_two_nodes_reach_each_other_and_dhcp_over_vxlan(tmp_path: Path) -> None:
    async def act(made: Cloud) -> None:
        near, far = made.port(0, 21), made.port(1, 22)
        await made.agents[0].networks_changed([made.net])
        with namespace("g1") as first, namespace("g2") as second:
            made.plug(0, first, near)
            made.plug(1, second, far)
            await made.told(f"up {near.id}")
            await made.told(f"up {far.id}")
            for name, address in ((second, "10.5.0.22"), (first, "10.5.0.21")):
                given = await asyncio.to_thread(lease, name)
                assert given["ip"] == address
                ip("addr", "add", f"{address}/24", "dev", "eth0", netns=name)
            assert await asyncio.to_thread(ping, first, "10.5.0.22")
            assert await asyncio.to_thread(ping, second, "10.5.0.21")
            assert (await made.agents[1].world())["tunnels"] == ["vxlan-77"]
            assert underlay_of(made.nodes[0].netns) in namespaces.names()

    play(tmp_path, act, count=2)


# ---------------------------------------------------------------- IPv6


def with_ipv6(made: Cloud, mode: str) -> None:
    """A second subnet, whose prefix is announced; the DHCP server's own address is as the network room gives it."""
    six = Subnet(
        id="six",
        name="",
        network_id=made.net,
        project_id="p",
        cidr="fd00:5::/64",
        ipv6_ra_mode=mode,
        ipv6_address_mode=mode,
    )
    made.network.subnets["six"] = six
    server = made.network.ports[dhcp_port_id(made.net)]
    made.network.ports[server.id] = has6(server, address_by_mac(six.cidr, server.mac_address))


def has6(port: Port, address: str) -> Port:
    return replace(port, fixed_ips=(*port.fixed_ips, FixedIp("six", address)))


def port6(made: Cloud, node: int, last: int, address: str = "") -> tuple[Port, str]:
    port = made.port(node, last)
    address = address or address_by_mac("fd00:5::/64", port.mac_address)
    made.network.ports[port.id] = port = has6(port, address)
    made.network.rules[port.id] = (*ALL_PASS, *(replace(rule, ethertype="IPv6") for rule in ALL_PASS))
    return port, address


@real
def test_guests_make_their_addresses_of_what_is_announced_and_reach_each_other(tmp_path: Path) -> None:
    async def act(made: Cloud) -> None:
        with_ipv6(made, "slaac")
        (near, first), (far, second) = port6(made, 0, 21), port6(made, 1, 22)
        await made.agents[0].networks_changed([made.net])
        with namespace("g1") as one, namespace("g2") as two:
            made.plug(0, one, near)
            made.plug(1, two, far)
            for name, address in ((one, first), (two, second)):
                await until(lambda name=name, address=address: address in good6(name))  # type: ignore[misc]
            assert await asyncio.to_thread(ping, one, second) and await asyncio.to_thread(ping, two, first)
            assert ip("-6", "route", "show", "default", netns=one) == ""  # nobody is a router here
            assert (await asyncio.to_thread(lease, one))["ip"] == "10.5.0.21"

    play(tmp_path, act, count=2)


def good6(netns: str) -> str:
    return ip("-6", "addr", "show", "dev", "eth0", "scope", "global", "-tentative", netns=netns)


@real
def test_a_guest_is_given_its_reserved_address_of_ipv6_too(tmp_path: Path) -> None:
    async def act(made: Cloud) -> None:
        with_ipv6(made, "dhcpv6-stateful")
        port, address = port6(made, 0, 21, "fd00:5::1234")
        await made.agents[0].networks_changed([made.net])
        with namespace("guest") as name:
            made.plug(0, name, port)
            await made.told(f"up {port.id}")
            await until(lambda: "fe80::" in ip("-6", "addr", "show", "dev", "eth0", "-tentative", netns=name))
            assert await asyncio.to_thread(offered6, name, port.mac_address) == address
            assert good6(name) == ""  # it makes none itself
            assert await asyncio.to_thread(offered6, name, port.mac_address, take=True) == address
            anew = bytes((0, 4)) + bytes(range(16))  # the guest was made anew, and calls itself otherwise
            async with asyncio.timeout(UP_WITHIN_S):  # the old one's lease would be in its way for ten minutes
                while await asyncio.to_thread(offered6, name, port.mac_address, 1.0, True, anew) != address:  # noqa: ASYNC110 - the kernel sets no event
                    await asyncio.sleep(0.02)
            made.network.ports.pop(port.id)
            await made.agents[0].networks_changed([made.net])
            assert await asyncio.to_thread(offered6, name, port.mac_address, 1.0) == ""

    play(tmp_path, act)


# ---------------------------------------------------------------- ways in


@real
def test_a_relay_leads_from_the_node_to_a_guest(tmp_path: Path) -> None:
    async def act(made: Cloud) -> None:
        port = made.port(0, 31)
        with namespace("guest") as name:
            made.plug(0, name, port, "10.5.0.31/24")
            await made.told(f"up {port.id}")
            where = await made.agents[0].forward(made.net, "10.5.0.31", 8080)
            assert await made.agents[0].forward(made.net, "10.5.0.31", 8080) == where
            async with echo_server(name, 8080):
                assert await talk(where) == b"echo: are you there?"
            assert await talk(where) == b""  # the guest refuses: the connection ends

    play(tmp_path, act)


@asynccontextmanager
async def echo_server(netns: str, port: int) -> AsyncIterator[None]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"echo: " + await reader.read())
        writer.close()

    thread = NetnsThread(netns)
    server = await asyncio.start_server(answer, sock=await thread.run(socket.create_server, ("", port)))
    thread.close()
    async with server:
        yield


async def talk(where: tuple[str, int]) -> bytes:
    """Says something, says that it was all, and listens to the end."""
    reader, writer = await asyncio.open_connection(*where)
    try:
        writer.write(b"are you there?")
        writer.write_eof()
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@real
def test_guests_read_their_own_metadata_and_nobody_elses(tmp_path: Path) -> None:
    async def act(made: Cloud) -> None:
        one, two = made.port(0, 31, device="instance-1"), made.port(0, 32, device="instance-2")
        await made.agents[0].networks_changed([made.net])
        with namespace("g1") as first, namespace("g2") as second:
            for name, port, last in ((first, one, 31), (second, two, 32)):
                made.plug(0, name, port, f"10.5.0.{last}/24")
                await made.told(f"up {port.id}")
                ip("route", "add", "169.254.169.254", "via", "10.5.0.2", netns=name)
            assert b'"uuid": "instance-1"' in await metadata(first)
            assert b'"uuid": "instance-2"' in await metadata(second)
            del made.network.ports[one.id]
            await made.agents[0].networks_changed([made.net])
            with pytest.raises(TimeoutError):  # its port is closed before anybody answers
                await metadata(first)

    play(tmp_path, act)


async def metadata(netns: str) -> bytes:
    thread = NetnsThread(netns)
    caller = await thread.run(socket.create_connection, ("169.254.169.254", 80), 2.0)
    thread.close()
    reader, writer = await asyncio.open_connection(sock=caller)
    writer.write(b"GET /openstack/latest/meta_data.json HTTP/1.0\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer

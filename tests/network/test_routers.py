"""Routers with real packets: guests on two networks of a node, and a host on the external network."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from msgspec import structs
from msgspec.structs import replace

from actors.errors import HostError
from actors.network import namespaces
from actors.network.messages import FirewallRule, RouterInfo, RouterPort
from actors.network.naming import INTERFACE_OWNER, tap_device
from actors.network.routers import Settled
from actors.network.routing import devices, namespace_of, world
from actors.records import AddressPair
from tests.network.fake_network import ALL_PASS
from tests.network.probes import ip, namespace, real, socket_in
from tests.network.real_nodes import Cloud, agent, cloud

OUT_OF_REACH_S = 0.2  # for a connection that should not be
PORT = 8000
FLOATING_1, FLOATING_2, GATEWAY, OUTSIDE = "203.0.113.51", "203.0.113.52", "203.0.113.2", "203.0.113.1"
PAIRS = ((FLOATING_1, "10.5.0.11"), (FLOATING_2, "10.5.0.12"))


@dataclass
class Site:
    """One router between two networks of tenants (`near`: guests 11 and 12, `far`: guest 11) and an external one."""

    made: Cloud
    info: RouterInfo
    nets: list[str]
    stack: ExitStack
    one: str = ""  # 10.5.0.11
    two: str = ""  # 10.5.0.12
    far: str = ""  # 10.6.0.11
    outside: str = ""  # 203.0.113.1

    def plug(self, role: str, net: str, address: str, router: str = "", secure: bool = True) -> str:
        """A guest, whose way out is the router."""
        name = self.stack.enter_context(namespace(role))
        port = self.made.network.add_port(str(uuid.uuid4()), net, address, "h1")
        port = self.made.network.ports[port.id] = replace(port, port_security_enabled=secure)
        self.made.plug(0, name, port, f"{address}/24")
        if router:
            ip("route", "add", "default", "via", router, netns=name)
        return name

    async def say(self, **fields: object) -> None:
        """The router changes so."""
        self.info = self.made.network.routers[self.info.router_id] = replace(self.info, **fields)
        for each in self.made.agents:
            await each.networks_changed([], None, [self.info])


@asynccontextmanager
async def site(folder: Path, nodes: int = 1) -> AsyncIterator[Site]:
    async with cloud(folder, nodes, dhcp=False) as made:
        with ExitStack() as stack:
            far, out = str(uuid.uuid4()), str(uuid.uuid4())
            made.network.add_network(far, "10.6.0.0/24", 78, "")
            made.network.add_network(out, "203.0.113.0/24", 79, "")
            ends = {made.net: "10.5.0.1", far: "10.6.0.1"}
            info = made.network.add_router(str(uuid.uuid4()), "h1", ends, (out, GATEWAY))
            found = Site(made, info, [made.net, far, out], stack)
            found.one = found.plug("one", made.net, "10.5.0.11", "10.5.0.1")
            found.two = found.plug("two", made.net, "10.5.0.12", "10.5.0.1")
            found.far = found.plug("far", far, "10.6.0.11", "10.6.0.1")
            found.outside = found.plug("out", out, OUTSIDE, secure=False)
            await made.agents[0].look()
            await found.say(floating_ips=PAIRS)
            yield found


Act = Callable[[Site], Awaitable[None]]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[asyncio.Runner, Site]]:
    """One site for the tests that leave it as it is, but for what they say of its router and its security groups."""
    with asyncio.Runner() as runner:
        whole = site(tmp_path_factory.mktemp("site"))
        yield runner, runner.run(whole.__aenter__())  # type: ignore[arg-type]  # of a coroutine's kind
        runner.run(whole.__aexit__(None, None, None))  # type: ignore[arg-type]


@pytest.fixture
def on_site(shared: tuple[asyncio.Runner, Site]) -> Iterator[Callable[[Act], None]]:
    runner, found = shared
    info = found.info
    yield lambda act: runner.run(act(found))  # type: ignore[arg-type]
    found.made.network.rules.clear()
    runner.run(found.say(**structs.asdict(info)))
    runner.run(found.made.agents[0].networks_changed(found.nets))


def play(folder: Path, act: Act, nodes: int = 1) -> None:
    async def whole() -> None:
        async with site(folder, nodes) as found:
            await act(found)

    asyncio.run(whole())


@contextmanager
def talk(caller: str, address: str, called: str, wait_s: float = 5.0) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A TCP connection from one namespace to what should be another: the ends of both."""
    with socket_in(called, socket.SOCK_STREAM, PORT) as listening, socket_in(caller, socket.SOCK_STREAM) as calling:
        calling.settimeout(wait_s)
        calling.connect((address, PORT))
        answering, _ = listening.accept()
        answering.settimeout(wait_s)
        with answering:
            yield calling, answering


def seen(caller: str, address: str, called: str) -> str:
    """As whom the one who is called sees the caller."""
    with talk(caller, address, called) as (_, answering):
        return str(answering.getpeername()[0])


def shut(caller: str, address: str, called: str) -> bool:
    """Nobody comes to the one who is called."""
    try:
        with talk(caller, address, called, OUT_OF_REACH_S):
            return False
    except OSError:
        return True


def goes_on(ends: tuple[socket.socket, socket.socket]) -> bool:
    ends[0].sendall(b"ping")
    ends[1].sendall(ends[1].recv(4))
    return ends[0].recv(4) == b"ping"


def has_ended(end: socket.socket) -> bool:
    try:
        return end.recv(1) == b""
    except ConnectionError:
        return True


def allow(protocol: str = "tcp", *prefixes: str) -> FirewallRule:
    return FirewallRule(
        direction="ingress", ethertype="IPv4", protocol=protocol, port_min=-1, port_max=-1, remote_prefixes=prefixes
    )


# ---------------------------------------------------------------- ways through


@real
def test_a_router_leads_between_its_networks_and_out_and_in_by_floating_ips(on_site: Callable[[Act], None]) -> None:
    async def act(site: Site) -> None:
        assert seen(site.one, "10.6.0.11", site.far) == "10.5.0.11"
        assert seen(site.far, "10.5.0.12", site.two) == "10.6.0.11"
        assert seen(site.far, OUTSIDE, site.outside) == GATEWAY
        assert seen(site.one, OUTSIDE, site.outside) == FLOATING_1
        assert seen(site.outside, FLOATING_2, site.two) == OUTSIDE
        # who meets by floating IPs does so through the router, on one subnet as well
        assert seen(site.one, FLOATING_2, site.two) == FLOATING_1
        assert seen(site.two, FLOATING_2, site.two) == FLOATING_2
        assert seen(site.far, FLOATING_2, site.two) == GATEWAY

    on_site(act)


@real
def test_security_groups_judge_routed_senders_as_who_they_are(on_site: Callable[[Act], None]) -> None:
    async def act(site: Site) -> None:
        two = next(port for port in site.made.network.ports.values() if port.fixed_ips[0].ip_address == "10.5.0.12")
        out = next(rule for rule in ALL_PASS if rule.direction == "egress")
        site.made.network.rules[two.id] = (out, allow("tcp", f"{OUTSIDE}/32", "10.6.0.0/24"))
        await site.made.agents[0].networks_changed([site.made.net])
        assert seen(site.outside, FLOATING_2, site.two) == OUTSIDE
        assert seen(site.far, "10.5.0.12", site.two) == "10.6.0.11"
        assert shut(site.far, FLOATING_2, site.two)  # as the gateway, which the rule does not name
        assert shut(site.one, FLOATING_2, site.two)
        assert seen(site.two, "10.6.0.11", site.far) == "10.5.0.12"  # what answers it needs no rule
        assert seen(site.two, OUTSIDE, site.outside) == FLOATING_2

    on_site(act)


@real
def test_two_subnets_of_one_network_meet_through_their_router(on_site: Callable[[Act], None]) -> None:
    """What goes between them passes one bridge twice, and with it one zone of connection tracking."""

    async def act(site: Site) -> None:
        net = site.made.net
        second = site.plug("sub", net, "10.7.0.13", "10.7.0.1")
        port = site.made.network.add_port(str(uuid.uuid4()), net, "10.7.0.1", "h1", INTERFACE_OWNER)
        mac = "fa:16:3e:00:77:01"
        end = RouterPort(port_id=port.id, network_id=net, mac_address=mac, mtu=1450, addresses=("10.7.0.1/24",))
        await site.say(interfaces=(*site.info.interfaces, end))
        await site.made.agents[0].look()
        assert seen(site.one, "10.7.0.13", second) == "10.5.0.11"
        assert seen(second, OUTSIDE, site.outside) == GATEWAY
        with talk(second, "10.5.0.12", site.two) as ends:
            assert goes_on(ends)
        one = next(port for port in site.made.network.ports.values() if port.fixed_ips[0].ip_address == "10.5.0.11")
        site.made.network.rules[one.id] = tuple(rule for rule in ALL_PASS if rule.direction == "egress")
        await site.made.agents[0].networks_changed([net])
        assert shut(second, "10.5.0.11", site.one)
        assert seen(site.one, "10.7.0.13", second) == "10.5.0.11"

    on_site(act)


@real
def test_nothing_comes_in_unasked_while_a_router_translates(on_site: Callable[[Act], None]) -> None:
    async def act(site: Site) -> None:
        for net in ("10.5.0.0/24", "10.6.0.0/24"):
            ip("route", "add", net, "via", GATEWAY, netns=site.outside)
        with (
            socket_in(site.one, socket.SOCK_DGRAM, PORT) as guest,
            socket_in(site.outside, socket.SOCK_DGRAM) as host,
        ):
            host.sendto(b"unasked", ("10.5.0.11", PORT))
            host.sendto(b"asked", (FLOATING_1, PORT))  # the same way, and later
            assert guest.recv(100) == b"asked"
        ip("addr", "add", "10.6.0.99/32", "dev", "eth0", netns=site.outside)
        with (
            socket_in(site.one, socket.SOCK_DGRAM, PORT) as guest,
            socket_in(site.outside, socket.SOCK_DGRAM) as host,
            socket_in(site.outside, socket.SOCK_DGRAM) as liar,
        ):
            liar.bind(("10.6.0.99", 0))
            liar.sendto(b"as somebody inside", (FLOATING_1, PORT))
            host.sendto(b"as itself", (FLOATING_1, PORT))
            assert guest.recv(100) == b"as itself"
        await site.say(enable_snat=False)
        assert seen(site.outside, "10.6.0.11", site.far) == OUTSIDE
        assert seen(site.far, OUTSIDE, site.outside) == "10.6.0.11"
        assert seen(site.one, OUTSIDE, site.outside) == FLOATING_1

    on_site(act)


@real
def test_nobody_sends_through_a_router_as_somebody_of_another_network(on_site: Callable[[Act], None]) -> None:
    async def act(site: Site) -> None:
        liar = site.plug("liar", site.nets[1], "10.6.0.66", "10.6.0.1", secure=False)
        await site.made.agents[0].look()
        for address in ("10.5.0.11", "203.0.113.200", "198.51.100.9"):
            ip("addr", "add", f"{address}/32", "dev", "lo", netns=liar)
        assert heard(liar, "10.5.0.11", site.two, "10.5.0.12") == "10.6.0.66"
        assert heard(liar, "10.5.0.11", site.outside, OUTSIDE) == GATEWAY
        await site.say(enable_snat=False)
        for address in ("203.0.113.200", "198.51.100.9"):
            assert heard(liar, address, site.outside, OUTSIDE) == "10.6.0.66"

    on_site(act)


def heard(caller: str, pretended: str, called: str, address: str) -> str:
    """From whom the first of two datagrams comes that one sends, as somebody else and then as itself."""
    with (
        socket_in(called, socket.SOCK_DGRAM, PORT) as hearing,
        socket_in(caller, socket.SOCK_DGRAM) as lying,
        socket_in(caller, socket.SOCK_DGRAM) as honest,
    ):
        lying.bind((pretended, 0))
        lying.sendto(b"as somebody else", (address, PORT))
        honest.sendto(b"as itself", (address, PORT))
        return str(hearing.recvfrom(100)[1][0])


@real
def test_extra_routes_lead_on_and_one_that_leads_nowhere_is_told(on_site: Callable[[Act], None]) -> None:
    async def act(site: Site) -> None:
        ip("addr", "add", "192.0.2.1/32", "dev", "lo", netns=site.far)
        ports = site.made.network.ports
        far = next(port for port in ports.values() if port.fixed_ips[0].ip_address == "10.6.0.11")
        ports[far.id] = replace(far, allowed_address_pairs=(AddressPair("192.0.2.0/24"),))
        await site.made.agents[0].networks_changed(site.nets)
        await site.say(routes=(("192.0.2.0/24", "10.6.0.11"),))
        assert seen(site.one, "192.0.2.1", site.far) == "10.5.0.11"
        with pytest.raises(HostError, match=r"route 198\.51\.100\.0/24 via 192\.168\.7\.7"):
            await site.say(routes=(("198.51.100.0/24", "192.168.7.7"),))
        assert "198.51.100.0/24" not in routes_of(site)
        assert "192.0.2.0/24" not in routes_of(site)
        await site.say(routes=(), next_hop="")
        assert "default" not in routes_of(site)

    on_site(act)


@real
def test_a_route_over_a_network_that_the_router_is_in_changes_nothing_there(on_site: Callable[[Act], None]) -> None:
    async def act(site: Site) -> None:
        inside = namespace_of(site.info.router_id)
        ip("route", "add", "192.0.2.0/24", "via", "10.6.0.11", "proto", "static", netns=inside)  # of an older version
        for routes in ((("10.5.0.0/24", "10.6.0.11"), ("192.0.2.0/24", "10.6.0.11")), ()):
            await site.say(routes=routes)
            assert seen(site.one, "10.6.0.11", site.far) == "10.5.0.11"
            assert routes_of(site).count("192.0.2.0/24") == (1 if routes else 0)
            assert "10.5.0.0/24 dev" in routes_of(site)

    on_site(act)


def routes_of(site: Site) -> str:
    return ip("route", netns=namespace_of(site.info.router_id))


# ---------------------------------------------------------------- changes


@real
def test_a_floating_ip_that_goes_ends_its_connections_and_no_others(on_site: Callable[[Act], None]) -> None:
    async def act(site: Site) -> None:
        with (
            talk(site.outside, FLOATING_2, site.two) as staying,
            talk(site.one, OUTSIDE, site.outside) as out,
            talk(site.outside, FLOATING_1, site.one) as into,
        ):
            await site.say(floating_ips=PAIRS)  # again: nothing ends
            assert goes_on(staying) and goes_on(out) and goes_on(into)
            await site.say(floating_ips=PAIRS[1:])
            assert goes_on(staying)
            for guest in (out[0], into[1]):  # it comes from another address now, which the host does not know
                guest.sendall(b"still there?")
                assert has_ended(guest)
        assert shut(site.outside, FLOATING_1, site.one)
        assert seen(site.one, OUTSIDE, site.outside) == GATEWAY

    on_site(act)


@real
def test_an_address_that_comes_is_announced(on_site: Callable[[Act], None]) -> None:
    async def act(site: Site) -> None:
        stale = ("lladdr", "fa:16:3e:99:99:99", "dev", "eth0", "nud", "reachable")
        ip("neigh", "replace", "203.0.113.53", *stale, netns=site.outside)
        await site.say(floating_ips=(*PAIRS[:1], ("203.0.113.53", "10.5.0.12")))
        assert seen(site.outside, "203.0.113.53", site.two) == OUTSIDE

    on_site(act)


@real
def test_a_router_moves_to_another_node(tmp_path: Path) -> None:
    async def act(site: Site) -> None:
        assert seen(site.outside, FLOATING_1, site.one) == OUTSIDE
        for port in site.made.network.ports.values():
            if port.device_id == site.info.router_id:
                site.made.network.ports[port.id] = replace(port, host="h2")
        await site.say(host="h2")
        for each in site.made.agents:
            await each.networks_changed(site.nets)
        assert seen(site.outside, FLOATING_1, site.one) == OUTSIDE
        assert seen(site.far, "10.5.0.12", site.two) == "10.6.0.11"
        first, second = [await each.world() for each in site.made.agents]
        assert (first["routers"], first["router_namespaces"]) == ([], [])
        assert second["routers"] == [site.info.router_id]

    play(tmp_path, act, nodes=2)


@real
def test_a_router_that_its_old_node_still_has_is_the_new_nodes_alone(tmp_path: Path) -> None:
    """Nodes of one machine share the names of namespaces: that of the old node, which may be dead, is in the way."""

    async def act(site: Site) -> None:
        old, new = site.made.agents
        for port in site.made.network.ports.values():
            if port.device_id == site.info.router_id:
                site.made.network.ports[port.id] = replace(port, host="h2")
        info = replace(site.info, host="h2")
        await new.networks_changed([], None, [info])
        for each in site.made.agents:
            await each.networks_changed(site.nets)
        assert seen(site.outside, FLOATING_1, site.one) == OUTSIDE
        await old.networks_changed([], None, [info])  # it hears at last, and takes nothing of the other's away
        assert seen(site.outside, FLOATING_1, site.one) == OUTSIDE
        assert (await old.world())["routers"] == []

    play(tmp_path, act, nodes=2)


# ---------------------------------------------------------------- lives


@real
def test_what_is_there_is_what_was_said_and_a_new_life_finds_it(tmp_path: Path) -> None:
    async def act(site: Site) -> None:
        before = await site.made.agents[0].world()
        assert before["router_namespaces"] == [namespace_of(site.info.router_id)]
        assert {kind: before[kind] for kind in world([])} == world([site.info])
        with talk(site.outside, FLOATING_2, site.two) as staying, talk(site.one, OUTSIDE, site.outside) as going:
            await new_life(site)
            assert await site.made.agents[0].world() == before
            assert goes_on(staying) and goes_on(going)
            site.made.network.routers[site.info.router_id] = replace(site.info, floating_ips=PAIRS[1:])
            await new_life(site)
            assert goes_on(staying)
            going[0].sendall(b"still there?")
            assert has_ended(going[0])
        del site.made.network.routers[site.info.router_id]
        await new_life(site)
        after = await site.made.agents[0].world()
        assert not [after[kind] for kind in (*world([]), "router_namespaces") if after[kind]]
        assert namespace_of(site.info.router_id) not in namespaces.names()

    play(tmp_path, act)


@real
def test_what_somebody_changes_inside_a_router_is_put_right_and_no_more(on_site: Callable[[Act], None]) -> None:
    def do(*command: str) -> None:
        subprocess.run(command, check=True)

    async def act(site: Site) -> None:
        inside, l3 = namespace_of(site.info.router_id), site.made.agents[0]
        [gateway] = [device.name for device in devices(site.info) if device.name.startswith("qg-")]
        await l3.mend()
        before, rules = await l3.world(), rules_of(site)
        await l3.mend()
        assert rules_of(site) == rules  # nothing was done: nothing had changed
        for harm in (
            ("ip", "addr", "flush", "dev", gateway),
            ("ip", "route", "flush", "table", "main"),
            ("nft", "flush", "ruleset"),
            ("sysctl", "-qw", "net.ipv4.ip_forward=0"),
            ("ip", "link", "set", gateway, "down"),
        ):
            do(*namespaces.inside(inside, *harm))
            assert shut(site.outside, FLOATING_2, site.two), harm
            await l3.mend()
            assert await l3.world() == before, harm
            assert seen(site.outside, FLOATING_2, site.two) == OUTSIDE, harm

    on_site(act)


@real
def test_a_new_life_leaves_a_router_alone_that_is_as_it_should_be(tmp_path: Path) -> None:
    async def act(site: Site) -> None:
        file = site.made.nodes[0].routers / site.info.router_id
        before = rules_of(site)
        await new_life(site)
        assert rules_of(site) == before
        assert seen(site.outside, FLOATING_2, site.two) == OUTSIDE
        known = msgspec.json.decode(file.read_bytes(), type=Settled)
        file.write_bytes(msgspec.json.encode(structs.replace(known, made="by another version")))
        await new_life(site)
        assert rules_of(site) != before
        broken = replace(site.info, routes=(("198.51.100.0/24", "192.168.7.7"),))  # it leads nowhere
        site.made.network.routers[site.info.router_id] = broken
        await new_life(site)
        before = rules_of(site)
        await new_life(site)
        assert rules_of(site) != before  # it is tried again

    play(tmp_path, act)


def rules_of(site: Site) -> str:
    """By the number that the kernel gives to each table that is made."""
    command = namespaces.inside(namespace_of(site.info.router_id), "nft", "-j", "list", "tables")
    return subprocess.run(command, text=True, capture_output=True, check=True).stdout


async def new_life(site: Site) -> None:
    await site.made.agents[0].stop(remove=False)
    site.made.agents[0] = agent(site.made, site.made.nodes[0])
    await site.made.agents[0].start()


@real
def test_an_agent_that_is_killed_on_the_way_leaves_nothing_known_of_its_router(tmp_path: Path) -> None:
    async def act(site: Site) -> None:
        file = site.made.nodes[0].routers / site.info.router_id
        assert msgspec.json.decode(file.read_bytes(), type=Settled).info == site.info
        saying = asyncio.create_task(site.say(floating_ips=PAIRS[:1]))
        while file.read_bytes() and not saying.done():  # noqa: ASYNC110 - a file sets no event
            await asyncio.sleep(0)
        assert not saying.done()
        await saying
        assert msgspec.json.decode(file.read_bytes(), type=Settled).info == site.info

    play(tmp_path, act)


@real
def test_a_router_that_somebody_took_away_is_made_again(tmp_path: Path) -> None:
    async def act(site: Site) -> None:
        node, taps = site.made.nodes[0].netns, [tap_device(port.port_id) for port in site.info.interfaces]
        before = await site.made.agents[0].world()
        with socket_in(
            namespace_of(site.info.router_id), socket.SOCK_DGRAM
        ):  # so its name goes, and what is in it stays
            ip("netns", "del", namespace_of(site.info.router_id))
            await site.made.agents[0].mend()
        assert await site.made.agents[0].world() == before
        ip("link", "del", taps[0], netns=node)
        await site.made.agents[0].mend()
        assert await site.made.agents[0].world() == before
        assert seen(site.outside, FLOATING_2, site.two) == OUTSIDE
        await site.say(admin_state_up=False)
        assert (await site.made.agents[0].world())["router_addresses"] == []
        assert shut(site.outside, FLOATING_2, site.two)

    play(tmp_path, act)

"""The agent over the simulated data plane: what it asks, makes, reports and heals."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from actors.clock import SystemClock
from actors.cluster.config import CloudConfig, NodeConfig
from actors.errors import HostError
from actors.network import routing
from actors.network.agent import NetworkAgent
from actors.network.l2 import Segment
from actors.network.messages import DhcpNetworkInfo, NetworkNews, RouterInfo
from actors.network.naming import bridge_device, dhcp_port_id, tap_device
from actors.network.simulated import SimulatedDataplane
from actors.network.views import details_of
from actors.simulated_taps import Taps
from tests.network.fake_network import FakeNetwork

PORT = "11111111-aaaa"
TAP = tap_device(PORT)
NET = "22222222-bbbb"
PORT_ADDRESS = "10.5.0.9"
DHCP_TAP = tap_device(dhcp_port_id(NET))


class Node:
    def __init__(
        self, network: FakeNetwork, taps: Taps | None = None, dataplane: SimulatedDataplane | None = None
    ) -> None:
        home = Path("/nowhere")
        self.network = network
        self.taps = taps or Taps()
        self.dataplane = dataplane = dataplane or SimulatedDataplane(self.taps)
        self.agent = NetworkAgent(
            NodeConfig(host="h1", home=home), CloudConfig(home=home), network, dataplane, SystemClock()
        )

    async def appear(self, devices: list[str]) -> None:
        self.taps.add(devices)
        await self.agent.look()

    async def go(self, devices: list[str]) -> None:
        self.taps.remove(devices)
        await self.agent.look()


def run(play: Callable[[Node], Awaitable[None]], prepare: Callable[[FakeNetwork], object] | None = None) -> Node:
    """Plays on a started agent that serves one network with one port."""

    async def whole() -> Node:
        network = FakeNetwork()
        network.add_network(NET, "10.5.0.0/24", 7, "h1", "10.5.0.2")
        network.add_port(PORT, NET, "10.5.0.9", "h1")
        if prepare:
            prepare(network)
        node = Node(network)
        await node.agent.start()
        await play(node)
        await node.agent.stop(remove=False)
        return node

    return asyncio.run(whole())


def test_a_start_brings_dhcp_up_and_its_port_active() -> None:
    async def play(node: Node) -> None:
        world = await node.agent.world()
        assert world["dhcp_entries"] == [f"{NET} fa:16:3e:00:00:09 host-10-5-0-9 10.5.0.9"]
        assert world["taps"] == [f"{DHCP_TAP} {bridge_device(NET)}"]
        assert node.network.calls[-1] == f"up {dhcp_port_id(NET)}"

    run(play)


def test_a_tap_is_wired_and_reported_in_one_batch() -> None:
    def two_more(network: FakeNetwork) -> None:
        network.add_port("33333333-cccc", NET, "10.5.0.10", "h1")

    async def play(node: Node) -> None:
        node.network.calls.clear()
        await node.appear([TAP, tap_device("33333333-cccc")])
        assert node.network.calls == ["port_details", f"up {PORT} 33333333-cccc"]
        await node.appear([TAP])  # again: nothing to do
        assert len(node.network.calls) == 2
        assert f"{TAP} {bridge_device(NET)}" in (await node.agent.world())["taps"]

    run(play, two_more)


class DiesAsItHears(FakeNetwork):
    """It takes the report, and its successor asks before the agent has the answer."""

    asked: NetworkAgent | None = None
    found: tuple[str, ...] = ()

    async def ports_up(self, port_ids: list[str], node: str = "") -> None:
        await super().ports_up(port_ids, node)
        if self.asked is not None:
            self.found = tuple(await self.asked.wired())


def test_a_room_that_asks_hears_of_what_the_one_before_it_is_being_told() -> None:
    async def play() -> None:
        network = DiesAsItHears()
        network.add_network(NET, "10.5.0.0/24", 7, "", "")
        network.add_port(PORT, NET, "10.5.0.9", "h1")
        node = Node(network)
        await node.agent.start()
        network.asked = node.agent
        await node.appear([TAP])
        assert network.found == (PORT,)
        assert await node.agent.wired() == [PORT]
        await node.agent.stop(remove=False)

    asyncio.run(play())


def test_a_tap_that_nobody_knows_is_left_alone() -> None:
    async def play(node: Node) -> None:
        before = len(node.network.calls)
        await node.appear(["tapunknown"])
        await node.appear(["tapunknown"])
        assert node.network.calls[before:] == ["port_details"]
        assert "tapunknown" in (await node.agent.world())["taps"]
        assert list(node.agent.refused) == ["tapunknown"]
        await node.go(["tapunknown"])
        assert node.agent.refused == {}

    run(play)


def test_the_network_leaves_with_its_last_tap() -> None:
    async def play(node: Node) -> None:
        await node.appear([TAP])
        await node.go([TAP])
        assert f"down {PORT}" in node.network.calls
        assert (await node.agent.world())["networks"] == [NET]  # DHCP's own tap is there
        del node.network.ports[PORT], node.network.ports[dhcp_port_id(NET)]
        await node.agent.networks_changed([NET])
        world = await node.agent.world()
        assert not any(world.values()), world

    run(play)


def test_undo_and_redo_may_come_twice() -> None:
    async def play(node: Node) -> None:
        await node.appear([TAP])
        wired = await node.agent.world()
        for _ in range(2):
            await node.go([TAP])
            await node.agent.networks_changed([NET])
        for _ in range(2):
            await node.appear([TAP])
            await node.agent.networks_changed([NET])
        assert await node.agent.world() == wired

    run(play)


def test_a_tap_made_anew_is_reported_again() -> None:
    async def play(node: Node) -> None:
        await node.appear([TAP])
        node.network.calls.clear()
        node.taps.remove([TAP])
        await node.appear([TAP])
        assert [call for call in node.network.calls if call.endswith(PORT)] == [f"down {PORT}", f"up {PORT}"]

    run(play)


def test_a_bridge_that_was_taken_away_is_made_again() -> None:
    async def play(node: Node) -> None:
        await node.appear([TAP])
        wired = await node.agent.world()
        await node.dataplane.leave([NET])
        assert await node.agent.world() != wired
        await node.agent.mend()
        assert await node.agent.world() == wired
        node.network.calls.clear()
        await node.agent.mend()  # nothing is missing: nobody is asked
        assert node.network.calls == []

    run(play)


def test_changes_during_a_change_go_together() -> None:
    async def play(node: Node) -> None:
        node.network.calls.clear()
        await asyncio.gather(*[node.agent.networks_changed([NET]) for _ in range(100)])
        assert node.network.calls.count("dhcp_networks") == 1

    run(play)


def news(network: FakeNetwork, **fields: str) -> NetworkNews:
    info = msgspec.structs.replace(network.info(NET), **fields)
    return NetworkNews(network_id=NET, peers=tuple(network._peers(NET)), dhcp=info)


def test_news_that_follow_from_what_it_holds_are_not_asked_for() -> None:
    async def play(node: Node) -> None:
        await node.appear([TAP])
        node.network.add_port("33333333-cccc", NET, "10.5.0.10", "h1")
        node.network.calls.clear()
        await node.agent.networks_changed([NET], [news(node.network, since="e/0", version="e/1")])
        assert node.network.calls == []
        assert any("10.5.0.10" in entry for entry in (await node.agent.world())["dhcp_entries"])
        del node.network.ports["33333333-cccc"]
        gone = msgspec.structs.replace(news(node.network), dhcp=msgspec.structs.replace(
            node.network.info(NET), hosts=(), gone=("33333333-cccc",), since="e/1", version="e/2"
        ))  # fmt: skip
        await node.agent.networks_changed([NET], [gone])
        assert node.network.calls == []
        assert not any("10.5.0.10" in entry for entry in (await node.agent.world())["dhcp_entries"])

    run(play)


def test_news_of_a_network_of_which_it_holds_nothing_are_asked_for() -> None:
    """They may have been sent to an earlier life of the agent, when the network's DHCP was here."""

    async def play(node: Node) -> None:
        told = news(node.network, version="e/1")
        node.network.networks[NET] = msgspec.structs.replace(node.network.networks[NET], dhcp_host="h2")
        second = Node(node.network)
        await second.agent.start()
        await second.agent.networks_changed([NET], [told])
        assert (await second.agent.world())["dhcp"] == []
        await second.agent.stop(remove=False)

    run(play)


def test_a_tap_that_was_foretold_is_not_asked_for_unless_its_network_has_changed_since() -> None:
    new = "33333333-cccc"

    async def play(node: Node) -> None:
        await node.appear([TAP])
        port = node.network.add_port(new, NET, "10.5.0.10", "h1")
        told = msgspec.structs.replace(
            news(node.network, version="e/1"),
            ports=(details_of(tap_device(new), port, node.network.networks[NET]),),
        )
        await node.agent.networks_changed([NET], [told])
        node.network.calls.clear()
        await node.appear([tap_device(new)])
        assert node.network.calls == [f"up {new}"]
        await node.go([tap_device(new)])
        await node.agent.networks_changed([NET], [msgspec.structs.replace(told, dhcp=None)])
        await node.agent.networks_changed([NET])
        node.network.calls.clear()
        await node.appear([tap_device(new)])
        assert node.network.calls == ["port_details", f"up {new}"]

    run(play)


@pytest.mark.parametrize("since", ["e/1", ""])
def test_news_that_do_not_follow_are_asked_for(since: str) -> None:
    async def play(node: Node) -> None:
        await node.appear([TAP])
        await node.agent.networks_changed([NET], [news(node.network, version="e/7")])
        node.network.add_port("33333333-cccc", NET, "10.5.0.10", "h1")
        old = msgspec.structs.replace(node.network.info(NET), hosts=(), since=since, version="e/2")
        node.network.endpoints["h2"] = "172.31.0.9"
        node.network.add_port("44444444-dddd", NET, "10.5.0.11", "h2")
        node.network.calls.clear()
        told = NetworkNews(network_id=NET, peers=("172.31.0.9",), dhcp=old)
        await node.agent.networks_changed([NET], [told])
        assert node.network.calls == ["dhcp_networks", "peers"]
        assert any("10.5.0.10" in entry for entry in (await node.agent.world())["dhcp_entries"])

    run(play)


# ---------------------------------------------------------------- routers


ROUTER, FAR = "77777777-dddd", "66666666-eeee"


def routed(network: FakeNetwork) -> None:
    network.add_network(FAR, "10.6.0.0/24", 8, "")
    network.add_router(ROUTER, "h1", {NET: "10.5.0.1", FAR: "10.6.0.1"})


def taps_of(info: RouterInfo) -> list[str]:
    return sorted(f"{tap_device(port.port_id)} {bridge_device(port.network_id)}" for port in info.interfaces)


def test_a_start_serves_the_routers_of_the_node_and_wires_their_ports() -> None:
    async def play(node: Node) -> None:
        world = await node.agent.world()
        info = node.network.routers[ROUTER]
        assert {kind: world[kind] for kind in routing.world([])} == routing.world([info])
        assert set(taps_of(info)) < set(world["taps"])
        assert {port.port_id for port in info.interfaces} < set(await node.agent.wired())

    run(play, routed)


def test_a_router_is_told_whole_and_what_it_no_longer_has_goes() -> None:
    async def play(node: Node) -> None:
        whole = node.network.routers[ROUTER]
        before = await node.agent.world()
        half = msgspec.structs.replace(whole, interfaces=whole.interfaces[:1])
        for info in (half, half, whole, whole):
            await node.agent.networks_changed([], None, [info])
            world = await node.agent.world()
            assert set(taps_of(info)) == set(world["taps"]) & set(taps_of(whole))
        assert await node.agent.world() == before

    run(play, routed)


def test_a_router_that_is_down_has_its_taps_and_no_address() -> None:
    async def play(node: Node) -> None:
        whole, before = node.network.routers[ROUTER], await node.agent.world()
        down = msgspec.structs.replace(whole, admin_state_up=False)
        await node.agent.networks_changed([], None, [down])
        world = await node.agent.world()
        assert (world["routers"], world["router_addresses"], world["floating_ips"]) == ([ROUTER], [], [])
        assert set(taps_of(whole)) < set(world["taps"])
        assert {port.port_id for port in whole.interfaces} < set(await node.agent.wired())
        await node.agent.networks_changed([], None, [whole])
        assert await node.agent.world() == before

    run(play, routed)


@pytest.mark.parametrize("change", [{"host": "h2"}, {"host": ""}])
def test_a_router_that_belongs_elsewhere_is_not_here(change: dict[str, Any]) -> None:
    async def play(node: Node) -> None:
        whole, before = node.network.routers[ROUTER], await node.agent.world()
        for _ in range(2):
            await node.agent.networks_changed([], None, [msgspec.structs.replace(whole, **change)])
        world = await node.agent.world()
        assert (world["routers"], world["networks"]) == ([], [NET])
        assert not set(taps_of(whole)) & set(world["taps"])
        await node.agent.networks_changed([NET, FAR], None, [msgspec.structs.replace(whole, **change), whole])
        assert await node.agent.world() == before  # the last word counts

    run(play, routed)


def test_a_new_life_takes_away_routers_that_are_not_its_own() -> None:
    async def play(node: Node) -> None:
        await node.agent.stop(remove=False)
        node.network.routers.clear()
        second = Node(node.network, node.taps, node.dataplane)
        await second.agent.start()
        assert (await second.agent.world())["routers"] == []
        await second.agent.stop(remove=False)

    run(play, routed)


class Refusing(SimulatedDataplane):
    """Can't make a router, or serve DHCP, as often as it is said."""

    times = dhcp_times = 0

    async def serve_dhcp(self, infos: list[DhcpNetworkInfo]) -> list[str]:
        if self.dhcp_times:
            self.dhcp_times -= 1
            return ["no room"] * len(infos)
        return await super().serve_dhcp(infos)

    async def serve_routers(self, infos: list[RouterInfo]) -> list[str]:
        if self.times:
            self.times -= 1
            return ["no room"] * len(infos)
        return await super().serve_routers(infos)


def test_a_router_that_could_not_be_is_told_of_and_tried_again() -> None:
    async def play() -> None:
        network = FakeNetwork()
        network.add_network(NET, "10.5.0.0/24", 7, "h1", "10.5.0.2")
        taps = Taps()
        dataplane = Refusing(taps)
        node = Node(network, taps, dataplane)
        await node.agent.start()
        routed(network)
        dataplane.times = 2
        network.add_port(PORT, NET, "10.5.0.9", "h1")
        changed = asyncio.gather(
            node.agent.networks_changed([], None, [network.routers[ROUTER]]),
            node.agent.networks_changed([NET]),
            return_exceptions=True,
        )
        failed, well = await changed
        assert isinstance(failed, HostError) and well is None
        assert any(PORT_ADDRESS in entry for entry in (await node.agent.world())["dhcp_entries"])
        await node.agent.mend()
        assert (await node.agent.world())["routers"] == []
        await node.agent.mend()
        assert set(taps_of(network.routers[ROUTER])) < set((await node.agent.world())["taps"])
        await node.agent.stop(remove=True)
        assert not any((await node.agent.world()).values())

    asyncio.run(play())


def test_a_network_that_could_not_be_is_told_of_and_tried_again_and_the_rest_is_done() -> None:
    async def play() -> None:
        network, taps = FakeNetwork(), Taps()
        network.add_network(NET, "10.5.0.0/24", 7, "h1", "10.5.0.2")
        dataplane = Refusing(taps)
        node = Node(network, taps, dataplane)
        await node.agent.start()
        network.add_port(PORT, NET, PORT_ADDRESS, "h1")
        taps.add([TAP])
        dataplane.dhcp_times = 2
        with pytest.raises(HostError):
            await node.agent.networks_changed([NET])
        assert f"{TAP} {bridge_device(NET)}" in (await node.agent.world())["taps"]
        with pytest.raises(HostError):
            await node.agent.mend()
        assert not any(PORT_ADDRESS in entry for entry in (await node.agent.world())["dhcp_entries"])
        await node.agent.mend()
        assert any(PORT_ADDRESS in entry for entry in (await node.agent.world())["dhcp_entries"])
        network.calls.clear()
        await node.agent.mend()
        assert network.calls == []
        await node.agent.stop(remove=True)

    asyncio.run(play())


# ---------------------------------------------------------------- lives


def test_a_new_life_takes_over_and_removes_what_is_stale() -> None:
    async def play(node: Node) -> None:
        await node.appear([TAP])
        stale = node.network.add_network("44444444-dddd", "10.6.0.0/24", 8, "h1", "10.6.0.2")
        await node.agent.networks_changed([stale.id])
        before = await node.agent.world()
        assert stale.id in before["dhcp"]
        await node.agent.stop(remove=False)
        del node.network.networks[stale.id], node.network.ports[dhcp_port_id(stale.id)]
        second = Node(node.network, node.taps, node.dataplane)
        await second.agent.start()
        world = await second.agent.world()
        assert (world["dhcp"], world["networks"]) == ([NET], [NET])
        assert f"{TAP} {bridge_device(NET)}" in world["taps"]
        await second.agent.stop(remove=True)
        assert not any((await second.agent.world()).values())

    run(play)


def test_a_new_life_takes_a_tap_out_of_its_bridge_that_it_does_not_guard() -> None:
    async def play(node: Node) -> None:
        other = tap_device("33333333-cccc")
        await node.appear([TAP, other])
        node.network.ports[PORT] = replace(node.network.ports[PORT], admin_state_up=False)
        del node.network.ports["33333333-cccc"]
        second = Node(node.network, node.taps, node.dataplane)
        await second.agent.start()
        assert (await second.agent.world())["taps"] == sorted([TAP, other, f"{DHCP_TAP} {bridge_device(NET)}"])
        await second.agent.stop(remove=False)

    run(play, lambda network: network.add_port("33333333-cccc", NET, "10.5.0.10", "h1"))


class Guarding(SimulatedDataplane):
    """Says that it filters; when told to, it can't join networks."""

    enforces, apart = True, False

    async def join(self, segments: list[Segment], peers: list[tuple[str, ...]]) -> list[str]:
        whys = await super().join(segments, peers)
        return ["no tunnel"] * len(segments) if self.apart else whys


def test_what_changed_for_a_firewall_is_asked_for_when_a_network_service_begins_anew() -> None:
    async def play() -> None:
        network, taps = FakeNetwork(), Taps()
        network.add_network(NET, "10.5.0.0/24", 7, "h2", "10.5.0.2")
        network.add_port(PORT, NET, PORT_ADDRESS, "h1")
        dataplane = Guarding(taps)
        node = Node(network, taps, dataplane)
        await node.agent.start()
        await node.appear([TAP])
        network.rules[PORT] = ()  # on disk, and then it died
        network.calls.clear()
        await node.agent.wired()
        async with asyncio.timeout(5):
            while "firewall_rules" not in network.calls:  # noqa: ASYNC110 - it is done by the way, and tells nobody
                await asyncio.sleep(0)
        await node.agent.stop(remove=True)

    asyncio.run(play())


def test_a_tap_whose_network_cannot_be_joined_is_guarded_and_not_wired() -> None:
    async def play() -> None:
        network, taps = FakeNetwork(), Taps()
        network.add_network(NET, "10.5.0.0/24", 7, "h1", "10.5.0.2")
        network.add_port(PORT, NET, PORT_ADDRESS, "h1")
        dataplane = Guarding(taps)
        node = Node(network, taps, dataplane)
        await node.agent.start()
        dataplane.apart = True
        await node.agent.networks_changed([NET])
        await node.appear([TAP])
        world = await node.agent.world()
        assert TAP in world["taps"] and world["guarded"] == [TAP] and node.agent.refused == {TAP: "no tunnel"}
        await node.go([TAP])
        assert (await node.agent.world())["guarded"] == []
        await node.agent.stop(remove=True)

    asyncio.run(play())


def test_an_absent_network_service_is_waited_for() -> None:
    async def play(node: Node) -> None:
        node.network.away = True
        with pytest.raises(ConnectionError):
            await node.appear([TAP])
        node.network.away = False
        await node.agent.look()  # any later sweep finds it
        assert f"up {PORT}" in node.network.calls

    run(play)


def test_what_a_network_service_could_not_tell_is_asked_for_when_it_begins_anew() -> None:
    async def play(node: Node) -> None:
        node.network.networks[NET] = msgspec.structs.replace(node.network.networks[NET], dhcp_host="h2")
        await node.agent.wired()
        async with asyncio.timeout(5):
            while (await node.agent.world())["dhcp"]:  # noqa: ASYNC110 - it is done by the way, and tells nobody
                await asyncio.sleep(0)

    run(play)

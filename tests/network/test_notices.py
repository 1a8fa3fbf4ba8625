from __future__ import annotations

import asyncio

import pytest

from actors.errors import HostError, HostFault
from actors.faces import AgentFace, ComputeFace
from actors.network.messages import NetworkNews, RouterInfo
from actors.network.notices import Notices
from actors.network.rows import Rows
from actors.network.touched import Touched
from actors.records import Drop, Network, Port, SecurityGroupRule, Subnet
from tests.network.cloud import Agent, run


class SlowAgent(Agent):
    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.gate = asyncio.Event()

    async def networks_changed(
        self,
        network_ids: list[str],
        news: list[NetworkNews] | None = None,
        routers: list[RouterInfo] | None = None,
    ) -> None:
        self.heard.append(network_ids)
        await self.gate.wait()


def nobody(host: str) -> ComputeFace:
    raise LookupError(host)


def notices(*agents: Agent) -> Notices:
    known: dict[str, AgentFace] = {agent.host: agent for agent in agents}
    return Notices(known.__getitem__, nobody)


def test_notices_gather_while_one_is_on_its_way() -> None:
    async def scenario() -> None:
        agent = SlowAgent("h1")
        told = notices(agent)
        works = [asyncio.create_task(told.tell({("h1", name)}, set())) for name in "abcab"]
        await asyncio.sleep(0.01)
        assert len(agent.heard) == 1
        works.append(asyncio.create_task(told.tell({("h1", "d")}, set())))
        agent.gate.set()
        await asyncio.gather(*works)
        assert sorted({name for heard in agent.heard for name in heard}) == list("abcd") and len(agent.heard) <= 3

    run(scenario())


def test_only_the_urgent_are_waited_for() -> None:
    async def scenario() -> None:
        urgent, later = Agent("h1"), SlowAgent("h2")
        await asyncio.wait_for(notices(urgent, later).tell({("h1", "a")}, {("h2", "a")}), 1)
        assert urgent.heard == [["a"]] and later.heard == []
        later.gate.set()

    run(scenario())


def test_what_is_not_urgent_gathers() -> None:
    async def scenario() -> None:
        agent, other = Agent("h1"), Agent("h2")
        told = notices(agent, other)
        for name in "abca":
            await told.tell(set(), {("h1", name), ("h2", name)})
        await told.tell({("h2", "d")}, set())  # takes along what waits
        assert agent.heard == [] and other.heard == [["a", "b", "c", "d"]]
        await asyncio.wait_for(agent.told.wait(), 5)
        assert agent.heard == [["a", "b", "c"]]
        told.forget("h1")
        assert other.heard == [["a", "b", "c", "d"]]  # and nothing is told twice

    run(scenario())


def test_what_was_not_heard_is_told_again() -> None:
    async def scenario() -> None:
        agent = Agent("h1")
        told = notices(agent)
        agent.broken = True
        await told.tell({("h1", "a"), ("unknown", "a")}, set())
        assert agent.heard == []
        agent.broken = False
        await told.tell({("h1", "b")}, set())
        await asyncio.sleep(0.01)
        assert agent.heard == [["a", "b"]]
        agent.broken = True
        await told.tell({("h1", "c")}, set())
        agent.broken = False
        told.started("h1")  # it has asked for everything itself
        await told.tell({("h1", "d")}, set())
        assert agent.heard[-1] == ["d"]

    run(scenario())


def test_what_was_not_heard_is_told_again_also_where_nothing_else_changes() -> None:
    async def scenario() -> None:
        agent = Agent("h1")
        told = Notices({"h1": agent}.__getitem__, nobody, again_s=0.01)
        agent.broken = True
        await told.tell({("h1", "a")}, set())
        assert agent.heard == [] and not told.hears("h1")
        agent.broken = False
        await asyncio.wait_for(agent.told.wait(), 5)
        assert agent.heard == [["a"]]
        agent.broken = True
        await told.tell({("h1", "b")}, set())
        told.forget("h1")
        agent.broken = False
        await asyncio.sleep(0.02)
        assert agent.heard == [["a"]]  # nobody who has left is told

    run(scenario())


def test_an_agent_that_could_not_do_what_it_heard_is_not_away() -> None:
    class Failing(Agent):
        async def networks_changed(
            self,
            network_ids: list[str],
            news: list[NetworkNews] | None = None,
            routers: list[RouterInfo] | None = None,
        ) -> None:
            await super().networks_changed(network_ids, news, routers)
            raise HostError(HostFault("router", self.host, "no such device"))

    async def scenario() -> None:
        agent = Failing("h1")
        told = notices(agent)
        for name in "ab":
            await told.tell({("h1", name)}, set())
        assert agent.heard == [["a"], ["b"]] and told.hears("h1")

    run(scenario())


def test_nobody_waits_for_an_agent_that_is_away() -> None:
    async def scenario() -> None:
        failing, agent = Agent("h1"), SlowAgent("h1")
        failing.broken = True
        known: dict[str, AgentFace] = {"h1": failing}
        told = Notices(known.__getitem__, nobody)
        await told.tell({("h1", "a")}, set())
        known["h1"] = agent  # it hangs, and holds up nobody
        await asyncio.wait_for(told.tell({("h1", "b")}, set()), 1)
        await asyncio.sleep(0.01)
        assert agent.heard == [["a", "b"]]
        agent.gate.set()
        await asyncio.sleep(0.01)

    run(scenario())


class Restarting(Agent):
    """A notice to it waits until it is there."""

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.there = asyncio.Event()

    async def networks_changed(
        self,
        network_ids: list[str],
        news: list[NetworkNews] | None = None,
        routers: list[RouterInfo] | None = None,
    ) -> None:
        await self.there.wait()
        await super().networks_changed(network_ids, news, routers)


@pytest.mark.parametrize("gave_up", [False, True])
def test_a_notice_that_comes_after_the_agents_own_question_is_followed_by_what_is_so(gave_up: bool) -> None:
    """`gave_up`: nobody waits for the first notice any more when the agent starts."""
    snat = {"r": False}

    def infos(router_ids: list[str]) -> list[RouterInfo]:
        return [RouterInfo(router_id=each, host="h1", enable_snat=snat[each]) for each in router_ids]

    async def scenario() -> None:
        agent = Restarting("h1")
        agent.broken = gave_up
        told = Notices({"h1": agent}.__getitem__, nobody, routers=infos)
        first = asyncio.create_task(told.tell(set(), set(), {("h1", "r")}))
        await asyncio.sleep(0.01)
        stale = infos(["r"])
        snat["r"] = True
        if gave_up:
            agent.there.set()
            await first
            agent.broken = False
        second = [] if gave_up else [asyncio.create_task(told.tell(set(), set(), {("h1", "r")}))]
        await asyncio.sleep(0.01)
        told.started("h1")
        agent.routers = {"r": stale[0]}  # what comes late, also where it was given up
        agent.told.clear()
        agent.there.set()
        await asyncio.gather(first, *second)
        await asyncio.wait_for(agent.told.wait(), 5)
        assert agent.routers["r"].enable_snat

    run(scenario())


def test_what_an_earlier_life_of_an_agent_did_not_hear_is_told_to_the_next_one_at_once() -> None:
    async def scenario() -> None:
        dying, agent = Restarting("h1"), Agent("h1")
        dying.broken = True
        known: dict[str, AgentFace] = {"h1": dying}
        told = Notices(known.__getitem__, nobody, routers=lambda ids: [RouterInfo(router_id=i, host="h1") for i in ids])
        first = asyncio.create_task(told.tell(set(), set(), {("h1", "a")}))
        await asyncio.sleep(0.01)
        known["h1"] = agent
        told.started("h1")
        second = asyncio.create_task(told.tell(set(), set(), {("h1", "b")}))
        await asyncio.sleep(0.01)
        dying.there.set()  # and it fails
        await asyncio.gather(first, second)
        await asyncio.wait_for(agent.told.wait(), 5)
        assert {*agent.routers} == {"a", "b"}

    run(scenario())


def test_what_is_on_its_way_to_a_host_that_left_does_not_reach_the_next_one_there() -> None:
    async def scenario() -> None:
        agent = Restarting("h1")
        told = notices(agent)
        first = asyncio.create_task(told.tell({("h1", "a")}, set()))
        await asyncio.sleep(0.01)
        told.forget("h1")
        await asyncio.wait_for(first, 1)
        told.started("h1")
        agent.there.set()
        await told.tell({("h1", "b")}, set())
        assert agent.heard == [["b"]]

    run(scenario())


def port(name: str, host: str, **more: str) -> Port:
    return Port(
        id=name * 12, network_id="n", project_id="p", mac_address=name, host=host, security_groups=("g",), **more
    )  # type: ignore[arg-type]


def test_who_must_hear() -> None:
    rows = Rows([Network(id="n", name="", project_id="p", network_type="vxlan", dhcp_host="h1")])
    for name, host in (("a", "h1"), ("b", "h2"), ("c", "h3")):
        rows.apply(port(name, host))
    touched = Touched(rows)
    touched.by([Drop("Port", "c" * 12), port("d", "h4")])
    rows.apply(Drop("Port", "c" * 12))
    rows.apply(port("d", "h4"))
    rows.apply(Network(id="n", name="", project_id="p", network_type="vxlan", dhcp_host="h2"))
    assert touched.urgent() == {("h1", "n"), ("h2", "n")}  # the DHCP host that was and the one that is
    assert touched.soon() == set()  # h3 sees its last tap go, h4 its first one come
    rule = SecurityGroupRule(id="r", security_group_id="g", project_id="p", direction="ingress")
    by_rule, by_subnet = Touched(rows), Touched(rows)
    by_rule.by([rule])
    by_subnet.by([Subnet(id="s", name="", network_id="n", project_id="p", cidr="10.0.0.0/24")])
    assert by_rule.soon() == by_subnet.soon() == {("h1", "n"), ("h4", "n")}


def test_simulated_hosts_have_their_nodes_agent() -> None:
    rows = Rows([Network(id="n", name="", project_id="p", network_type="vxlan", dhcp_host="h1")])
    for number, name in enumerate("abcd"):
        rows.apply(port(name, f"h{1 + number % 2}/0000{number}"))
    touched = Touched(rows)
    touched.add("n")
    assert touched.urgent() == {("h1", "n")} and touched.soon() == {("h2", "n")}


def test_nobody_waits_for_the_agent_of_a_host_that_left() -> None:
    async def scenario() -> None:
        gone = SlowAgent("h1")
        told = notices(gone)
        told.forget("h1")
        await asyncio.wait_for(told.tell({("h1", "a")}, {("h1", "b")}), 1)
        assert gone.heard == [] and not told.hears("h1")
        told.started("h1")
        gone.gate.set()
        await told.tell({("h1", "a")}, set())
        assert gone.heard == [["a"]] and told.hears("h1")

    run(scenario())


def test_who_waits_for_an_agent_waits_no_more_when_its_host_leaves() -> None:
    async def scenario() -> None:
        gone = SlowAgent("h1")
        told = notices(gone)
        first = asyncio.create_task(told.tell({("h1", "a")}, set()))
        for _ in range(5):
            await asyncio.sleep(0)
        second = asyncio.create_task(told.tell({("h1", "b")}, set()))
        await asyncio.sleep(0)
        told.forget("h1")
        await asyncio.wait_for(asyncio.gather(first, second), 1)
        gone.gate.set()
        assert gone.heard == [["a"]]

    run(scenario())

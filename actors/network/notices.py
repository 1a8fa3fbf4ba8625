"""Telling of changes: agents of networks and routers, computes of plugged ports.

Called by the network room after a change is durable, with whom `touched.py` found: at most one notice is in flight to a
host.

Invariant: what an agent did not hear is told again, with its next notice or by itself, until it has heard or started
anew. What a notice says is true when it is sent, and counts only for an agent that holds what it follows from; any
other asks. So notices may be merged, repeated and late. Routers are told whole, and the last notice counts: so what
changed while a notice may be on its way is told after it, whatever the agent has asked meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass, field

from actors.errors import HostError
from actors.faces import AgentFace, ComputeFace
from actors.messages import PlugEvent
from actors.network.messages import NetworkNews, RouterInfo
from actors.network.touched import Notice

AGENT_WAIT_S = 30.0  # how long an agent may take over one notice
GATHER_S = 0.05  # what is not urgent waits so long for company: each batch of boots tells every host of its networks
AGAIN_S = 10.0  # after which what was not heard is told again, though nothing else is to be told
PLUG_WAIT_S = 30.0  # how long a compute actor may take to hear of plugged ports

TellRouters = Callable[[list[str]], list[RouterInfo] | None]  # None: what they are is not known now
Tell = Callable[[str, str, str], NetworkNews | None]  # of (node, network id, the version of its DHCP that it holds)
log = logging.getLogger(__name__)


def _nothing(node: str, network_id: str, version: str) -> NetworkNews | None:
    """Every agent asks."""


def _no_routers(router_ids: list[str]) -> list[RouterInfo] | None:
    return []


@dataclass(slots=True)
class _Line:
    """One node's agent: what it has yet to hear, and who waits for that. Bounded by the number of networks and of
    routers."""

    unheard: set[str] = field(default_factory=set)  # networks
    routers: set[str] = field(default_factory=set)  # unheard ones
    runs: set[str] = field(default_factory=set)  # routers that it was told to run
    versions: dict[str, str] = field(default_factory=dict)  # of the DHCP that it was last told, by network
    waiting: list[asyncio.Future[None]] = field(default_factory=list)
    telling: list[asyncio.Future[None]] = field(default_factory=list)  # who waits for the notice that is on its way
    pump: asyncio.Task[None] | None = None
    gathering: asyncio.TimerHandle | None = None
    again: asyncio.TimerHandle | None = None  # till what was not heard is told again
    away: bool = False  # the last notice was not heard: nobody waits for it until one is
    restarted: bool = False  # the agent began anew since the last notice was sent


class Notices:
    def __init__(
        self,
        agents: Callable[[str], AgentFace],
        computes: Callable[[str], ComputeFace],
        tell: Tell = _nothing,
        routers: TellRouters = _no_routers,
        again_s: float = AGAIN_S,
    ) -> None:
        """`again_s`: how long an agent that did not hear is left alone."""
        self._agents = agents
        self._computes = computes
        self._news = tell
        self._router_infos = routers
        self._again_s = again_s
        self._lines: dict[str, _Line] = defaultdict(_Line)
        self._left: set[str] = set()  # hosts with no agent to hear anything, until one starts there

    async def tell(self, urgent: set[Notice], soon: set[Notice], routers: Set[Notice] = frozenset()) -> None:
        """Returns when the urgent ones and those of routers were heard, or could not be; the others are on their way
        then."""
        changed, others = _by_node(routers), _by_node(urgent)
        heard = [
            self._enqueue(node, others.get(node, set()), changed.get(node, set()))
            for node in sorted({*changed, *others})
            if node not in self._left
        ]
        self.tell_soon(soon, set())
        waiting = [waiter for waiter, line in heard if not line.away]
        if waiting:
            await asyncio.wait(waiting)

    def tell_soon(self, networks: Set[Notice], routers: Set[Notice]) -> None:
        """Nobody waits for these."""
        changed, others = _by_node(routers), _by_node(networks)
        for node in sorted({*changed, *others}):
            if node not in self._left:
                self._gather(node, others.get(node, set()), changed.get(node, set()))

    def again(self, routers: Iterable[Notice]) -> None:
        """What was told of routers may not be so, or was not told: each node hears soon of these, and of those that it
        was told to run."""
        told = {(node, router_id) for node, line in self._lines.items() for router_id in line.runs}
        self.tell_soon(set(), told | {*routers})

    def started(self, host: str) -> None:
        """The agent asks for everything by itself now. A notice to its earlier life may yet come after that, and say
        what was so before: routers that it was not known to have heard of are told once more."""
        self._left.discard(host)
        line = self._lines.get(host)
        if line is not None:
            line.unheard.clear()
            line.away, line.restarted = False, True
            if line.routers:
                self._gather(host, set(), set())

    def hears(self, host: str) -> bool:
        """Whether the last notice to this node's agent was heard; who was told nothing yet has started."""
        return host not in self._left and (host not in self._lines or not self._lines[host].away)

    async def wired(self, host: str) -> set[str] | None:
        """Ports whose taps are wired there; None where its agent does not answer."""
        if host in self._left:
            return set()
        try:
            return set(await asyncio.wait_for(self._agents(host).wired(), AGENT_WAIT_S))
        except (ConnectionError, LookupError, TimeoutError):
            return None

    def forget(self, host: str) -> None:
        """The host has left: nobody waits for its agent."""
        self._left.add(host)
        line = self._lines.pop(host, None)
        if line is not None:
            line.unheard.clear()
            line.routers.clear()
            if line.pump is not None:
                line.pump.cancel()  # or what it sends again could reach the agent of a host that comes back
            _release([*line.telling, *line.waiting])

    async def plugged(self, events: Iterable[tuple[str, PlugEvent]]) -> None:
        """network-vif-plugged to the hosts' compute actors; raises what they raise, so that the agent tells again."""
        batches: dict[int, tuple[ComputeFace, list[PlugEvent]]] = {}
        for host, event in events:
            try:
                compute = self._computes(host)
            except LookupError:
                log.warning("no compute actor of host %s hears that port %s is plugged", host, event.port_id)
                continue
            batches.setdefault(id(compute), (compute, []))[1].append(event)
        await asyncio.gather(
            *(asyncio.wait_for(compute.plugged(batch), PLUG_WAIT_S) for compute, batch in batches.values())
        )

    def _gather(self, host: str, network_ids: set[str], router_ids: set[str]) -> None:
        """Goes with the next urgent notice, or by itself when it has waited long enough."""
        line = self._lines[host]
        line.unheard |= network_ids
        line.routers |= router_ids
        if line.pump is None and line.gathering is None:
            line.gathering = asyncio.get_running_loop().call_later(GATHER_S, self._gathered, host, line)

    def _gathered(self, host: str, line: _Line) -> None:
        line.gathering = None
        self._go(host, line)

    def _try_again(self, host: str, line: _Line) -> None:
        line.again = None
        self._go(host, line)

    def _go(self, host: str, line: _Line) -> None:
        if (line.unheard or line.routers) and line.pump is None and self._lines.get(host) is line:
            line.pump = asyncio.create_task(self._run(host, line))

    def _enqueue(self, host: str, network_ids: set[str], router_ids: set[str]) -> tuple[asyncio.Future[None], _Line]:
        line = self._lines[host]
        line.unheard |= network_ids
        line.routers |= router_ids
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.waiting.append(waiter)
        if line.pump is None:
            line.pump = asyncio.create_task(self._run(host, line))
        return waiter, line

    async def _run(self, host: str, line: _Line) -> None:
        """One notice at a time; what comes meanwhile goes together in the next."""
        try:
            while line.waiting or line.unheard or line.routers:
                line.telling, line.waiting, line.restarted = line.waiting, [], False
                heard = await self._send(host, line)
                if not heard:
                    line.telling += line.waiting  # nobody has to wait twice for one that is away
                    line.waiting = []
                _release(line.telling)
                if not heard and not line.restarted:
                    if line.again is None:
                        line.again = asyncio.get_running_loop().call_later(self._again_s, self._try_again, host, line)
                    break
        finally:
            line.pump = None

    async def _send(self, host: str, line: _Line) -> bool:
        network_ids, line.unheard = sorted(line.unheard), set()
        router_ids, line.routers = sorted(line.routers), set()
        if not network_ids and not router_ids:
            return True
        infos = self._router_infos(router_ids)
        if infos is None:  # the rows have to be loaded anew; then `again` is called
            line.unheard.update(network_ids)
            line.routers.update(router_ids)
            return False
        found = (self._news(host, network_id, line.versions.get(network_id, "")) for network_id in network_ids)
        news = [each for each in found if each is not None]
        telling = self._tell_agent(host, network_ids, news, infos)
        (failure,) = await asyncio.gather(telling, return_exceptions=True)
        if isinstance(failure, HostError):  # it heard, and tries again by itself
            log.warning("node %s: %s", host, failure)
            failure = None
        was_away, line.away = line.away, failure is not None
        if not line.away:
            line.versions |= {each.network_id: each.dhcp.version if each.dhcp is not None else "" for each in news}
            line.runs -= {*router_ids}
            line.runs |= {info.router_id for info in infos if info.host == host}
            return True
        line.unheard.update(network_ids)
        line.routers.update(router_ids)
        if not was_away:
            what = f"{len(network_ids)} networks and {len(router_ids)} routers"
            log.warning("the network agent of %s did not hear of %s: %r", host, what, failure)
        return False

    async def _tell_agent(
        self, host: str, network_ids: list[str], news: list[NetworkNews], routers: list[RouterInfo]
    ) -> None:
        await asyncio.wait_for(self._agents(host).networks_changed(network_ids, news, routers), AGENT_WAIT_S)


def _release(waiters: list[asyncio.Future[None]]) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(None)


def _by_node(notices: Set[Notice]) -> dict[str, set[str]]:
    nodes: dict[str, set[str]] = defaultdict(set)
    for node, network_id in sorted(notices):  # so that the same changes are told in the same order
        nodes[node].add(network_id)
    return nodes

"""Who has to hear of a change: agents of networks, computes of plugged ports.

Called by the network room after a change is durable. `Touched` is pure: it notes how a network stood before and says
afterwards which hosts must hear of it; `Notices` tells them, at most one notice in flight to a host.

Invariant: what an agent did not hear is told again with its next notice, until it has heard or started anew. What a
notice says is true when it is sent, and counts only for an agent that holds what it follows from; any other asks. So
notices may be merged, repeated and late.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from actors.faces import AgentFace, ComputeFace
from actors.messages import PlugEvent
from actors.network.messages import NetworkNews
from actors.network.rows import Rows
from actors.records import Change, Drop, Network, Port, SecurityGroupRule, Subnet

AGENT_WAIT_S = 30.0  # how long an agent may take over one notice
GATHER_S = 0.05  # what is not urgent waits so long for company: each batch of boots tells every host of its networks
PLUG_WAIT_S = 30.0  # how long a compute actor may take to hear of plugged ports

Notice = tuple[str, str]  # (node, network id); a simulated host has its node's agent
Tell = Callable[[str, str, str], NetworkNews | None]  # of (node, network id, the version of its DHCP that it holds)
log = logging.getLogger(__name__)


class Touched:
    """The networks that a batch changes: DHCP's nodes hear at once, the other nodes that had them soon after."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._before: dict[str, tuple[str, tuple[str, ...]]] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._before)

    def add(self, network_id: str) -> None:
        """To be called before the change."""
        if network_id not in self._before:
            self._before[network_id] = self._dhcp_host(network_id), tuple(self._rows.nodes_of.get(network_id, ()))

    def by(self, changes: list[Change]) -> None:
        """To be called before these changes: the networks of rows put or dropped, or where a rule's group has ports."""
        for change in changes:
            row = self._rows.row_of(change) if isinstance(change, Drop) else change
            if isinstance(row, Network):
                self.add(row.id)
            elif isinstance(row, Subnet | Port):
                self.add(row.network_id)
            elif isinstance(row, SecurityGroupRule):
                for port_id in self._rows.members_of.get(row.security_group_id, {}):
                    self.add(self._rows.ports[port_id].network_id)

    def urgent(self) -> set[Notice]:
        """The DHCP servers' hosts, before and after: a boot waits for them."""
        return {
            (host, network_id)
            for network_id, (before, _) in self._before.items()
            for host in (before, self._dhcp_host(network_id))
            if host
        }

    def soon(self) -> set[Notice]:
        """The other nodes that have the network and had it before: their peers or remote groups may have changed."""
        staying = {
            (node, network_id)
            for network_id, (_, before) in self._before.items()
            for node in before
            if node in self._rows.nodes_of.get(network_id, ())
        }
        return staying - self.urgent()

    def _dhcp_host(self, network_id: str) -> str:
        network = self._rows.networks.get(network_id)
        return network.dhcp_host if network else ""


def _nothing(node: str, network_id: str, version: str) -> NetworkNews | None:
    """Every agent asks."""


@dataclass(slots=True)
class _Line:
    """One node's agent: what it has yet to hear, and who waits for that. Bounded by the number of networks."""

    unheard: set[str] = field(default_factory=set)
    versions: dict[str, str] = field(default_factory=dict)  # of the DHCP that it was last told, by network
    waiting: list[asyncio.Future[None]] = field(default_factory=list)
    telling: list[asyncio.Future[None]] = field(default_factory=list)  # who waits for the notice that is on its way
    pump: asyncio.Task[None] | None = None
    gathering: asyncio.TimerHandle | None = None
    away: bool = False  # the last notice was not heard: nobody waits for it until one is


class Notices:
    def __init__(
        self, agents: Callable[[str], AgentFace], computes: Callable[[str], ComputeFace], tell: Tell = _nothing
    ) -> None:
        self._agents = agents
        self._computes = computes
        self._news = tell
        self._lines: dict[str, _Line] = defaultdict(_Line)
        self._left: set[str] = set()  # hosts with no agent to hear anything, until one starts there

    async def tell(self, urgent: set[Notice], soon: set[Notice]) -> None:
        """Returns when the urgent ones were heard, or could not be; the others are on their way then."""
        heard = [self._enqueue(*each) for each in _by_node(urgent).items() if each[0] not in self._left]
        for host, network_ids in _by_node(soon).items():
            if host not in self._left:
                self._gather(host, network_ids)
        waiting = [waiter for waiter, line in heard if not line.away]
        if waiting:
            await asyncio.wait(waiting)

    def started(self, host: str) -> None:
        """The agent asks for everything by itself now."""
        self._left.discard(host)
        if host in self._lines:
            self._lines[host].unheard.clear()
            self._lines[host].away = False

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

    def _gather(self, host: str, network_ids: set[str]) -> None:
        """Goes with the next urgent notice, or by itself when it has waited long enough."""
        line = self._lines[host]
        line.unheard |= network_ids
        if line.pump is None and line.gathering is None:
            line.gathering = asyncio.get_running_loop().call_later(GATHER_S, self._gathered, host, line)

    def _gathered(self, host: str, line: _Line) -> None:
        line.gathering = None
        if line.unheard and line.pump is None and self._lines.get(host) is line:
            line.pump = asyncio.create_task(self._run(host, line))

    def _enqueue(self, host: str, network_ids: set[str]) -> tuple[asyncio.Future[None], _Line]:
        line = self._lines[host]
        line.unheard |= network_ids
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.waiting.append(waiter)
        if line.pump is None:
            line.pump = asyncio.create_task(self._run(host, line))
        return waiter, line

    async def _run(self, host: str, line: _Line) -> None:
        """One notice at a time; what comes meanwhile goes together in the next."""
        try:
            while line.waiting or line.unheard:
                line.telling, line.waiting = line.waiting, []
                heard = await self._send(host, line)
                if not heard:
                    line.telling += line.waiting  # nobody has to wait twice for one that is away
                    line.waiting = []
                _release(line.telling)
                if not heard:
                    break  # what it did not hear goes with its next notice
        finally:
            line.pump = None

    async def _send(self, host: str, line: _Line) -> bool:
        network_ids, line.unheard = sorted(line.unheard), set()
        if not network_ids:
            return True
        found = (self._news(host, network_id, line.versions.get(network_id, "")) for network_id in network_ids)
        news = [each for each in found if each is not None]
        (failure,) = await asyncio.gather(self._tell_agent(host, network_ids, news), return_exceptions=True)
        line.away = failure is not None
        if not line.away:
            line.versions |= {each.network_id: each.dhcp.version if each.dhcp is not None else "" for each in news}
            return True
        line.unheard.update(network_ids)
        log.warning("the network agent of %s did not hear of %d networks: %r", host, len(network_ids), failure)
        return False

    async def _tell_agent(self, host: str, network_ids: list[str], news: list[NetworkNews]) -> None:
        await asyncio.wait_for(self._agents(host).networks_changed(network_ids, news), AGENT_WAIT_S)


def _release(waiters: list[asyncio.Future[None]]) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(None)


def _by_node(notices: set[Notice]) -> dict[str, set[str]]:
    nodes: dict[str, set[str]] = defaultdict(set)
    for node, network_id in sorted(notices):  # so that the same changes are told in the same order
        nodes[node].add(network_id)
    return nodes

"""The network agent of one node: DHCP, L3 and L2 agents, relays into networks, metadata for guests.

One a worker node; meets `AgentFace`. It decides nothing: the network service says how things shall be, the data plane
makes them so. Everything goes through two queues that batch by themselves (changed networks and routers, sweeps over
the taps), so a hundred boots at once cost the node a few batches. Invariant: whatever happened while it was away, a
started agent brings the node to what the database says.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from actors.clock import Clock
from actors.cluster.config import CloudConfig, NodeConfig
from actors.errors import CallerError, CallerFault, HostError, HostFault
from actors.faces import NetworkFace
from actors.network.dataplane import Dataplane
from actors.network.dhcp_agent import DhcpAgent
from actors.network.forward import Relays
from actors.network.l2_agent import L2Agent
from actors.network.messages import NetworkNews, RouterInfo
from actors.network.router_agent import RouterAgent
from actors.outbox import Outbox

POLL_S = 2.0  # between looks at the taps when no event came
REVIVE_S = 5.0  # between looks at the DHCP servers, the routers and the bridges
START_TRIES = 5  # each waits as long as the network service's face does, and then:
START_PAUSE_S = 2.0

if TYPE_CHECKING:
    from actors.network.metadata_server import Documents, HostAt, MetadataServers

log = logging.getLogger(__name__)

Change = tuple[str, NetworkNews | None] | RouterInfo  # of a network, or of a router


class NetworkAgent:
    """`documents`: an instance's metadata by path, for the server at 169.254.169.254; None = there is none."""

    def __init__(
        self,
        config: NodeConfig,
        cloud: CloudConfig,
        network: NetworkFace,
        dataplane: Dataplane,
        clock: Clock,
        documents: Documents | None = None,
    ) -> None:
        self._config = config
        self._network = network
        self._dataplane = dataplane
        self._l2 = L2Agent(config.host, network, dataplane, clock)
        self._dhcp = DhcpAgent(config.host, network, dataplane)
        self._routers = RouterAgent(config.host, dataplane)
        self._relays = Relays(config.node_ip, dataplane, clock)
        self._metadata = _metadata_servers(dataplane, self._dhcp.host_at, documents, clock) if documents else None
        self._turn = asyncio.Lock()  # they take turns: a tap of DHCP's or a router's own is made by one, wired by L2
        self._changes: Outbox[Change, None] = Outbox(self._catch_up)
        self._refused: set[str] = set()  # networks that this node could not bring to what was said of them
        self._sweeps: Outbox[None, None] = Outbox(self._sweep)
        self._asking: asyncio.Task[None] | None = None  # held, so that it is not collected
        self.loops: list[asyncio.Task[None]] = []  # for the shell to see that they live

    async def start(self) -> None:
        """Returns when DHCP and taps are as they should be. Raises `HostError` or `ConnectionError`."""
        await self._dataplane.start()
        await self._l2.start()
        await self._first_orders()
        self.loops = [
            asyncio.create_task(self._for_ever(self._watch_taps, POLL_S), name="taps"),
            asyncio.create_task(self._for_ever(self._wait_and_mend, REVIVE_S), name="mend"),
        ]

    async def stop(self, remove: bool) -> None:
        """Ends the agent. With `remove`, everything that it or an earlier life of it made on this node goes as well."""
        for loop in self.loops:
            loop.cancel()
        await asyncio.gather(*self.loops, return_exceptions=True)
        await self._relays.close()
        if self._metadata:
            await self._metadata.close()
        async with self._turn:
            if remove:
                await self._dataplane.remove_all()
            await self._dataplane.close()

    # ------------------------------------------------------------ AgentFace

    async def networks_changed(
        self,
        network_ids: list[str],
        news: list[NetworkNews] | None = None,
        routers: list[RouterInfo] | None = None,
    ) -> None:
        told = {each.network_id: each for each in news or ()}
        changes: list[Change] = [(each, told.get(each)) for each in dict.fromkeys(network_ids)]
        await asyncio.gather(*[self._changes.ask(change) for change in [*(routers or ()), *changes]])

    async def wired(self) -> list[str]:
        """Who asks has begun anew. What it could not tell before is asked for, now and not by the one who waits: of all
        networks that are here, since of a change for firewalls nobody has waited to be told."""
        self._asking = asyncio.create_task(self._ask_again())
        return self._l2.wired

    async def _ask_again(self) -> None:
        try:
            await self.networks_changed([*self._dhcp.served, *self._l2.networks])
            await self._serve_routers()
        except (ConnectionError, TimeoutError, HostError, CallerError) as error:
            log.warning("host %s: %s", self._config.host, error)  # the next notice, or the next start, makes it good

    async def forward(self, network_id: str, address: str, port: int) -> tuple[str, int]:
        """Raises `LookupError` where this node does not serve the network, `CallerError` 503 if relays are taken."""
        return await self._relays.open(network_id, address, port)

    async def world(self) -> dict[str, list[str]]:
        return await self._dataplane.world()

    @property
    def refused(self) -> dict[str, str]:
        """Taps of this node that are not wired, and why."""
        return self._l2.refused

    # ------------------------------------------------------------ the two queues

    async def _catch_up(self, changes: list[Change]) -> list[CallerFault | HostFault | None]:
        networks = [change for change in changes if not isinstance(change, RouterInfo)]
        routers = [change for change in changes if isinstance(change, RouterInfo)]
        async with self._turn:
            failed = await self._routers.refresh(routers) if routers else {}
            await self._catch_up_networks(networks)
        return [self._fault_of(change, failed) if isinstance(change, RouterInfo) else None for change in changes]

    async def _catch_up_networks(self, changes: list[tuple[str, NetworkNews | None]]) -> None:
        """Raises `HostError` where this node refused something, which is then tried again by and by; all else is done.
        A network service that does not answer tells again."""
        distinct = list(dict.fromkeys(network_id for network_id, _ in changes))
        news = [told for _, told in changes if told is not None]
        unknown = {network_id for network_id, told in changes if told is None}
        for network_id, told in changes:
            self._l2.foresee(network_id, told)
        self._refused |= set(distinct)
        refusal = await _refusal(self._dhcp.refresh(distinct, [told.dhcp for told in news if told.dhcp is not None]))
        await self._sweep_taps()
        peers = {told.network_id: told.peers for told in news if told.network_id not in unknown}
        await self._l2.refresh(distinct, peers)
        await self._serve_metadata()
        if refusal:
            raise refusal
        self._refused -= set(distinct)

    def _fault_of(self, info: RouterInfo, failed: dict[str, str]) -> HostFault | None:
        why = failed.get(info.router_id)
        return HostFault("router", self._config.host, why) if why else None

    async def _sweep(self, asked: list[None]) -> list[CallerFault | HostFault | None]:
        async with self._turn:
            await self._sweep_taps()
        return [None] * len(asked)

    async def _sweep_taps(self) -> None:
        """Routers tell where they are once their taps are wired: before, nobody would hear it."""
        await self._l2.sweep()
        await self._routers.announce()

    # ------------------------------------------------------------ the agent's own life

    async def _first_orders(self) -> None:
        for tries_left in reversed(range(START_TRIES)):
            try:
                network_ids = await self._network.agent_started(
                    self._config.host, self._config.underlay_ip, tuple(self._config.physical_networks)
                )
                async with self._turn:
                    await self._dhcp.start(network_ids)
                    await self._routers.start(await self._network.routers_on(self._config.host))
                    await self._sweep_taps()
                    await self._serve_metadata()
                return
            except ConnectionError:
                if not tries_left:
                    raise
                await asyncio.sleep(START_PAUSE_S)

    async def _serve_routers(self) -> None:
        async with self._turn:
            await self._routers.start(await self._network.routers_on(self._config.host))
            await self._sweep_taps()

    async def _serve_metadata(self) -> None:
        if self._metadata:
            await self._metadata.serve(self._dhcp.served)

    async def _watch_taps(self) -> None:
        await self._dataplane.taps_changed(POLL_S)
        await self.look()

    async def look(self) -> None:
        """Taps may have come or gone. Returns when those that are there are wired and told of."""
        await self._sweeps.ask(None)

    async def _wait_and_mend(self) -> None:
        await asyncio.sleep(REVIVE_S)
        await self.mend()

    async def mend(self) -> None:
        """What somebody else ended or took away here is there again: DHCP servers, routers, bridges."""
        async with self._turn:
            await self._dhcp.revive()
            if await self._routers.mend():
                await self._l2.sweep()
            await self._l2.mend()
            await self._routers.announce()
            if self._refused:
                await self._catch_up_networks([(network_id, None) for network_id in sorted(self._refused)])

    async def _for_ever(self, act: Callable[[], Awaitable[None]], pause_s: float) -> None:
        """The network service may be away or busy, and the host may refuse: this is told, and tried again."""
        while True:
            try:
                await act()
            except (ConnectionError, TimeoutError, HostError, CallerError) as error:
                log.error("host %s: %s", self._config.host, error)
                await asyncio.sleep(pause_s)


async def _refusal(act: Awaitable[None]) -> HostError | None:
    try:
        await act
    except HostError as error:
        return error
    return None


def _metadata_servers(dataplane: Dataplane, host_at: HostAt, documents: Documents, clock: Clock) -> MetadataServers:
    from actors.network.metadata_server import MetadataServers  # an HTTP server takes 6 MiB

    return MetadataServers(dataplane, host_at, documents, clock)

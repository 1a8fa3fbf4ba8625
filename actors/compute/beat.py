"""How a node's hosts are shown to the scheduler: those that changed whole, the others as a number of them.

Owned by the compute actor. Invariant: the scheduler that has heard a beat knows each host as it was at that beat, also
where it began anew since the last one, or had thought the node silent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import msgspec

from actors.clock import Clock
from actors.cluster.config import NodeConfig
from actors.compute.hosts import Hosts
from actors.compute.hypervisor import Hypervisor
from actors.compute.standing import Standing
from actors.faces import SchedulerFace
from actors.image.eviction import cached_ids
from actors.messages import HostReport


class Beat:
    def __init__(
        self,
        config: NodeConfig,
        hypervisor: Hypervisor,
        hosts: Hosts,
        scheduler: SchedulerFace,
        standing: Standing,
        building: Callable[[], Counter[str]],
        clock: Clock,
    ) -> None:
        """`building`: how many builds are in hand, by host."""
        self._config = config
        self._hypervisor = hypervisor
        self._hosts = hosts
        self._scheduler = scheduler
        self._standing = standing
        self._building = building
        self._clock = clock
        self.enabled = True  # False: the node goes on with what it has and builds, and gets nothing new

    async def look(self) -> None:
        """At the hosts, as their hypervisor says that they are."""
        self._hosts.update(self._with_node(await self._hypervisor.reports()))

    async def tell(self) -> None:
        """Raises StaleEpochError where another actor stands for the node, ConnectionError if the scheduler is away."""
        await self.look()
        node, epoch, count = self._config.host, self._standing.epoch, len(self._hosts)
        told = await self._tell_changes()
        if told == count or await self._scheduler.unchanged(node, count, epoch):
            return
        self._hosts.untold()  # the scheduler has begun anew, or thought the node silent
        await self._tell_changes()

    async def _tell_changes(self) -> int:
        changes = self._hosts.changes(self._building(), self.enabled)
        if changes:
            at, epoch = self._clock.now(), self._standing.epoch
            await self._scheduler.heartbeat([standing.report(at, epoch) for standing in changes.values()])
            self._hosts.told(changes)
        return len(changes)

    def _with_node(self, reports: list[HostReport]) -> list[HostReport]:
        """What the hypervisor can't know of its hosts: their aggregates, the node's cached images."""
        config = self._config
        aggregates = tuple((name, tuple(sorted(data.items()))) for name, data in sorted(config.aggregates.items()))
        images = () if config.hypervisor == "simulated" else cached_ids(config.image_cache)
        if not aggregates and not images:
            return reports
        return [msgspec.structs.replace(report, aggregates=aggregates, images=images) for report in reports]

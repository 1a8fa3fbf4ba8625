"""The scheduler as a Ray actor: it learns what is claimed from the conductor, and hosts from their heartbeats."""

from __future__ import annotations

from random import Random

from actors.clock import SystemClock
from actors.cluster import reach
from actors.cluster.collector import keep_memory_small
from actors.cluster.config import CloudConfig
from actors.cluster.shell import Shell
from actors.records import Aggregate, ComputeNode


class SchedulerActor(Shell):
    async def __init__(self, cloud: CloudConfig) -> None:  # type: ignore[misc]  # Ray awaits it, also after a crash
        from actors.scheduler.service import Scheduler

        keep_memory_small()
        limits = cloud.service_down_s, cloud.service_down_s
        room = self.room = Scheduler(SystemClock(), Random(), cloud.placement_profile, *limits)
        conductor = reach.conductor()
        await room.restore(await conductor.claims())
        await room.arrange(await conductor.load(Aggregate))
        for node in await conductor.load(ComputeNode):
            await room.fence(node.id, node.epoch)
            if node.gone:
                await room.forget_hosts(list(node.hosts))
            if node.forced_down:
                await room.force_down(list(node.hosts), True)

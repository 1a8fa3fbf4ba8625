"""Network as a Ray actor."""

from __future__ import annotations

from random import Random

from actors.clock import SystemClock
from actors.cluster import reach
from actors.cluster.collector import keep_memory_small
from actors.cluster.config import CloudConfig
from actors.cluster.shell import Shell


class NetworkActor(Shell):
    async def __init__(self, cloud: CloudConfig) -> None:  # type: ignore[misc]  # Ray awaits it, also after a crash
        from actors.network.service import NetworkRoom

        keep_memory_small()
        verifier = await reach.verifier()
        rooms = reach.Agents(), reach.Computes()
        conductor = reach.conductor()
        room = self.room = NetworkRoom(
            cloud, conductor, verifier, *rooms, SystemClock(), Random(), conductor.floating_ips
        )
        await room.start()

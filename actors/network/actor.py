"""Network as a Ray actor."""

from __future__ import annotations

from random import SystemRandom

from actors.clock import SystemClock
from actors.cluster import reach
from actors.cluster.collector import collect_rarely
from actors.cluster.config import CloudConfig
from actors.cluster.packing import packs_replies
from actors.network.service import NetworkRoom


@packs_replies
class NetworkActor(NetworkRoom):
    async def __init__(self, cloud: CloudConfig) -> None:  # type: ignore[misc]  # Ray awaits it, also after a crash
        collect_rarely()
        verifier = await reach.verifier()
        rooms = reach.Agents(), reach.Computes()
        super().__init__(cloud, reach.conductor(), verifier, *rooms, SystemClock(), SystemRandom())
        await self.start()

"""Network as a Ray actor."""

from __future__ import annotations

from random import SystemRandom

from actors.clock import SystemClock
from actors.cluster import reach
from actors.cluster.config import CloudConfig
from actors.identity.tokens import Verifier
from actors.network.service import NetworkRoom


class NetworkActor(NetworkRoom):
    async def __init__(self, cloud: CloudConfig) -> None:  # type: ignore[misc]  # Ray awaits it, also after a crash
        verifier = Verifier(await reach.identity().public_keys())
        rooms = reach.Agents(), reach.Computes()
        super().__init__(cloud, reach.conductor(), verifier, *rooms, SystemClock(), SystemRandom())
        await self.start()

"""The compute API as a Ray actor."""

from __future__ import annotations

from random import SystemRandom

from actors.api.service import Api
from actors.clock import SystemClock
from actors.cluster import reach
from actors.cluster.collector import collect_rarely
from actors.cluster.config import CloudConfig
from actors.cluster.packing import packs_replies


@packs_replies
class ApiActor(Api):
    async def __init__(self, cloud: CloudConfig) -> None:  # type: ignore[misc]  # Ray awaits it, also after a crash
        collect_rarely()
        verifier = await reach.verifier()
        super().__init__(
            cloud,
            reach.conductor(),
            verifier,
            reach.image(),
            reach.network(),
            reach.volume(),
            reach.Computes(),
            SystemClock(),
            SystemRandom(),
        )
        await self.start()

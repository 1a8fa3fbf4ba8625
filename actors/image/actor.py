"""Image as a Ray actor."""

from __future__ import annotations

from random import Random

import ray.util

from actors.clock import SystemClock
from actors.cluster import reach
from actors.cluster.config import CloudConfig
from actors.cluster.packing import packs_replies
from actors.image.service import ImageRoom


@packs_replies
class ImageActor(ImageRoom):
    async def __init__(self, cloud: CloudConfig) -> None:  # type: ignore[misc]  # Ray awaits it, also after a crash
        ip = ray.util.get_node_ip_address()
        verifier = await reach.verifier()
        super().__init__(
            cloud, reach.conductor(), verifier, SystemClock(), ip, random=Random(), computes=reach.Computes()
        )
        await self.start()

"""Image as a Ray actor."""

from __future__ import annotations

import ray.util

from actors.clock import SystemClock
from actors.cluster import reach
from actors.cluster.config import CloudConfig
from actors.cluster.packing import packs_replies
from actors.image.service import ImageRoom


@packs_replies
class ImageActor(ImageRoom):
    async def __init__(self, cloud: CloudConfig) -> None:  # type: ignore[misc]  # Ray awaits it, also after a crash
        verifier = await reach.verifier()
        super().__init__(cloud, reach.conductor(), verifier, SystemClock(), ray.util.get_node_ip_address())
        await self.start()

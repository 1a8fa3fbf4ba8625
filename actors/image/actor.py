"""Image as a Ray actor."""

from __future__ import annotations

from random import Random

import ray.util

from actors.clock import SystemClock
from actors.cluster import reach
from actors.cluster.collector import keep_memory_small
from actors.cluster.config import CloudConfig
from actors.cluster.shell import Shell


class ImageActor(Shell):
    async def __init__(self, cloud: CloudConfig) -> None:  # type: ignore[misc]  # Ray awaits it, also after a crash
        from actors.image.service import ImageRoom

        keep_memory_small()
        ip = ray.util.get_node_ip_address()
        verifier = await reach.verifier()
        room = self.room = ImageRoom(
            cloud, reach.conductor(), verifier, SystemClock(), ip, random=Random(), computes=reach.Computes()
        )
        await room.start()

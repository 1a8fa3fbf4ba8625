"""The compute API as a Ray actor, and beside it the REST edge: what is asked over HTTP has no hop to this room."""

from __future__ import annotations

from random import SystemRandom
from typing import TYPE_CHECKING, cast

from actors.api.service import Api
from actors.clock import SystemClock
from actors.cluster import reach
from actors.cluster.collector import collect_rarely
from actors.cluster.config import CloudConfig
from actors.cluster.packing import packs_replies

if TYPE_CHECKING:
    from actors.image.service import ImageRoom
    from actors.network.service import NetworkRoom
    from actors.scheduler.service import Scheduler
    from actors.volume.service import VolumeRoom


@packs_replies
class ApiActor(Api):
    async def __init__(self, cloud: CloudConfig) -> None:  # type: ignore[misc]  # Ray awaits it, also after a crash
        collect_rarely()
        from actors.api.rest import serve  # HTTP's libraries are loaded in this actor's process only
        from actors.api.rest.app import edge
        from actors.api.rest.rooms import EdgeRooms

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
        rooms = EdgeRooms(
            cloud,
            verifier,
            SystemClock(),
            reach.identity(),
            self,
            reach.conductor(),
            cast("Scheduler", reach.scheduler()),
            cast("ImageRoom", reach.image()),
            cast("NetworkRoom", reach.network()),
            cast("VolumeRoom", reach.volume()),
        )
        self._serving = await serve.start_serving(edge(rooms), cloud.api_host, cloud.api_port)

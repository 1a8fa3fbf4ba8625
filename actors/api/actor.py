"""The compute API as a Ray actor, and beside it the REST edge: what is asked over HTTP has no hop to this room."""

from __future__ import annotations

from random import SystemRandom
from typing import TYPE_CHECKING, cast

from actors.clock import SystemClock
from actors.cluster import reach
from actors.cluster.collector import keep_memory_small
from actors.cluster.config import CloudConfig
from actors.cluster.shell import Shell

if TYPE_CHECKING:
    from actors.image.service import ImageRoom
    from actors.network.service import NetworkRoom
    from actors.scheduler.service import Scheduler
    from actors.volume.service import VolumeRoom


class ApiActor(Shell):
    async def __init__(self, cloud: CloudConfig) -> None:  # type: ignore[misc]  # Ray awaits it, also after a crash
        from actors.api.rest.door import open_door
        from actors.api.rest.rooms import EdgeRooms
        from actors.api.service import Api

        keep_memory_small()
        verifier = await reach.verifier()
        room = self.room = Api(
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
        await room.start()
        rooms = EdgeRooms(
            cloud,
            verifier,
            SystemClock(),
            reach.identity(),
            room,
            reach.conductor(),
            cast("Scheduler", reach.scheduler()),
            cast("ImageRoom", reach.image()),
            cast("NetworkRoom", reach.network()),
            cast("VolumeRoom", reach.volume()),
        )
        self._door = await open_door(rooms, cloud.api_host, cloud.api_port)

"""Volume as a Ray actor; a cloud of simulated hypervisors has volumes in its database only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.clock import SystemClock
from actors.cluster import reach
from actors.cluster.collector import keep_memory_small
from actors.cluster.config import CloudConfig
from actors.cluster.shell import Shell
from actors.errors import value_of
from actors.messages import ImageLocation, ImageRequest

if TYPE_CHECKING:
    from actors.volume.backend import VolumeBackend

IMAGE_KEPT_S = 86_400.0  # that an image is kept here since a volume was made of it


class VolumeActor(Shell):
    async def __init__(self, cloud: CloudConfig) -> None:  # type: ignore[misc]  # Ray awaits it, also after a crash
        from actors.image.cache import ImageCache
        from actors.volume.service import VolumeRoom

        keep_memory_small()
        verifier = await reach.verifier()
        images = reach.image()

        async def locate(token: str, image_id: str) -> ImageLocation:
            return value_of((await images.locate([ImageRequest(token=token, image_id=image_id)]))[0])

        cache = ImageCache(cloud.volumes / "cache", locate, keep_s=IMAGE_KEPT_S)
        rooms = reach.conductor(), verifier, images
        room = self.room = VolumeRoom(cloud, *rooms, cache, _backend(cloud), SystemClock())
        await room.start()

    async def put_away(self) -> None:
        await self.room.close(True)


def _backend(cloud: CloudConfig) -> VolumeBackend:
    if cloud.hypervisor == "simulated":
        from actors.volume.backend import MemoryBackend

        return MemoryBackend()
    from actors.volume.qemu import QemuBackend

    return QemuBackend(cloud.volumes)

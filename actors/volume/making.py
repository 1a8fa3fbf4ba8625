"""The making of volumes' data: copies of images and snapshots, blank disks, in the background.

Owned by the volume room, which decides what is made and records what came of it. Invariant: a volume's data is being
made at most once at a time, however many ask for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path

from actors.errors import CallerError, value_of
from actors.faces import ImageFace
from actors.image.cache import FetchFailed, ImageCache
from actors.messages import ImageLocation, ImageRequest
from actors.records import Volume, VolumeSnapshot
from actors.volume.backend import BackendError, Blank, OfImage, OfSnapshot, OfVolume, Source, VolumeBackend
from actors.volume.plan import Located


class Making:
    def __init__(self, images: ImageFace, cache: ImageCache, backend: VolumeBackend) -> None:
        self._images = images
        self._cache = cache
        self.backend = backend
        self._tasks: dict[str, asyncio.Task[None]] = {}  # by volume id

    async def locate(self, wanted: Iterable[tuple[str, str]]) -> Located:
        """(token, image id) → where the image's data is."""
        keys = list(dict.fromkeys(wanted))
        if not keys:
            return {}
        replies = await self._images.locate([ImageRequest(token=token, image_id=image_id) for token, image_id in keys])
        return dict(zip(keys, replies, strict=True))

    def begin(
        self, volume: Volume, token: str, located: Located, snapshots: Mapping[str, VolumeSnapshot]
    ) -> asyncio.Task[None]:
        """The task that makes it, new or under way already. The origin must have been found good before."""
        task = self._tasks.get(volume.id)
        if task is None:
            source = self._source(volume, token, located, snapshots)
            task = asyncio.create_task(self.backend.create(volume.id, volume.size_gib, source))
            self._tasks[volume.id] = task
            task.add_done_callback(lambda _: self._tasks.pop(volume.id))
        return task

    async def ready(self, image: ImageLocation, token: str) -> None:
        """Bring the image here. Raises `FetchFailed`, `CallerError`, `BackendError`, OSError."""
        await self.backend.ready(self._of_image(image, token))

    def rewrite(self, volume: Volume, image: ImageLocation, token: str) -> asyncio.Task[None]:
        """The task that writes the image over what the volume has. Nothing may be under way for the volume."""
        task = asyncio.create_task(self.backend.rewrite(volume.id, volume.size_gib, self._of_image(image, token)))
        self._tasks[volume.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(volume.id))
        return task

    async def stop(self, volume_ids: Iterable[str]) -> None:
        """End what is under way for these; returns when it has ended."""
        tasks = [self._tasks[volume_id] for volume_id in volume_ids if volume_id in self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        await self.stop(list(self._tasks))
        await self._cache.close()

    def _source(self, volume: Volume, token: str, located: Located, snapshots: Mapping[str, VolumeSnapshot]) -> Source:
        if volume.image_id:
            return self._of_image(value_of(located[token, volume.image_id]), token)
        if volume.snapshot_id:
            return OfSnapshot(snapshots[volume.snapshot_id].volume_id, volume.snapshot_id)
        if volume.source_volume_id:
            return OfVolume(volume.source_volume_id)
        return Blank()

    def _of_image(self, image: ImageLocation, token: str) -> OfImage:
        async def fetch() -> Path:
            return await self._cache.fetch(image, token)

        return OfImage(image.disk_format, fetch)


async def causes_of(tasks: Mapping[str, asyncio.Task[None]]) -> dict[str, str]:
    """Waits for all; why those failed that did, by volume id. Who waits may be cancelled, the making goes on."""
    if tasks:
        await asyncio.wait(set(tasks.values()))
    causes: dict[str, str] = {}
    for volume_id, task in tasks.items():
        try:
            task.result()
        except asyncio.CancelledError:
            causes[volume_id] = f"the making of volume {volume_id} was stopped"
        except (BackendError, FetchFailed, CallerError, OSError) as error:
            causes[volume_id] = f"volume {volume_id} could not be made: {error}"
    return causes

"""Volumes copied into images, in the background.

`service.py` builds the volume room on it. Invariant: a volume is `uploading` while its data is copied, so nobody
attaches or deletes it; however the copy ends, the volume is available again and no file is left.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import msgspec

from actors.clock import Clock
from actors.errors import CallerError, CallerFault, bad_request, value_of
from actors.faces import ImageFace, TokenVerifier
from actors.image.messages import CreateImage
from actors.image.upload import Uploads, send
from actors.messages import ImageRequest
from actors.records import Image
from actors.volume.backend import BackendError
from actors.volume.desk import VolumeDesk, answer_soon
from actors.volume.making import Making
from actors.volume.messages import UploadVolume
from actors.volume.rows import VolumeRows
from actors.volume.states import Event, after
from actors.volume.user_messages import NOT_COPIED

DISK_FORMATS = ("raw", "qcow2")
UNFINISHED = ("queued", "saving")  # statuses of an image whose data may come


class Imagery(ImageFace, Uploads, Protocol):
    """What the volume room needs of the image room."""


class VolumeUploads(VolumeDesk):
    _imagery: Uploads
    _scratch: Path

    def __init__(
        self, rows: VolumeRows, making: Making, verifier: TokenVerifier, clock: Clock, quotas: Mapping[str, int]
    ) -> None:
        super().__init__(rows, making, verifier, clock, quotas)
        self._uploading: dict[str, asyncio.Task[None]] = {}  # by image id

    async def upload_to_image(self, requests: list[UploadVolume]) -> list[Image | CallerFault]:
        """Answers with images that are queued; their data comes in the background."""
        return [await answer_soon(self._upload, request) for request in requests]

    async def uploaded(self) -> None:
        """Returns when no volume is being copied."""
        await asyncio.gather(*self._uploading.values())

    async def _end_uploads(self) -> None:
        """Of copies that ended with a former room the files go; their volumes' projects are told."""
        await asyncio.to_thread(shutil.rmtree, self._scratch, ignore_errors=True)
        for volume in list(self._rows.volumes.values()):
            if volume.status == "uploading":
                await self._rows.commit(self._noted(volume, NOT_COPIED, ""))

    async def _upload(self, request: UploadVolume) -> Image:
        if request.disk_format not in DISK_FORMATS:
            raise CallerError(bad_request("disk_format", f"one of {', '.join(DISK_FORMATS)}"))
        async with self._deciding:
            volume = self._volume(request.volume_id, request.token)
            is_under_way = request.image_id in self._uploading
            status = volume.status if is_under_way else after(volume.status, Event.UPLOAD)
            wanted = CreateImage(
                token=request.token,
                name=request.name,
                disk_format=request.disk_format,
                container_format=request.container_format,
                visibility=request.visibility,
                protected=request.protected,
                properties=_properties(volume.image_metadata),
                image_id=request.image_id,
            )
            image: Image = value_of((await self._imagery.create([wanted]))[0])
            if is_under_way or image.status not in UNFINISHED:
                return image  # the same request came before
            await self._write(msgspec.structs.replace(volume, status=status))
            self._uploading[image.id] = task = asyncio.create_task(self._copy(volume.id, wanted, request.request_id))
            task.add_done_callback(lambda _: self._uploading.pop(image.id))
        return image

    async def _copy(self, volume_id: str, wanted: CreateImage, request_id: str) -> None:
        """Of what could not be copied no image is left, and its project is told."""
        failed = False
        path = self._scratch / wanted.image_id
        try:
            await asyncio.to_thread(self._scratch.mkdir, parents=True, exist_ok=True)
            await self._backend.copy_out(volume_id, wanted.disk_format, path)
            await send(self._imagery, _request(wanted), path)
        except (BackendError, CallerError, ConnectionError, OSError):
            failed = True
            await self._forget(wanted)
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            await self._settle_upload(volume_id, request_id if failed else None)

    async def _forget(self, wanted: CreateImage) -> None:
        """The image, if its owner has not taken it away; one that is protected stays queued."""
        with suppress(CallerError, ConnectionError):
            await self._imagery.delete([_request(wanted)])

    async def _settle_upload(self, volume_id: str, failed_as: str | None) -> None:
        """`failed_as` is the id of the request whose copy failed, None where it did not."""
        async with self._deciding:
            volume = self._rows.volumes.get(volume_id)
            if volume is not None and volume.status == "uploading":
                ready = msgspec.structs.replace(volume, status=after(volume.status, Event.UPLOADED))
                await self._end_with([self._stamped(ready)])
            if volume is not None and failed_as is not None:
                await self._end_with(self._noted(volume, NOT_COPIED, failed_as))


def _request(wanted: CreateImage) -> ImageRequest:
    return ImageRequest(token=wanted.token, image_id=wanted.image_id, by_service=True)


def _properties(image_metadata: Mapping[str, str]) -> dict[str, str]:
    """What the owner of the first image said of it; the rest is the new image's own to say."""
    own = ("image_id", "image_name", "disk_format", "container_format", "min_disk", "min_ram", "size", "checksum")
    return {name: value for name, value in image_metadata.items() if name not in own}

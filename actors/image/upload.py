"""Sends a file to the image room, chunk by chunk: for a driver script, the command line, the setting-up of a cloud."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Protocol

from actors.errors import CallerFault, value_of
from actors.image.messages import CHUNK_LIMIT_BYTES, CreateImage, FinishUpload, UploadChunk
from actors.messages import ImageRequest
from actors.records import Image


class Uploads(Protocol):
    """What is needed of the image room: itself, or a proxy of its actor."""

    async def create(self, requests: list[CreateImage]) -> list[Image | CallerFault]: ...

    async def delete(self, requests: list[ImageRequest]) -> list[CallerFault | None]: ...

    async def begin_upload(self, requests: list[ImageRequest]) -> list[CallerFault | None]: ...

    async def upload_chunk(self, chunks: list[UploadChunk]) -> list[int | CallerFault]: ...

    async def finish_upload(self, requests: list[FinishUpload]) -> list[Image | CallerFault]: ...


async def upload(room: Uploads, request: CreateImage, path: Path) -> Image:
    """Create the image and give it the file's data; an active one is left as it is. Raises `CallerError`."""
    image = value_of((await room.create([request]))[0])
    if image.status == "active":
        return image
    return await send(room, ImageRequest(token=request.token, image_id=image.id), path)


async def send(room: Uploads, request: ImageRequest, path: Path) -> Image:
    """Give an image that is there, and has no data yet, the file's. Raises `CallerError`."""
    token, image_id, by_service = request.token, request.image_id, request.by_service
    value_of((await room.begin_upload([request]))[0])
    with path.open("rb") as file:
        offset = 0
        while data := await asyncio.to_thread(file.read, CHUNK_LIMIT_BYTES):
            chunk = UploadChunk(token=token, image_id=image_id, offset=offset, data=data, by_service=by_service)
            offset = value_of((await room.upload_chunk([chunk]))[0])
    whole = FinishUpload(token=token, image_id=image_id, by_service=by_service)
    return value_of((await room.finish_upload([whole]))[0])

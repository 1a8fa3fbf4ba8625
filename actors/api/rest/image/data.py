"""The data of images: uploads, downloads with ranges, and imports of what was staged.

Bytes pass through in pieces, and one piece at a time is held. Invariant: an upload that stops or breaks off leaves its
image queued; a download that can't go on breaks the connection, so that nobody takes a part for the whole.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse

from actors.api.rest.bodies import BODY_PAUSE_S, Lenient
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.image.images import IMPORT_METHODS
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, CallerFault, bad_request, conflict, value_of
from actors.image.messages import FinishUpload, OpenUpload, ReadImage, UploadChunk
from actors.messages import ImageRequest

PIECE_BYTES = 4 << 20
LEAST_BYTES_S = 1_024  # an upload that comes slower, when it has had `GRACE_S`, is given up
GRACE_S = 60.0
OCTETS = "application/octet-stream"
METHOD = "glance-direct"
RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")

router = APIRouter(prefix="/v2/images/{image_id}")
UPLOAD_SCHEMA = {"requestBody": {"content": {OCTETS: {"schema": {"type": "string", "format": "binary"}}}}}


class Method(Lenient):
    name: str


class Import(BaseModel):
    method: Method


# ---------------------------------------------------------------- in


@router.put("/file", status_code=204, openapi_extra=UPLOAD_SCHEMA)
async def upload(image_id: str, request: Request, caller: Asking, rooms: Rooms) -> Response:
    whole = FinishUpload(token=caller.token, image_id=image_id, by_service=True)
    opened = OpenUpload(token=caller.token, image_id=image_id)
    await _receive(rooms, caller, request, opened, lambda: rooms.image.finish_upload([whole]))
    return Response(status_code=204)


@router.put("/stage", status_code=204, openapi_extra=UPLOAD_SCHEMA)
async def stage(image_id: str, request: Request, caller: Asking, rooms: Rooms) -> Response:
    whole = ImageRequest(token=caller.token, image_id=image_id, by_service=True)
    opened = OpenUpload(token=caller.token, image_id=image_id, staging=True)
    await _receive(rooms, caller, request, opened, lambda: rooms.image.keep_staged([whole]))
    return Response(status_code=204)


@router.post("/import", status_code=202)
async def import_staged(image_id: str, body: Import, caller: Asking, rooms: Rooms) -> Response:
    asked = ImageRequest(token=caller.token, image_id=image_id)
    value_of((await rooms.image.show([asked]))[0])
    if body.method.name != METHOD:
        raise CallerError(bad_request("method", f"Only import methods {METHOD} are allowed."))
    value_of((await rooms.image.import_staged([asked]))[0])
    return Response(status_code=202, headers=IMPORT_METHODS)


async def _receive(
    rooms: EdgeRooms, caller: Caller, request: Request, opened: OpenUpload, end: Callable[[], Awaitable[list[Any]]]
) -> None:
    """Bring the whole body to the room and say so by `end`, or take back what came of it. The token was good when it
    began, and may end on the way."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != OCTETS:
        raise CallerError(CallerFault(415, f"Data comes as {OCTETS}."))
    value_of((await rooms.image.open_upload([opened]))[0])
    whole = False
    try:
        offset = 0
        async for piece in _pieces(request):
            chunk = UploadChunk(
                token=caller.token, image_id=opened.image_id, offset=offset, data=piece, by_service=True
            )
            offset = value_of((await rooms.image.upload_chunk([chunk]))[0])
        value_of((await end())[0])
        whole = True
    except ClientDisconnect:
        raise CallerError(bad_request("data", "the upload broke off")) from None
    finally:
        if not whole:
            await rooms.image.cancel_upload([ImageRequest(token=caller.token, image_id=opened.image_id)])


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    """The body in pieces of a good size for a message. Raises `CallerError` 408 when it stops coming, or trickles."""
    held = bytearray()
    stream = request.stream()
    now = asyncio.get_running_loop().time
    began, received = now(), 0
    while (part := await _next_part(stream)) is not None:
        held += part
        received += len(part)
        if too_slow(received, now() - began):
            raise CallerError(CallerFault(408, f"The image's data came with less than {LEAST_BYTES_S} bytes a second."))
        while len(held) >= PIECE_BYTES:
            yield bytes(held[:PIECE_BYTES])
            del held[:PIECE_BYTES]
    if held:
        yield bytes(held)


def too_slow(received: int, took_s: float) -> bool:
    """Whether so many bytes in such a time are less than any real client sends. Pure."""
    return took_s > GRACE_S and received < LEAST_BYTES_S * (took_s - GRACE_S)


async def _next_part(stream: AsyncGenerator[bytes, None]) -> bytes | None:
    try:
        async with asyncio.timeout(BODY_PAUSE_S):
            return await anext(stream, None)
    except TimeoutError:
        raise CallerError(CallerFault(408, "The image's data stopped coming.")) from None


# ---------------------------------------------------------------- out


@router.get("/file")
async def download(image_id: str, request: Request, caller: Asking, rooms: Rooms) -> Response:
    image = value_of((await rooms.image.show([ImageRequest(token=caller.token, image_id=image_id)]))[0])
    if not image.os_hash_value:
        return Response(status_code=204)
    begin, end = _range(request.headers.get("range", ""), image.size)
    first = value_of((await rooms.image.read([_read(caller, image_id, begin, end)]))[0])
    headers = {"Content-Length": str(end - begin), "Accept-Ranges": "bytes"}
    partial = (begin, end) != (0, image.size)
    if partial:
        headers["Content-Range"] = f"bytes {begin}-{end - 1}/{image.size}"
    else:
        headers["Content-MD5"] = image.checksum
    body = _data(rooms, caller, image_id, (begin, end), first)
    return StreamingResponse(body, 206 if partial else 200, headers, OCTETS)


async def _data(
    rooms: EdgeRooms, caller: Caller, image_id: str, span: tuple[int, int], first: bytes
) -> AsyncIterator[bytes]:
    position, end = span
    piece = first
    while position < end and piece:
        yield piece
        position += len(piece)
        if position < end:
            piece = value_of((await rooms.image.read([_read(caller, image_id, position, end)]))[0])
    if position < end:
        raise CallerError(conflict("image_id", "the image's data ended early"))


def _read(caller: Caller, image_id: str, begin: int, end: int) -> ReadImage:
    length = min(end - begin, PIECE_BYTES)
    return ReadImage(token=caller.token, image_id=image_id, offset=begin, length=length, by_service=True)


def _range(said: str, size: int) -> tuple[int, int]:
    """The bytes from the first to before the second (RFC 9110); what is no range of bytes is all of them."""
    match = RANGE.fullmatch(said.replace(" ", ""))
    if match is None or said.strip() == "bytes=-":
        return 0, size
    if not match[1]:
        begin, end = max(size - int(match[2]), 0), size
    else:
        begin, end = int(match[1]), min(int(match[2]) + 1, size) if match[2] else size
    if begin >= end:
        raise CallerError(CallerFault(416, f"The image has {size} bytes; the range is outside of them."))
    return begin, end

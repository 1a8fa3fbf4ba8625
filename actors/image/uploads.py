"""Data that comes in and goes out on a user's word: uploads, imports of staged data, reads.

`service.py` builds the image room on it. Owns the uploads under way, which do not survive the room; what was staged
whole does. Invariants: one upload an image at a time; what is refused or breaks off leaves its image queued, without
data.
"""

from __future__ import annotations

import asyncio
import hmac
import os
from pathlib import Path

import msgspec

from actors.clock import Clock
from actors.doubts import surely
from actors.errors import CallerError, CallerFault, bad_request, busy, conflict, not_found
from actors.faces import TokenVerifier
from actors.image import rules, states
from actors.image.administration import ImageAdministration, answer
from actors.image.intake import Intake
from actors.image.messages import CHUNK_LIMIT_BYTES, DEVICES, FinishUpload, OpenUpload, ReadImage, UploadChunk
from actors.image.rows import ImageRows
from actors.image.states import Event
from actors.image.store import ImageStore
from actors.messages import ImageRequest
from actors.records import Change, Image

UPLOADS_LIMIT = 64  # uploads under way
UPLOAD_IDLE_LIMIT_S = 3600.0  # an upload without a chunk for so long may be dropped for another


class ImageUploads(ImageAdministration):
    def __init__(self, rows: ImageRows, store: ImageStore, verifier: TokenVerifier, clock: Clock) -> None:
        super().__init__(rows, verifier, clock)
        self._store = store
        self._uploads: dict[str, tuple[Intake, asyncio.Lock]] = {}
        self._importing: set[asyncio.Task[None]] = set()

    # ------------------------------------------------------------ begin

    async def begin_upload(self, requests: list[ImageRequest]) -> list[CallerFault | None]:
        """Take data for queued images, from the first byte on (also where an upload had been begun before)."""
        async with self._writing:
            replies: list[CallerFault | None] = []
            begun: list[Change] = []
            for request in requests:
                reply = answer(self._begun, request)
                replies.append(reply if isinstance(reply, CallerFault) else None)
                if isinstance(reply, Image):
                    begun.append(reply)
                    await self._open(reply, request.token)
            try:
                await self._rows.commit(begun)
            except (ConnectionError, CallerError):
                await self._unopen([reply for reply in begun if isinstance(reply, Image)])
                raise
        return replies

    def _begun(self, request: ImageRequest) -> Image:
        image = self._uploadable(request)
        return msgspec.structs.replace(image, status=states.after(image.status, Event.UPLOAD))

    async def open_upload(self, requests: list[OpenUpload]) -> list[CallerFault | None]:
        """The same for an upload that comes once: 409 where one is under way and not idle."""
        async with self._writing:
            return [await self._open_once(request) for request in requests]

    async def _open_once(self, request: OpenUpload) -> CallerFault | None:
        try:
            image = self._uploadable(ImageRequest(token=request.token, image_id=request.image_id))
            if image.status in states.RECEIVING and image.id in self._idle_uploads():
                image = await self._commit_status(image, states.after(image.status, Event.DROP))
            if image.status != "queued":
                raise CallerError(conflict("image_id", f"an upload of image {image.id} is under way: {image.status}"))
            await self._open(image, request.token)
            event = Event.STAGE if request.staging else Event.UPLOAD
            try:
                await self._commit_status(image, states.after(image.status, event))
            except (ConnectionError, CallerError):
                await self._unopen([image])
                raise
        except CallerError as error:
            return error.fault
        return None

    def _uploadable(self, request: ImageRequest) -> Image:
        image = rules.describable(self._owned(request))
        if image.status not in ("queued", *states.RECEIVING):
            raise CallerError(conflict("image_id", f"image {image.id} has its data already"))
        if image.id not in self._uploads and len(self._uploads) >= UPLOADS_LIMIT and not self._idle_uploads():
            raise CallerError(busy(f"{UPLOADS_LIMIT} uploads are under way; try again later"))
        return image

    def _idle_uploads(self) -> list[str]:
        since = self._clock.monotonic() - UPLOAD_IDLE_LIMIT_S
        idle = [image_id for image_id, (intake, _) in self._uploads.items() if intake.last_used < since]
        return [image_id for image_id in idle if self._rows.images[image_id].status != "importing"]

    async def _open(self, image: Image, token: str) -> None:
        if len(self._uploads) >= UPLOADS_LIMIT:
            for image_id in self._idle_uploads():
                await self._drop(self._rows.images[image_id])
        await asyncio.to_thread(self._store.remove, image.id)  # what came before, of which nothing is wanted
        intake = self._intake(image, self._store.new_part(image.id))
        intake.opener = token
        await asyncio.to_thread(intake.open)
        self._uploads[image.id] = (intake, asyncio.Lock())

    def _intake(self, image: Image, part: Path) -> Intake:
        has_none = DEVICES in image.properties  # its volumes are made of snapshots
        return Intake(part, image.disk_format, self._clock.monotonic(), has_none)

    # ------------------------------------------------------------ chunks, the end

    async def upload_chunk(self, chunks: list[UploadChunk]) -> list[int | CallerFault]:
        """Write chunks of at most CHUNK_LIMIT_BYTES; each reply is the offset where the next one begins."""
        return [await self._take(chunk) for chunk in chunks]

    async def finish_upload(self, requests: list[FinishUpload]) -> list[Image | CallerFault]:
        """The images become active; content that is refused is removed and its image queued again."""
        return [await self._finish(request) for request in requests]

    async def cancel_upload(self, requests: list[ImageRequest]) -> list[CallerFault | None]:
        """The data broke off: what came of it goes, and the image is queued again. Whoever opened the upload may say so
        though its token is no good any more."""
        replies = [answer(self._cancellable, request) for request in requests]
        for reply in replies:
            if isinstance(reply, Image) and reply.status != "importing":
                await self._refuse(reply.id)
        return [reply if isinstance(reply, CallerFault) else None for reply in replies]

    def _cancellable(self, request: ImageRequest) -> Image:
        intake, _ = self._uploads.get(request.image_id, (None, None))
        if intake is not None and hmac.compare_digest(intake.opener.encode(), request.token.encode()):
            return self._rows.images[request.image_id]
        return self._owned(request)

    # ------------------------------------------------------------ what is staged

    async def keep_staged(self, requests: list[ImageRequest]) -> list[CallerFault | None]:
        """All has come: it is there until it is imported, whoever dies, and takes none of the seats of uploads."""
        return [await self._keep(request) for request in requests]

    async def _keep(self, request: ImageRequest) -> CallerFault | None:
        try:
            image = self._owned(request)
            states.after(image.status, Event.IMPORT)
            if image.id not in self._uploads and self._store.staged(image.id).exists():
                return None
            intake, turn = self._upload_of(image)
            async with turn:
                await asyncio.to_thread(intake.sync)
                async with self._writing:
                    self._check_current(image, intake)
                    await asyncio.to_thread(self._store.stage, intake.part, image.id)
                    del self._uploads[image.id]
        except CallerError as error:
            return error.fault
        return None

    async def import_staged(self, requests: list[ImageRequest]) -> list[CallerFault | None]:
        """What was staged is checked and becomes the images' data, in the background."""
        async with self._writing:
            replies = [answer(self._importable, request) for request in requests]
            for request, reply in zip(requests, replies, strict=True):
                if isinstance(reply, Image):
                    await self._commit_status(reply, states.after(reply.status, Event.IMPORT))
                    self._begin_import(request.image_id)
        return [reply if isinstance(reply, CallerFault) else None for reply in replies]

    async def imported(self) -> None:
        """Returns when no import is under way."""
        await asyncio.gather(*self._importing)

    def _importable(self, request: ImageRequest) -> Image:
        image = self._owned(request)
        states.after(image.status, Event.IMPORT)
        if not self._store.staged(image.id).exists():
            self._upload_of(image)
        return image

    def _begin_import(self, image_id: str) -> None:
        task = asyncio.create_task(self._import(image_id))
        self._importing.add(task)
        task.add_done_callback(self._importing.discard)

    async def _import(self, image_id: str) -> None:
        """What is refused is seen by the image's being queued again."""
        image = self._rows.images.get(image_id)
        if image is None:
            return
        if image.id not in self._uploads:
            intake = self._intake(image, self._store.staged(image.id))
            self._uploads[image.id] = intake, asyncio.Lock()
        await self._end(image, "", of_staged=True)

    async def _take(self, chunk: UploadChunk) -> int | CallerFault:
        try:
            image = self._owned(chunk)
            intake, turn = self._upload_of(image)
            if len(chunk.data) > CHUNK_LIMIT_BYTES:
                raise CallerError(bad_request("chunk", f"a chunk may have {CHUNK_LIMIT_BYTES} bytes"))
            intake.last_used = self._clock.monotonic()
            async with turn:
                return await asyncio.to_thread(intake.write, chunk.offset, chunk.data)
        except CallerError as error:
            if error.fault.field == "data":
                await self._refuse(chunk.image_id)
            return error.fault

    async def _finish(self, request: FinishUpload) -> Image | CallerFault:
        try:
            image = self._owned(request)
            if image.status == "active" and request.os_hash_value in ("", image.os_hash_value):
                return image
        except CallerError as error:
            return error.fault
        return await self._end(image, request.os_hash_value)

    async def _end(self, image: Image, os_hash_value: str, of_staged: bool = False) -> Image | CallerFault:
        try:
            intake, turn = self._upload_of(image)
            async with turn:
                while of_staged and await asyncio.to_thread(intake.take_in, CHUNK_LIMIT_BYTES):
                    pass  # piece by piece, so that large images leave threads to others
                return await self._publish(image, intake, os_hash_value)
        except CallerError as error:
            if error.fault.status in (400, 413):
                await self._refuse(image.id)
            return error.fault

    async def _publish(self, image: Image, intake: Intake, os_hash_value: str) -> Image:
        content = await asyncio.to_thread(intake.finish, os_hash_value)
        async with self._writing:
            self._check_current(image, intake)
            now = self._rows.images[image.id]  # it may have been renamed meanwhile
            status = states.after(now.status, Event.FINISH)
            await asyncio.to_thread(self._store.publish, intake.part, image.id)
            whole = msgspec.structs.replace(now, **msgspec.structs.asdict(content))
            active = await self._surely(whole, status)
            del self._uploads[image.id]
        return active

    def _check_current(self, image: Image, intake: Intake) -> None:
        if self._uploads.get(image.id, (None,))[0] is not intake:
            raise CallerError(conflict("image_id", f"the upload of image {image.id} was begun again or dropped"))

    async def _refuse(self, image_id: str) -> None:
        """Back to queued, without data."""
        async with self._writing:
            image = self._rows.images.get(image_id)
            if image is not None and image.status in states.RECEIVING and image_id in self._uploads:
                await self._drop(image)

    async def _drop(self, image: Image) -> None:
        """Under the lock."""
        del self._uploads[image.id]
        await asyncio.to_thread(self._store.remove, image.id)
        await self._surely(image, states.after(image.status, Event.DROP))

    async def _unopen(self, images: list[Image]) -> None:
        """Of uploads whose beginning could not be written no seat is taken, and no file left."""
        for image in images:
            if self._rows.images[image.id].status == "queued" and self._uploads.pop(image.id, None) is not None:
                await asyncio.to_thread(self._store.remove, image.id)

    async def _surely(self, image: Image, status: str) -> Image:
        """The end of what was begun: `doubts.surely`."""
        return await surely(lambda: self._commit_status(image, status))

    def _upload_of(self, image: Image) -> tuple[Intake, asyncio.Lock]:
        upload = self._uploads.get(image.id)
        if upload is None:
            raise CallerError(
                conflict("image_id", f"no upload of image {image.id} has been begun; it is {image.status}")
            )
        return upload

    # ------------------------------------------------------------ reads

    async def read(self, requests: list[ReadImage]) -> list[bytes | CallerFault]:
        return [await self._read(request) for request in requests]

    async def _read(self, request: ReadImage) -> bytes | CallerFault:
        try:
            who = self._who(request.token, request.by_service)
            image = rules.readable(rules.seen(self._rows.shelf, request.image_id, who), who)
            if request.offset < 0 or not 0 <= request.length <= CHUNK_LIMIT_BYTES:
                raise CallerError(bad_request("length", f"from 0 to {CHUNK_LIMIT_BYTES} bytes, from an offset of 0 on"))
            return await asyncio.to_thread(_piece, self._store.path(image.id), request.offset, request.length)
        except CallerError as error:
            return error.fault
        except FileNotFoundError:  # deleted under our hands
            return not_found("image_id", f"there is no image {request.image_id!r}")


def _piece(path: Path, offset: int, length: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.pread(descriptor, length, offset)
    finally:
        os.close(descriptor)

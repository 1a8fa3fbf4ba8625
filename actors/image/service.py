"""The image room: registry and data of images [Glance].

Owns: the `Image` rows, the data files of the store, the uploads that come in. Asked by the API (administration,
uploads), by compute and volume (`locate`), and by caches for data (`data_server.py`). Invariants: an active image has
its whole, checked data in the store; memory changes only after the ledger's commit; a refused upload leaves nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import TypeVar

import msgspec

from actors.clock import Clock
from actors.cluster.config import CloudConfig
from actors.errors import CallerError, CallerFault, HostFault, bad_request, busy, conflict
from actors.faces import ComputeFace, TokenVerifier
from actors.image import rules
from actors.image.copies import Copies, data_url
from actors.image.data_server import DataServer
from actors.image.intake import Intake
from actors.image.messages import (
    CHUNK_LIMIT_BYTES,
    CreateImage,
    FinishUpload,
    ListImages,
    PrecacheImage,
    UploadChunk,
)
from actors.image.store import ImageStore
from actors.messages import AuthContext, ImageLocation, ImageRequest
from actors.records import Change, Image, Ledger, drop

UPLOADS_LIMIT = 64  # uploads under way
UPLOAD_IDLE_LIMIT_S = 3600.0  # an upload without a chunk for so long may be dropped for another

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


class ImageRoom:
    def __init__(
        self,
        config: CloudConfig,
        ledger: Ledger,
        verifier: TokenVerifier,
        clock: Clock,
        node_ip: str = "127.0.0.1",
        *,
        random: Random | None = None,
        computes: Callable[[str], ComputeFace] | None = None,
    ) -> None:
        self._ledger = ledger
        self._verifier = verifier
        self._clock = clock
        self._build_limit_s = config.boot_deadline_s
        self._store = ImageStore(config.images)
        self._server = DataServer(self._find_data, node_ip)
        self._copies = Copies(random or Random(0))
        self._computes = computes
        self._images: dict[str, Image] = {}
        self._uploads: dict[str, tuple[Intake, asyncio.Lock]] = {}
        self._writing = asyncio.Lock()  # rows are decided and committed one batch at a time

    async def start(self) -> None:
        """Load the rows; uploads that were under way go back to queued; serve data."""
        self._images = {image.id: image for image in await self._ledger.load(Image)}
        await asyncio.to_thread(self._store.prepare)
        cut_off = [image for image in self._images.values() if image.status == "saving"]
        for image in cut_off:
            self._store.remove(image.id)
        await self._commit([msgspec.structs.replace(image, status="queued") for image in cut_off])
        await self._server.start()

    async def close(self) -> None:
        await self._server.close()

    # ------------------------------------------------------------ what other rooms ask

    async def locate(self, requests: list[ImageRequest]) -> list[ImageLocation | CallerFault]:
        return [_answer(self._locate, request) for request in requests]

    def _locate(self, request: ImageRequest) -> ImageLocation:
        image = rules.usable(rules.seen(self._images, request.image_id, self._builder(request.token)))
        return ImageLocation(
            image_id=image.id,
            disk_format=image.disk_format,
            size=image.size,
            virtual_size=image.virtual_size,
            os_hash_value=image.os_hash_value,
            properties=image.properties,
            urls=(*self._copies.urls(image.id), data_url(self._server.address, image.id)),
            min_disk_gib=image.min_disk_gib,
            min_ram_mib=image.min_ram_mib,
        )

    async def _find_data(self, token: str, image_id: str) -> Path:
        image = rules.usable(rules.seen(self._images, image_id, self._builder(token)))
        return self._store.path(image.id)

    async def cached(self, node: str, image_ids: list[str], server: str) -> None:
        """The node has these images, whole, and serves them at `server` (http://host:port)."""
        self._copies.add(node, [image_id for image_id in image_ids if image_id in self._images], server)

    async def forget_hosts(self, hosts: list[str]) -> None:
        """Worker nodes left the cluster: nobody is sent to them any more."""
        for host in hosts:
            self._copies.forget(host)

    async def precache(self, requests: list[PrecacheImage]) -> list[CallerFault | HostFault | None]:
        """Have nodes fetch images before boots need them; done when all have. An administrator's right."""
        return list(await asyncio.gather(*(self._precache(request) for request in requests)))

    async def _precache(self, request: PrecacheImage) -> CallerFault | HostFault | None:
        try:
            rules.precachable(self._images, request.image_id, self._who(request.token))
        except CallerError as error:
            return error.fault
        wanted = ImageRequest(token=request.token, image_id=request.image_id)
        faults = await asyncio.gather(*(self._precache_on(host, wanted) for host in request.hosts))
        return next((fault for fault in faults if fault is not None), None)

    async def _precache_on(self, host: str, wanted: ImageRequest) -> CallerFault | HostFault | None:
        if self._computes is None:
            return HostFault("precache", host, "no compute service can be reached from here")
        try:
            [reply] = await self._computes(host).precache([wanted])
        except ConnectionError as error:
            return HostFault("precache", host, str(error))
        return reply

    # ------------------------------------------------------------ administration

    async def show(self, requests: list[ImageRequest]) -> list[Image | CallerFault]:
        return [
            _answer(lambda asked: rules.seen(self._images, asked.image_id, self._who(asked.token)), request)
            for request in requests
        ]

    async def list_images(self, requests: list[ListImages]) -> list[list[Image] | CallerFault]:
        """A caller's own images and the public ones, oldest first; an administrator's are all."""
        return [_answer(self._list, request) for request in requests]

    def _list(self, request: ListImages) -> list[Image]:
        who = self._who(request.token)
        visible = [image for image in self._images.values() if rules.is_visible(image, who)]
        return sorted(visible, key=lambda image: (image.created_at, image.id))

    async def create(self, requests: list[CreateImage]) -> list[Image | CallerFault]:
        async with self._writing:
            drafts = dict(self._images)
            replies: list[Image | CallerFault] = []
            for request in requests:
                reply = _answer(lambda asked: self._new(drafts, asked), request)
                replies.append(reply)
                if isinstance(reply, Image):
                    drafts[reply.id] = reply
            await self._commit([row for row in replies if isinstance(row, Image) and row.id not in self._images])
        return replies

    def _new(self, drafts: dict[str, Image], request: CreateImage) -> Image:
        return rules.new_image(drafts, request, self._who(request.token), self._clock.now())

    async def delete(self, requests: list[ImageRequest]) -> list[CallerFault | None]:
        """The rows go first, durably, then the data; nodes keep what they have cached."""
        async with self._writing:
            replies = [_answer(self._owned, request) for request in requests]
            gone = {reply.id: reply for reply in replies if isinstance(reply, Image)}
            await self._commit([drop(image) for image in gone.values()])
            for image_id in gone:
                self._copies.drop(image_id)
                self._uploads.pop(image_id, None)
                await asyncio.to_thread(self._store.remove, image_id)
        return [None if isinstance(reply, Image) else reply for reply in replies]

    # ------------------------------------------------------------ uploads

    async def begin_upload(self, requests: list[ImageRequest]) -> list[CallerFault | None]:
        """Take data for queued images, from the first byte on (also where an upload had been begun before)."""
        async with self._writing:
            replies: list[CallerFault | None] = []
            begun: list[Change] = []
            for request in requests:
                reply = _answer(self._uploadable, request)
                replies.append(reply if isinstance(reply, CallerFault) else None)
                if isinstance(reply, Image):
                    begun.append(msgspec.structs.replace(reply, status="saving"))
                    await self._open(reply)
            await self._commit(begun)
        return replies

    async def upload_chunk(self, chunks: list[UploadChunk]) -> list[int | CallerFault]:
        """Write chunks of at most CHUNK_LIMIT_BYTES; each reply is the offset where the next one begins."""
        return [await self._take(chunk) for chunk in chunks]

    async def finish_upload(self, requests: list[FinishUpload]) -> list[Image | CallerFault]:
        """The images become active; content that is refused is removed and its image queued again."""
        return [await self._finish(request) for request in requests]

    def _uploadable(self, request: ImageRequest) -> Image:
        image = self._owned(request)
        if image.status == "active":
            raise CallerError(conflict("image_id", f"image {image.id} has its data already"))
        if image.id not in self._uploads and len(self._uploads) >= UPLOADS_LIMIT and not self._idle_uploads():
            raise CallerError(busy(f"{UPLOADS_LIMIT} uploads are under way; try again later"))
        return image

    def _idle_uploads(self) -> list[str]:
        since = self._clock.monotonic() - UPLOAD_IDLE_LIMIT_S
        return [image_id for image_id, (intake, _) in self._uploads.items() if intake.last_used < since]

    async def _open(self, image: Image) -> None:
        if len(self._uploads) >= UPLOADS_LIMIT:
            for image_id in self._idle_uploads():
                del self._uploads[image_id]
        intake = Intake(self._store.new_part(image.id), image.disk_format, self._clock.monotonic())
        await asyncio.to_thread(intake.open)
        self._uploads[image.id] = (intake, asyncio.Lock())

    async def _take(self, chunk: UploadChunk) -> int | CallerFault:
        try:
            image = self._owned(ImageRequest(token=chunk.token, image_id=chunk.image_id))
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
            image = self._owned(ImageRequest(token=request.token, image_id=request.image_id))
            if image.status == "active" and request.os_hash_value in ("", image.os_hash_value):
                return image
            intake, turn = self._upload_of(image)
            async with turn:
                return await self._publish(image, intake, request.os_hash_value)
        except CallerError as error:
            if error.fault.status == 400:
                await self._refuse(request.image_id)
            return error.fault

    async def _publish(self, image: Image, intake: Intake, os_hash_value: str) -> Image:
        content = await asyncio.to_thread(intake.finish, os_hash_value)
        async with self._writing:
            if self._uploads.get(image.id, (None,))[0] is not intake:
                raise CallerError(conflict("image_id", f"the upload of image {image.id} was begun again or dropped"))
            await asyncio.to_thread(self._store.publish, intake.part, image.id)
            active = msgspec.structs.replace(image, status="active", **msgspec.structs.asdict(content))
            await self._commit([active])
            del self._uploads[image.id]
        return active

    async def _refuse(self, image_id: str) -> None:
        """Back to queued, without data."""
        async with self._writing:
            image = self._images.get(image_id)
            if image is None or image.status != "saving" or self._uploads.pop(image_id, None) is None:
                return
            await asyncio.to_thread(self._store.remove, image_id)
            await self._commit([msgspec.structs.replace(image, status="queued")])

    def _upload_of(self, image: Image) -> tuple[Intake, asyncio.Lock]:
        upload = self._uploads.get(image.id)
        if upload is None:
            raise CallerError(
                conflict("image_id", f"no upload of image {image.id} has been begun; it is {image.status}")
            )
        return upload

    # ------------------------------------------------------------ rows and callers

    def _who(self, token: str) -> AuthContext:
        return self._verifier.verify(token, self._clock.now())

    def _builder(self, token: str) -> AuthContext:
        """A boot that was accepted may outlive its token by as long as boots may take."""
        return self._verifier.verify(token, self._clock.now(), self._build_limit_s)

    def _owned(self, request: ImageRequest) -> Image:
        return rules.owned(self._images, request.image_id, self._who(request.token))

    async def _commit(self, changes: Sequence[Change]) -> None:
        if not changes:
            return
        await self._ledger.commit(list(changes))
        for change in changes:
            if isinstance(change, Image):
                self._images[change.id] = change
            else:
                self._images.pop(change.id, None)

    def sent(self, image_id: str) -> int:
        """How often the room itself has sent the image, for measurements."""
        return self._server.served[image_id]

    def world(self) -> dict[str, list[str]]:
        """Rows and files, for audits and the law tests."""
        return {
            "images": sorted(f"{image.id} {image.name} {image.status} {image.size}" for image in self._images.values()),
            "image_files": self._store.names(),
        }


def _answer(decide: Callable[[Asked], Answered], request: Asked) -> Answered | CallerFault:
    """One item's answer, or its fault in the place of it."""
    try:
        return decide(request)
    except CallerError as error:
        return error.fault

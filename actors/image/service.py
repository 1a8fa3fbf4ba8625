"""The image room: registry and data of images [Glance].

Owns: the rows of `ImageRows`, the data files of the store, the uploads that come in, definitions of metadata
(`metadefs/`). Asked by the API (administration, uploads, reads), by compute and volume (`locate`), and by caches for
data (`data_server.py`). Invariants: an active image has its whole, checked data in the store; memory changes only after
the ledger's commit; a refused upload leaves nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random

import msgspec

from actors.clock import Clock
from actors.cluster.config import CloudConfig
from actors.errors import CallerError, CallerFault, HostFault
from actors.faces import ComputeFace, TokenVerifier
from actors.image import rules, states
from actors.image.administration import answer
from actors.image.copies import Copies, data_url
from actors.image.data_server import DataServer
from actors.image.messages import PrecacheImage
from actors.image.metadefs.door import MetadefDoor
from actors.image.rows import ImageRows
from actors.image.store import STAGED, ImageStore
from actors.image.uploads import ImageUploads
from actors.messages import AuthContext, ImageLocation, ImageRequest
from actors.records import Image, Ledger


class ImageRoom(ImageUploads, MetadefDoor):
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
        super().__init__(ImageRows(ledger), ImageStore(config.images), verifier, clock)
        self._ledger = ledger
        self._copies = Copies(random or Random(0))
        self._build_limit_s = config.boot_deadline_s
        self._server = DataServer(self._find_data, node_ip)
        self._computes = computes

    async def start(self) -> None:
        """Load the rows; uploads that were under way go back to queued, imports go on; serve data."""
        await self._rows.load()
        await asyncio.to_thread(self._store.prepare)
        receiving = [image for image in self._rows.images.values() if image.status in states.RECEIVING]
        cut_off = [image for image in receiving if not self._is_whole(image)]
        await asyncio.to_thread(self._sweep, [image.id for image in cut_off])
        await self._rows.commit([msgspec.structs.replace(image, status="queued") for image in cut_off])
        for image in receiving:
            if self._rows.images[image.id].status == "importing":
                self._begin_import(image.id)
        await self._server.start()

    def _is_whole(self, image: Image) -> bool:
        """All of its data was staged."""
        return image.status != "saving" and self._store.unpublish(image.id)

    def _sweep(self, cut_off: list[str]) -> None:
        """Data of images that were taken away, or not whole, when a former room died."""
        kept = {name.removesuffix(STAGED) for name in self._store.names()}
        for image_id in (*cut_off, *(kept & self._rows.gone - self._rows.images.keys())):
            self._store.remove(image_id)

    async def close(self) -> None:
        await self.imported()
        await self._server.close()

    # ------------------------------------------------------------ what other rooms ask

    async def locate(self, requests: list[ImageRequest]) -> list[ImageLocation | CallerFault]:
        return [answer(self._locate, request) for request in requests]

    def _locate(self, request: ImageRequest) -> ImageLocation:
        who = self._who(request.token, True) if request.by_service else self._builder(request.token)
        image = rules.usable(rules.seen(self._rows.shelf, request.image_id, who))
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
        image = rules.usable(rules.seen(self._rows.shelf, image_id, self._builder(token)))
        return self._store.path(image.id)

    async def cached(self, node: str, image_ids: list[str], server: str) -> None:
        """The node has these images, whole, and serves them at `server` (http://host:port)."""
        self._copies.add(node, [image_id for image_id in image_ids if image_id in self._rows.images], server)

    async def uncached(self, node: str, image_ids: list[str]) -> None:
        """The node has these no more."""
        self._copies.remove(node, image_ids)

    async def existing(self, image_ids: list[str]) -> list[str]:
        """Those of which there are images, whoever may see them."""
        return [image_id for image_id in image_ids if image_id in self._rows.images]

    async def forget_hosts(self, hosts: list[str]) -> None:
        """Worker nodes left the cluster: nobody is sent to them any more."""
        for host in hosts:
            self._copies.forget(host)

    async def precache(self, requests: list[PrecacheImage]) -> list[CallerFault | HostFault | None]:
        """Have nodes fetch images before boots need them; done when all have. An administrator's right."""
        return list(await asyncio.gather(*(self._precache(request) for request in requests)))

    async def _precache(self, request: PrecacheImage) -> CallerFault | HostFault | None:
        try:
            rules.precachable(self._rows.shelf, request.image_id, self._who(request.token))
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

    # ------------------------------------------------------------ what takes everything of an image away

    async def delete(self, requests: list[ImageRequest]) -> list[CallerFault | None]:
        """The rows go first, durably, then the data; nodes keep what they have cached."""
        async with self._writing:
            replies = [answer(lambda asked: rules.deletable(self._owned(asked)), request) for request in requests]
            await self._remove([reply for reply in replies if isinstance(reply, Image)])
        return [None if isinstance(reply, Image) else reply for reply in replies]

    async def discard(self, image_ids: list[str]) -> None:
        """Those that were made for acts on servers and nobody needs any more; one that its owner protects stays."""
        async with self._writing:
            images = [self._rows.images[one] for one in image_ids if one in self._rows.images]
            await self._remove([image for image in images if not image.protected])

    async def _remove(self, images: list[Image]) -> None:
        gone, now = {image.id: image for image in images}, self._clock.now()
        await self._rows.commit([change for image in gone.values() for change in self._rows.without(image, now)])
        for image_id in gone:
            self._copies.drop(image_id)
            self._uploads.pop(image_id, None)
            await asyncio.to_thread(self._store.remove, image_id)

    # ------------------------------------------------------------ callers, audits

    def _builder(self, token: str) -> AuthContext:
        """A boot that was accepted may outlive its token by as long as boots may take."""
        return self._verifier.verify(token, self._clock.now(), self._build_limit_s)

    def sent(self, image_id: str) -> int:
        """How often the room itself has sent the image, for measurements."""
        return self._server.served[image_id]

    def world(self) -> dict[str, list[str]]:
        """Rows and files, for audits and the law tests."""
        images = self._rows.images.values()
        return {
            "images": sorted(f"{image.id} {image.name} {image.status} {image.size}" for image in images),
            "image_files": self._store.names(),
        }

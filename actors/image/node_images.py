"""The images of one worker node: fetched once, served to the other nodes, as are disks of guests that go there.

Owned by the node's compute actor; the libvirt driver asks `fetch`. A node that has an image tells the image room, which
sends the next node here, so that data spreads from node to node and not all from one. Invariants: what is served was
verified against the registry; whom the image room does not let see an image does not get it here either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Set
from pathlib import Path

from actors.clock import Clock
from actors.errors import CallerError, not_found, value_of
from actors.faces import ImageFace
from actors.image.cache import ImageCache
from actors.image.data_server import DataServer
from actors.image.disk_offers import DiskOffers, Offer
from actors.messages import ImageLocation, ImageRequest


class NodeImages:
    def __init__(self, node: str, ip: str, folder: Path, room: ImageFace, clock: Clock | None = None) -> None:
        self._node = node
        self._room = room
        self._cache = ImageCache(folder, self._locate, clock)
        self._server = DataServer(self._find, ip)
        self._told: set[str] = set()
        self._disks = DiskOffers()

    async def start(self) -> None:
        """Serve, and tell what is here already."""
        await self._server.start()
        await self._tell(self._cache.world()["cached_images"])

    async def close(self) -> None:
        await self._cache.close()
        await self._server.close()

    async def fetch(self, location: ImageLocation, token: str) -> Path:
        """The image's file on this node. Raises `CallerError` (401, 404) or `FetchFailed`."""
        path = await self._cache.fetch(location, token)
        if location.image_id not in self._told:
            await self._tell([location.image_id])
        return path

    async def fetch_ahead(self, location: ImageLocation, token: str) -> None:
        """It stays here as long as there is such an image. Raises as `fetch`."""
        await self.fetch(location, token)
        await self._cache.cached_ahead(location.image_id)

    async def evict(self, backing: Set[Path], age_s: float) -> list[str]:
        """Removes what nobody used for so long: no boot, and no guest, of whose disks `backing` is what they are laid
        over. Which images they were. Raises `ConnectionError` where the image room is away."""
        idle, ahead = await self._cache.idle(backing, age_s)
        there = set(await self._room.existing(ahead)) if ahead else set()
        going = [image_id for image_id in idle if image_id not in there]
        if not going:
            return []
        await self._room.uncached(self._node, going)
        self._told.difference_update(going)
        return await self._cache.evict(going, age_s)

    async def offer(self, name: str, path: Path) -> Offer:
        """A disk, which another node may fetch who is told of it."""
        return await asyncio.to_thread(self._disks.add, name, path, self._server.address)

    def drop_offers(self, prefix: str) -> None:
        self._disks.drop(prefix)

    async def _tell(self, image_ids: list[str]) -> None:
        self._told.update(image_ids)
        try:
            await self._room.cached(self._node, image_ids, self._server.address)
        except ConnectionError:  # the room is away; what it isn't told costs others a longer way, nothing more
            self._told.difference_update(image_ids)

    async def _locate(self, token: str, image_id: str) -> ImageLocation:
        return value_of((await self._room.locate([ImageRequest(token=token, image_id=image_id)]))[0])

    async def _find(self, token: str, image_id: str) -> Path:
        """For another node: the file, if its caller may see the image, or was told of the disk."""
        disk = self._disks.find(image_id, token)
        if disk is not None:
            return disk
        path = self._cache.cached(await self._locate(token, image_id))
        if path is None:
            raise CallerError(not_found("image_id", f"image {image_id} is not on this node any more"))
        return path

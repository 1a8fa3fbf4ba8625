"""One image to many nodes: each fetches it once, most from each other; nobody gets what they may not see."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import aiohttp
import pytest

from actors.cluster.config import CloudConfig
from actors.errors import CallerError, CallerFault, HostFault, value_of
from actors.image.data_server import STREAMS_LIMIT
from actors.image.messages import CreateImage, PrecacheImage
from actors.image.node_images import NodeImages
from actors.image.service import ImageRoom
from actors.image.upload import upload
from actors.ledger import MemoryLedger
from actors.messages import ImageLocation, ImageRequest
from actors.records import Image
from tests.image.doors import KnownTokens, StillClock

DATA = os.urandom(3_000_000)
NODES = 8


@dataclass
class Place:
    room: ImageRoom
    nodes: list[NodeImages]
    image: Image

    async def locate(self, token: str = "ann") -> ImageLocation:
        return value_of((await self.room.locate([ImageRequest(token=token, image_id=self.image.id)]))[0])

    def served(self, node: NodeImages) -> int:
        return node._server.served[self.image.id]

    @property
    def served_by_room(self) -> int:
        return self.room._server.served[self.image.id]


@asynccontextmanager
async def place(folder: Path, nodes: int = NODES) -> AsyncIterator[Place]:
    """An image room with one private image of ann's, and nodes."""
    computes: dict[str, Precaching] = {}
    room = ImageRoom(
        CloudConfig(home=folder / "cloud"),
        MemoryLedger(),
        KnownTokens(),
        StillClock(),
        random=Random(1),
        computes=computes.__getitem__,  # type: ignore[arg-type]  # only precache is asked
    )
    await room.start()
    source = folder / "source"
    source.write_bytes(DATA)
    image = await upload(room, CreateImage(token="ann", name="big", disk_format="raw"), source)
    made = [NodeImages(f"n{number}", "127.0.0.1", folder / f"n{number}", room) for number in range(nodes)]
    for number, node in enumerate(made):
        computes[f"n{number}"] = Precaching(room, node)
        await node.start()
    try:
        yield Place(room, made, image)
    finally:
        for node in made:
            await node.close()
        await room.close()


@dataclass
class Precaching:
    room: ImageRoom
    node: NodeImages

    async def precache(self, requests: list[ImageRequest]) -> list[CallerFault | HostFault | None]:
        for request in requests:
            await self.node.fetch(value_of((await self.room.locate([request]))[0]), request.token)
        return [None] * len(requests)


def test_nodes_fetch_from_each_other_and_each_once(tmp_path: Path) -> None:
    async def run() -> None:
        async with place(tmp_path) as here:
            location = await here.locate()
            boots = [node.fetch(location, "ann") for node in here.nodes for _ in range(5)]
            paths = await asyncio.gather(*boots)
            assert {path.read_bytes() for path in paths} == {DATA} and len(set(paths)) == NODES
            by_peers = sum(here.served(node) for node in here.nodes)
            assert here.served_by_room + by_peers == NODES
            assert STREAMS_LIMIT <= here.served_by_room < NODES and by_peers > 0

    asyncio.run(run())


def test_a_cached_image_needs_no_server(tmp_path: Path) -> None:
    async def run() -> None:
        async with place(tmp_path, 1) as here:
            await here.nodes[0].fetch(await here.locate(), "ann")
            await here.nodes[0].fetch(await here.locate(), "ann")
            assert here.served_by_room == 1

    asyncio.run(run())


def test_a_peer_that_died_is_passed_over_and_forgotten_when_it_left(tmp_path: Path) -> None:
    async def run() -> None:
        async with place(tmp_path, 3) as here:
            dead, second, third = here.nodes
            await dead.fetch(await here.locate(), "ann")
            await dead.close()
            location = await here.locate()
            assert len(location.urls) == 2
            await second.fetch(location, "ann")
            assert here.served_by_room == 2
            await here.room.forget_hosts(["n0"])
            location = await here.locate()
            assert location.urls[0].startswith(second._server.address) and len(location.urls) == 2
            await third.fetch(location, "ann")
            assert (here.served_by_room, here.served(second)) == (2, 1)

    asyncio.run(run())


def test_a_node_that_begins_anew_tells_what_it_has(tmp_path: Path) -> None:
    async def run() -> None:
        async with place(tmp_path, 1) as here:
            await here.nodes[0].fetch(await here.locate(), "ann")
            await here.nodes[0].close()
            again = NodeImages("n0", "127.0.0.1", tmp_path / "n0", here.room)
            await again.start()
            urls = (await here.locate()).urls
            assert urls[0].startswith(again._server.address) and len(urls) == 2
            await again.close()

    asyncio.run(run())


def test_a_node_gives_nobody_what_the_room_would_not(tmp_path: Path) -> None:
    async def run() -> None:
        async with place(tmp_path, 1) as here:
            await here.nodes[0].fetch(await here.locate(), "ann")
            url = (await here.locate()).urls[0]
            async with aiohttp.ClientSession() as session:
                for token, status in (("bob", 404), ("nobody", 401), ("ann", 200), ("root", 200)):
                    async with session.get(url, headers={"X-Auth-Token": token}) as answer:
                        assert answer.status == status

    asyncio.run(run())


def test_precaching_is_the_operators_and_names_the_host_that_failed(tmp_path: Path) -> None:
    async def run() -> None:
        async with place(tmp_path, 3) as here:

            def asked(token: str, *hosts: str) -> PrecacheImage:
                return PrecacheImage(token=token, image_id=here.image.id, hosts=hosts)

            [refused] = await here.room.precache([asked("ann", "n0")])
            assert isinstance(refused, CallerFault) and refused.status == 403
            assert await here.room.precache([asked("root", "n0", "n2")]) == [None]
            assert here.room._copies.nodes(here.image.id) == ["n0", "n2"]

    asyncio.run(run())


def test_a_deleted_image_is_nowhere(tmp_path: Path) -> None:
    async def run() -> None:
        async with place(tmp_path, 1) as here:
            await here.nodes[0].fetch(await here.locate(), "ann")
            url = (await here.locate()).urls[0]
            await here.room.delete([ImageRequest(token="ann", image_id=here.image.id)])
            with pytest.raises(CallerError):
                await here.locate()
            async with aiohttp.ClientSession() as session, session.get(url, headers={"X-Auth-Token": "ann"}) as answer:
                assert answer.status == 404

    asyncio.run(run())

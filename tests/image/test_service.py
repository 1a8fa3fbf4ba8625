"""The image room by its messages: tenants, uploads, refusals, restarts, and data over HTTP."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
import pytest

from actors.cluster.config import CloudConfig
from actors.errors import CallerError, CallerFault, value_of
from actors.image.messages import CHUNK_LIMIT_BYTES, CreateImage, FinishUpload, ListImages, UploadChunk
from actors.image.service import ImageRoom
from actors.image.upload import upload
from actors.ledger import MemoryLedger
from actors.messages import ImageRequest
from actors.records import Image
from tests.image.contents import qcow2
from tests.image.doors import KnownTokens, StillClock

MIB = 1 << 20


class House:
    def __init__(self, home: Path) -> None:
        self.config = CloudConfig(home=home)
        self.ledger = MemoryLedger()
        self.home = home

    @asynccontextmanager
    async def room(self) -> AsyncIterator[ImageRoom]:
        room = ImageRoom(self.config, self.ledger, KnownTokens(), StillClock())
        await room.start()
        try:
            yield room
        finally:
            await room.close()


def play(home: Path, story: Callable[[House, ImageRoom], Awaitable[None]]) -> None:
    async def run() -> None:
        house = House(home)
        async with house.room() as room:
            await story(house, room)

    asyncio.run(run())


def draft(token: str = "ann", **more: object) -> CreateImage:
    return msgspec.convert({"token": token, "name": "debian", "disk_format": "raw", **more}, CreateImage)


async def create(room: ImageRoom, request: CreateImage) -> Image:
    return value_of((await room.create([request]))[0])


async def begin(room: ImageRoom, image: Image, token: str = "ann") -> None:
    value_of((await room.begin_upload([ImageRequest(token=token, image_id=image.id)]))[0])


async def send(room: ImageRoom, image: Image, data: bytes, offset: int = 0) -> int | CallerFault:
    return (await room.upload_chunk([UploadChunk(token="ann", image_id=image.id, offset=offset, data=data)]))[0]


async def finish(room: ImageRoom, image: Image, os_hash_value: str = "") -> Image | CallerFault:
    request = FinishUpload(token="ann", image_id=image.id, os_hash_value=os_hash_value)
    return (await room.finish_upload([request]))[0]


async def with_data(room: ImageRoom, home: Path, data: bytes, **more: object) -> Image:
    path = home / "source"
    path.write_bytes(data)
    return await upload(room, draft(**more), path)


def status_of(reply: object) -> int:
    assert isinstance(reply, CallerFault), reply
    return reply.status


def test_the_same_creation_twice_makes_one_image(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        request = draft()
        first, second = await room.create([request, request])
        third = await create(room, request)
        assert first == second == third
        assert len(room.world()["images"]) == 1
        assert house.ledger.commits == 1

    play(tmp_path, story)


def test_bad_creations_name_their_field(tmp_path: Path) -> None:
    bad = {
        "disk_format": {"disk_format": "exe"},
        "name": {"name": "a\x00b"},
        "visibility": {"visibility": "everyone"},
        "image_id": {"image_id": "../../etc/passwd"},
        "min_disk_gib": {"min_disk_gib": -1},
        "properties": {"properties": {f"p{n}": "" for n in range(200)}},
    }

    async def story(house: House, room: ImageRoom) -> None:
        replies = await room.create([draft(**more) for more in bad.values()])
        assert [reply.field for reply in replies if isinstance(reply, CallerFault)] == list(bad)
        assert status_of((await room.create([draft("nobody")]))[0]) == 401
        assert status_of((await room.create([draft(visibility="public")]))[0]) == 403
        assert room.world()["images"] == [] and house.ledger.commits == 0

    play(tmp_path, story)


def test_tenants_see_their_own_and_public_images(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        private = await create(room, draft())
        public = await create(room, draft("root", visibility="public"))
        by_bob = ImageRequest(token="bob", image_id=private.id)
        assert status_of((await room.show([by_bob]))[0]) == 404
        assert status_of((await room.delete([by_bob]))[0]) == 404
        assert status_of((await room.delete([ImageRequest(token="bob", image_id=public.id)]))[0]) == 403
        assert await room.list_images([ListImages(token="bob"), ListImages(token="root")]) == [
            [public],
            sorted([private, public], key=lambda image: image.id),
        ]

    play(tmp_path, story)


def test_an_upload_becomes_an_active_image_in_any_room_after(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        image = await create(room, draft())
        assert status_of((await room.locate([ImageRequest(token="ann", image_id=image.id)]))[0]) == 409
        await begin(room, image)
        assert await send(room, image, b"x" * MIB) == MIB
        assert await send(room, image, b"x" * MIB) == MIB
        assert await send(room, image, b"y" * 10, MIB) == MIB + 10
        active = value_of(await finish(room, image))
        assert value_of(await finish(room, image)) == active
        assert (active.status, active.size, active.virtual_size) == ("active", MIB + 10, MIB + 10)
        async with house.room() as restarted:
            assert restarted.world() == room.world()
            location = value_of((await restarted.locate([ImageRequest(token="ann", image_id=image.id)]))[0])
            assert location.size == MIB + 10 and location.os_hash_value == active.os_hash_value

    play(tmp_path, story)


def test_refused_content_leaves_a_queued_image_and_no_data(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        image = await create(room, draft(disk_format="qcow2"))
        before = room.world()
        for data in (qcow2(MIB, backing=b"/etc/passwd"), b"no qcow2" * 100_000):
            await begin(room, image)
            sent = await send(room, image, data)
            reply = await finish(room, image) if isinstance(sent, int) else sent
            assert status_of(reply) == 400
            assert room.world() == before
        await begin(room, image)
        await send(room, image, qcow2(MIB))
        assert status_of(await finish(room, image, "0" * 128)) == 400
        assert room.world() == before

    play(tmp_path, story)


def test_chunks_have_their_limit_and_their_upload(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        image = await create(room, draft())
        assert status_of(await send(room, image, b"x")) == 409
        await begin(room, image)
        assert status_of(await send(room, image, b"x" * (CHUNK_LIMIT_BYTES + 1))) == 400
        assert await send(room, image, b"x") == 1

    play(tmp_path, story)


def test_an_upload_cut_off_by_a_restart_begins_again(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        image = await create(room, draft())
        before = room.world()
        await begin(room, image)
        await send(room, image, b"x")
        async with house.room() as restarted:
            assert restarted.world() == before
            assert status_of(await send(restarted, image, b"y", 1)) == 409
            await begin(restarted, image)

    play(tmp_path, story)


def test_delete_leaves_nothing_and_is_known_to_be_gone(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        empty = room.world()
        image = await with_data(room, tmp_path, b"data" * 1000)
        request = ImageRequest(token="ann", image_id=image.id)
        assert await room.delete([request]) == [None]
        assert status_of((await room.delete([request]))[0]) == 404
        assert room.world() == empty and house.ledger.rows["Image"] == {}

    play(tmp_path, story)


async def get(room: ImageRoom, image: Image, token: str, **headers: str) -> tuple[int, bytes]:
    location = value_of((await room.locate([ImageRequest(token="ann", image_id=image.id)]))[0])
    async with (
        aiohttp.ClientSession() as session,
        session.get(location.urls[0], headers={"X-Auth-Token": token, **headers}) as answer,
    ):
        return answer.status, await answer.read()


def test_data_over_http_is_for_those_who_may_see_it(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        data = os.urandom(3 * MIB + 17)
        image = await with_data(room, tmp_path, data)
        assert await get(room, image, "ann") == (200, data)
        assert await get(room, image, "ann", Range="bytes=5-1048600") == (206, data[5:1048601])
        assert (await get(room, image, "bob"))[0] == 404
        assert (await get(room, image, ""))[0] == 401

    play(tmp_path, story)


def test_upload_raises_what_was_refused(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        with pytest.raises(CallerError, match="safe qcow2"):
            await with_data(room, tmp_path, b"nothing", disk_format="qcow2")

    play(tmp_path, story)

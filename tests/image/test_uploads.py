"""Uploads that are given up, whose image goes meanwhile, or whose ledger is away; ids of images that are gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from actors.cluster.config import CloudConfig
from actors.errors import value_of
from actors.image.messages import CreateImage, FinishUpload, OpenUpload, ReadImage, UploadChunk
from actors.image.service import ImageRoom
from actors.image.uploads import UPLOAD_IDLE_LIMIT_S, UPLOADS_LIMIT
from actors.messages import ImageRequest
from actors.records import Image
from tests.image.doors import Falters, KnownTokens, StillClock
from tests.image.test_service import status_of


class House:
    def __init__(self, home: Path) -> None:
        self.config = CloudConfig(home=home)
        self.ledger = Falters()
        self.clock = StillClock()
        self.tokens = KnownTokens()

    async def room(self) -> ImageRoom:
        room = ImageRoom(self.config, self.ledger, self.tokens, self.clock)
        await room.start()
        return room


def play(home: Path, story: Callable[[House, ImageRoom], Awaitable[None]]) -> None:
    async def run() -> None:
        house = House(home)
        room = await house.room()
        try:
            await story(house, room)
        finally:
            await room.close()

    asyncio.run(run())


async def new(room: ImageRoom) -> Image:
    return value_of((await room.create([CreateImage(token="ann", name="debian", disk_format="raw")]))[0])


def asked(image: Image) -> ImageRequest:
    return ImageRequest(token="ann", image_id=image.id)


def opening(image: Image, staging: bool = False) -> OpenUpload:
    return OpenUpload(token="ann", image_id=image.id, staging=staging)


def finishing(image: Image) -> FinishUpload:
    return FinishUpload(token="ann", image_id=image.id)


async def with_bytes(room: ImageRoom, staging: bool = False) -> Image:
    image = await new(room)
    assert await room.open_upload([opening(image, staging)]) == [None]
    assert await room.upload_chunk([UploadChunk(token="ann", image_id=image.id, offset=0, data=b"abc")]) == [3]
    return image


async def active(room: ImageRoom) -> Image:
    return value_of((await room.finish_upload([finishing(await with_bytes(room))]))[0])


async def statuses(room: ImageRoom, *images: Image) -> list[str]:
    return [value_of(reply).status for reply in await room.show([asked(image) for image in images])]


def test_what_is_given_up_for_another_can_be_begun_again(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        images = [await new(room) for _ in range(UPLOADS_LIMIT + 1)]
        assert await room.open_upload([opening(image) for image in images[1:]]) == [None] * UPLOADS_LIMIT
        assert status_of((await room.open_upload([opening(images[0])]))[0]) == 503
        house.clock.at += UPLOAD_IDLE_LIMIT_S + 1
        assert await room.open_upload([opening(images[0])]) == [None]
        assert await statuses(room, *images[:3]) == ["saving", "queued", "queued"]
        assert len(room.world()["image_files"]) == 1
        assert await room.open_upload([opening(images[1])]) == [None]

    play(tmp_path, story)


def test_an_image_that_is_deleted_while_its_data_is_looked_at_is_gone(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        image = await with_bytes(room)
        _, turn = room._uploads[image.id]
        async with turn:
            finish = asyncio.create_task(room.finish_upload([finishing(image)]))
            await asyncio.sleep(0)
            assert await room.delete([asked(image)]) == [None]
        assert status_of((await finish)[0]) == 409
        assert room.world() == {"images": [], "image_files": []}

    play(tmp_path, story)


@pytest.mark.parametrize("begin", ["open_upload", "begin_upload"])
def test_an_upload_that_could_not_be_written_down_takes_no_seat(tmp_path: Path, begin: str) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        image = await new(room)
        request = opening(image) if begin == "open_upload" else asked(image)
        house.ledger.away = 1
        with pytest.raises(ConnectionError):
            await getattr(room, begin)([request])
        assert room.world()["image_files"] == [] and room._uploads == {}
        assert await getattr(room, begin)([request]) == [None]

    play(tmp_path, story)


def test_whole_data_becomes_the_images_though_the_ledger_is_away(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        image = await with_bytes(room)
        house.ledger.away = 1
        assert value_of((await room.finish_upload([finishing(image)]))[0]).status == "active"

    play(tmp_path, story)


def test_nobody_gets_the_id_of_an_image_that_is_gone(tmp_path: Path) -> None:
    """Servers were made of it, and orders and scripts name it."""

    async def story(house: House, room: ImageRoom) -> None:
        image = await active(room)
        await room.delete([asked(image)])
        again = CreateImage(token="bob", name="evil", disk_format="raw", visibility="community", image_id=image.id)
        later = await house.room()
        for where in (room, later):
            assert status_of((await where.create([again]))[0]) == 409
        await later.close()

    play(tmp_path, story)


def test_data_of_what_was_deleted_goes_though_the_room_died_before(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        gone, stays = await active(room), await active(room)
        await house.ledger.commit(room._rows.without(gone, 1.0))  # … and then it was killed
        later = await house.room()
        assert later.world()["image_files"] == [stays.id]
        await later.close()

    play(tmp_path, story)


async def imported(room: ImageRoom, image: Image) -> bytes:
    """Its data, when no import is under way."""
    await room.imported()
    assert await statuses(room, image) == ["active"]
    return value_of((await room.read([ReadImage(token="ann", image_id=image.id, offset=0, length=9)]))[0])


def test_what_was_staged_whole_is_there_after_a_restart(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        whole, half = await with_bytes(room, staging=True), await with_bytes(room, staging=True)
        assert await room.keep_staged([asked(whole), asked(whole)]) == [None, None]
        assert list(room._uploads) == [half.id]
        later = await house.room()
        assert await statuses(later, whole, half) == ["uploading", "queued"]
        assert later.world()["image_files"] == [f"{whole.id}.staged"]
        assert await later.keep_staged([asked(whole)]) == [None]
        assert await later.import_staged([asked(whole)]) == [None]
        assert await imported(later, whole) == b"abc"
        assert later.world()["image_files"] == [whole.id] and later._uploads == {}
        await later.close()

    play(tmp_path, story)


@pytest.mark.parametrize("published", [False, True])
def test_an_import_that_was_answered_for_is_done_by_the_next_room(tmp_path: Path, published: bool) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        image = await with_bytes(room, staging=True)
        await room.keep_staged([asked(image)])
        await house.ledger.commit([replace(image, status="importing")])  # … and then it was killed, or
        if published:
            staged = house.config.images / f"{image.id}.staged"
            await asyncio.to_thread(staged.rename, house.config.images / image.id)
        later = await house.room()
        assert await imported(later, image) == b"abc"
        await later.close()

    play(tmp_path, story)


def test_staged_data_goes_with_its_image(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        image = await with_bytes(room, staging=True)
        await room.keep_staged([asked(image)])
        assert await room.delete([asked(image)]) == [None]
        assert room.world() == {"images": [], "image_files": []}

    play(tmp_path, story)


def test_who_opened_an_upload_takes_it_back_though_the_token_was_revoked(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        image = await with_bytes(room)
        known = house.tokens.callers.pop("ann")
        assert status_of((await room.finish_upload([finishing(image)]))[0]) == 401
        by_bob = ImageRequest(token="bob", image_id=image.id)
        assert status_of((await room.cancel_upload([by_bob]))[0]) == 404
        assert await room.cancel_upload([asked(image)]) == [None]
        house.tokens.callers["ann"] = known
        assert await statuses(room, image) == ["queued"] and room._uploads == {}

    play(tmp_path, story)


def test_what_came_of_an_upload_goes_when_it_is_begun_again(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        begun_twice, idle = await with_bytes(room), await with_bytes(room)
        assert await room.begin_upload([asked(begun_twice)]) == [None]
        house.clock.at += UPLOAD_IDLE_LIMIT_S + 1
        assert await room.open_upload([opening(idle)]) == [None]
        parts = [name.partition(".")[0] for name in room.world()["image_files"]]
        assert parts == sorted((begun_twice.id, idle.id))

    play(tmp_path, story)


def test_one_that_is_staged_spoils_no_batch(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        staged, image = await with_bytes(room, staging=True), await new(room)
        first, refused = await room.begin_upload([asked(image), asked(staged)])
        assert first is None and status_of(refused) == 409
        assert await statuses(room, image, staged) == ["saving", "uploading"]

    play(tmp_path, story)


def test_a_deletion_of_which_nobody_knows_whether_it_was_written_takes_no_data(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        image = await active(room)
        house.ledger.away, house.ledger.written = 1, True
        with pytest.raises(ConnectionError):
            await room.delete([asked(image)])
        other = await new(room)  # the next that is written says what is so
        later = await house.room()
        assert await statuses(later, image, other) == ["active", "queued"]
        assert await later.delete([asked(image)]) == [None]
        assert later.world()["image_files"] == []
        await later.close()

    play(tmp_path, story)

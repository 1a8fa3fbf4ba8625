"""Volumes copied into images: asked for twice, and cut off."""

from __future__ import annotations

import asyncio
from pathlib import Path

from actors.errors import value_of
from actors.messages import ImageRequest
from actors.volume.backend import MemoryBackend
from actors.volume.messages import ListRows, UploadVolume, VolumeRequest
from actors.volume.user_messages import NOT_COPIED
from tests.volume.rooms import Gallery, House, volume
from tests.world import World, in_world


class Slow(MemoryBackend):
    """Never has done with copying."""

    def __init__(self) -> None:
        super().__init__()
        self.busy = asyncio.Event()

    async def copy_out(self, volume_id: str, disk_format: str, path: Path) -> None:
        await asyncio.to_thread(path.write_bytes, b"half")
        self.busy.set()
        await asyncio.Event().wait()


def test_the_same_request_again_makes_one_image_and_leaves_it(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        wanted = UploadVolume(token=world.member, volume_id=await world.volume(), name="copy")
        first, second = await world.volumes.upload_to_image([wanted, wanted])
        assert value_of(first).id == value_of(second).id == wanted.image_id
        await world.volumes.uploaded()
        [third] = await world.volumes.upload_to_image([wanted])
        await world.volumes.uploaded()
        [image] = await world.images.show([ImageRequest(token=world.member, image_id=wanted.image_id)])
        assert value_of(third) == value_of(image) and value_of(image).status == "active"

    in_world(tmp_path, story)


def test_a_copy_that_was_cut_off_leaves_no_file_and_is_told(tmp_path: Path) -> None:
    async def run() -> None:
        backend = Slow()
        house = House(tmp_path, backend, Gallery())
        former = await house.room()
        mine = await volume(former)
        await former.upload_to_image([UploadVolume(token="ann", volume_id=mine.id, name="copy")])
        await backend.busy.wait()
        room = await house.room()  # the former one was killed
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
        assert value_of((await room.show([VolumeRequest(token="ann", volume_id=mine.id)]))[0]).status == "available"
        [told] = value_of((await room.page_messages([ListRows(token="ann")]))[0]).rows
        assert (told.event, told.volume_id) == (NOT_COPIED, mine.id)
        await former.close()

    asyncio.run(run())

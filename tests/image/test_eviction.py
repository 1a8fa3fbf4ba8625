"""What nobody uses for long leaves a node's cache; what a boot or a guest may need never does."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from actors.image.eviction import CONVERTED, cached_ids, converted_of
from actors.image.node_images import NodeImages
from actors.messages import ImageRequest
from tests.image.test_node_images import DATA, Place, place

DAY_S = 86_400.0


class Clocks:
    """Of the day, and of how long it goes."""

    def __init__(self) -> None:
        self.day, self.up = 1e9, 0.0

    def now(self) -> float:
        return self.day

    def monotonic(self) -> float:
        return self.up

    def go(self, passed_s: float) -> None:
        self.day, self.up = self.day + passed_s, self.up + passed_s


Scene = Callable[[Place, NodeImages, Clocks], Awaitable[None]]


def play(folder: Path, scene: Scene) -> None:
    async def run() -> None:
        async with place(folder, 0) as here:
            clocks = Clocks()
            node = NodeImages("n", "127.0.0.1", folder / "n", here.room, clocks)
            await node.start()
            try:
                await scene(here, node, clocks)
            finally:
                await node.close()

    asyncio.run(run())


def test_an_image_goes_a_day_after_its_last_use_and_comes_again(tmp_path: Path) -> None:
    async def scene(here: Place, node: NodeImages, clocks: Clocks) -> None:
        path = await node.fetch(await here.locate(), "ann")
        guests = {tmp_path / "n" / ".." / "n" / path.name}  # however it is spelled
        clocks.go(3 * DAY_S)
        assert await node.evict(guests, DAY_S) == []
        clocks.go(DAY_S / 2)
        assert await node.evict(set(), DAY_S) == []  # half a day ago a guest had it
        clocks.go(DAY_S / 2)
        assert len((await here.locate()).urls) == 2
        assert await node.evict({tmp_path / "gone"}, DAY_S) == [here.image.id]
        assert [file.name for file in (tmp_path / "n").iterdir()] == [".lock"]
        assert len((await here.locate()).urls) == 1  # nobody is sent here for it
        assert (await node.fetch(await here.locate(), "ann")).read_bytes() == DATA
        assert len((await here.locate()).urls) == 2

    play(tmp_path, scene)


def test_a_disk_over_the_converted_image_keeps_it(tmp_path: Path) -> None:
    async def scene(here: Place, node: NodeImages, clocks: Clocks) -> None:
        path = await node.fetch(await here.locate(), "ann")
        converted = converted_of(path)
        converted.parent.mkdir()
        shutil.copy(path, converted)
        clocks.go(2 * DAY_S)
        assert await node.evict({converted}, DAY_S) == []
        clocks.go(2 * DAY_S)
        assert await node.evict(set(), DAY_S) == [here.image.id]
        assert list((tmp_path / "n" / CONVERTED).iterdir()) == []

    play(tmp_path, scene)


@pytest.mark.parametrize("age_s", [0.0, DAY_S])
def test_a_boot_under_way_keeps_its_image_whatever_becomes_of_the_clock(tmp_path: Path, age_s: float) -> None:
    async def scene(here: Place, node: NodeImages, clocks: Clocks) -> None:
        await node.fetch(await here.locate(), "ann")
        clocks.day += 7 * DAY_S
        assert await node.evict(set(), age_s) == []
        clocks.up += 600.0
        await node.fetch(await here.locate(), "ann")  # another boot
        clocks.go(3_500.0)
        assert await node.evict(set(), age_s) == []
        clocks.go(DAY_S)
        assert await node.evict(set(), age_s) == [here.image.id]

    play(tmp_path, scene)


def test_who_fetches_while_it_goes_gets_it_whole(tmp_path: Path) -> None:
    async def scene(here: Place, node: NodeImages, clocks: Clocks) -> None:
        location = await here.locate()
        for _ in range(20):
            await node.fetch(location, "ann")
            clocks.go(2 * DAY_S)
            path, gone = await asyncio.gather(node.fetch(location, "ann"), node.evict(set(), DAY_S))
            assert path.read_bytes() == DATA and gone in ([], [location.image_id])
            assert cached_ids(tmp_path / "n") == (location.image_id,)

    play(tmp_path, scene)


def test_what_was_cached_ahead_stays_as_long_as_there_is_such_an_image(tmp_path: Path) -> None:
    async def scene(here: Place, node: NodeImages, clocks: Clocks) -> None:
        await node.fetch_ahead(await here.locate(), "ann")
        clocks.go(30 * DAY_S)
        assert await node.evict(set(), DAY_S) == []
        assert await here.room.delete([ImageRequest(token="ann", image_id=here.image.id)]) == [None]
        assert await node.evict(set(), DAY_S) == [here.image.id]
        assert [file.name for file in (tmp_path / "n").iterdir()] == [".lock"]

    play(tmp_path, scene)


def test_data_whose_marker_never_came_goes_too(tmp_path: Path) -> None:
    """Whoever fetched it died in between, or died when it had removed the marker."""

    async def scene(here: Place, node: NodeImages, clocks: Clocks) -> None:
        path = await node.fetch(await here.locate(), "ann")
        left, used = path.with_name("left"), path.with_name("used")
        for file in (left, used):
            file.write_bytes(b"data")
            os.utime(file, (clocks.day, clocks.day))
        clocks.go(DAY_S / 2)
        assert await node.evict({used, path}, DAY_S) == []
        clocks.go(DAY_S)
        assert await node.evict({used, path}, DAY_S) == ["left"]
        assert not left.exists() and used.exists() and path.exists()

    play(tmp_path, scene)

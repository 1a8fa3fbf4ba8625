"""One download for all, verified; nothing unverified under an image's name."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from actors.errors import CallerError
from actors.image.cache import FetchFailed, ImageCache
from actors.image.eviction import cached_ids
from actors.messages import ImageLocation
from tests.image.doors import StillClock

DAY_S = 86_400.0
DATA = os.urandom(2_500_000)
IMAGE = "7d2ae6b6-0f5c-4a6e-9f5e-1f0f7d7d3c11"


class Server:
    """Serves `body` and counts; good for the token `ann` only."""

    def __init__(self) -> None:
        self.body = DATA
        self.asked = 0
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        await asyncio.sleep(0)
        if request.headers.get("X-Auth-Token") != "ann":
            return web.Response(status=401)
        return web.Response(body=self.body)


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    server = Server()
    app = web.Application()
    app.router.add_get("/file", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/file"
    try:
        yield server
    finally:
        await runner.cleanup()


def at(*urls: str, data: bytes = DATA) -> ImageLocation:
    return ImageLocation(
        image_id=IMAGE,
        disk_format="raw",
        size=len(data),
        virtual_size=len(data),
        os_hash_value=hashlib.sha512(data).hexdigest(),
        properties={},
        urls=urls,
    )


def test_concurrent_boots_share_one_fetch_and_later_ones_need_none(tmp_path: Path) -> None:
    async def run() -> None:
        cache = ImageCache(tmp_path)
        async with serving() as server:
            paths = await asyncio.gather(*(cache.fetch(at(server.url), "ann") for _ in range(20)))
            assert set(paths) == {tmp_path / IMAGE} and paths[0].read_bytes() == DATA
            assert server.asked == 1
        assert await ImageCache(tmp_path).fetch(at("http://127.0.0.1:9/gone"), "ann") == paths[0]
        assert cache.world() == {"cached_images": [IMAGE], "parts": []}

    asyncio.run(run())


def test_two_processes_end_with_one_file(tmp_path: Path) -> None:
    async def run() -> None:
        async with serving() as server:
            caches = [ImageCache(tmp_path) for _ in range(3)]
            paths = await asyncio.gather(*(cache.fetch(at(server.url), "ann") for cache in caches))
            assert {path.read_bytes() for path in paths} == {DATA}
            assert caches[0].world() == {"cached_images": [IMAGE], "parts": []}

    asyncio.run(run())


def test_a_dead_server_is_passed_over(tmp_path: Path) -> None:
    async def run() -> None:
        async with serving() as server:
            path = await ImageCache(tmp_path).fetch(at("http://127.0.0.1:9/gone", server.url), "ann")
            assert path.read_bytes() == DATA

    asyncio.run(run())


@pytest.mark.parametrize("body", [DATA[:-1], DATA + b"x", bytes([DATA[0] ^ 1]) + DATA[1:]])
def test_wrong_data_is_never_cached(tmp_path: Path, body: bytes) -> None:
    async def run() -> None:
        cache = ImageCache(tmp_path)
        async with serving() as server:
            server.body = body
            with pytest.raises(FetchFailed):
                await cache.fetch(at(server.url), "ann")
        assert cache.world() == {"cached_images": [], "parts": []}

    asyncio.run(run())


def test_a_changed_file_is_fetched_again(tmp_path: Path) -> None:
    async def run() -> None:
        async with serving() as server:
            path = await ImageCache(tmp_path).fetch(at(server.url), "ann")
            path.write_bytes(b"!" + DATA[1:])
            os.utime(path, ns=(1, 1))
            assert (await ImageCache(tmp_path).fetch(at(server.url), "ann")).read_bytes() == DATA
            assert server.asked == 2

    asyncio.run(run())


def test_one_callers_bad_token_is_not_anothers(tmp_path: Path) -> None:
    async def run() -> None:
        cache = ImageCache(tmp_path)
        async with serving() as server:
            bad, good = await asyncio.gather(
                cache.fetch(at(server.url), "bob"), cache.fetch(at(server.url), "ann"), return_exceptions=True
            )
            assert isinstance(bad, CallerError) and bad.fault.status == 401
            assert good == tmp_path / IMAGE

    asyncio.run(run())


def test_parts_of_the_dead_are_swept_and_close_leaves_none(tmp_path: Path) -> None:
    async def run() -> None:
        (tmp_path / f"{IMAGE}.dead.part").write_bytes(b"half")
        cache = ImageCache(tmp_path)
        async with serving() as server:
            fetch = asyncio.create_task(cache.fetch(at(server.url), "ann"))
            await asyncio.sleep(0)
            await cache.close()
            with pytest.raises(asyncio.CancelledError):
                await fetch
            await cache.fetch(at(server.url), "ann")
        assert cache.world()["parts"] == []

    asyncio.run(run())


def test_an_id_that_is_a_path_is_refused(tmp_path: Path) -> None:
    location = ImageLocation(
        image_id="../x", disk_format="raw", size=1, virtual_size=1, os_hash_value="", properties={}, urls=("http://x",)
    )
    with pytest.raises(CallerError):
        asyncio.run(ImageCache(tmp_path / "cache").fetch(location, "ann"))


def test_the_ids_of_a_folder_are_those_that_were_verified(tmp_path: Path) -> None:
    assert cached_ids(tmp_path / "nowhere") == ()
    for name in ("b", "b.verified", "a.verified", "part-c"):
        (tmp_path / name).touch()
    assert cached_ids(tmp_path) == ("a", "b")


def test_what_nobody_fetched_for_long_goes_when_something_else_comes(tmp_path: Path) -> None:
    """Where nobody evicts: for volumes an image is copied, and never used again in its place."""

    async def run() -> None:
        clock = StillClock()
        clock.at = 1e9
        cache = ImageCache(tmp_path, clock=clock, keep_s=DAY_S)
        async with serving() as server:
            for age_s, there in ((0.0, ["1"]), (DAY_S - 1, ["1", "2"]), (DAY_S, ["2", "3"])):
                clock.at = 1e9 + age_s
                await cache.fetch(msgspec.structs.replace(at(server.url), image_id=there[-1]), "ann")
                assert cache.world()["cached_images"] == there

    asyncio.run(run())


def test_servers_that_began_anew_elsewhere_are_asked_for(tmp_path: Path) -> None:
    """As the image room does, when it was killed while others fetch."""

    async def run() -> None:
        asked: list[str] = []

        async def locate(token: str, image_id: str) -> ImageLocation:
            asked.append(token)
            return at(server.url)

        async with serving() as server:
            cache = ImageCache(tmp_path, locate)
            assert (await cache.fetch(at("http://127.0.0.1:9/gone"), "ann")).read_bytes() == DATA
            assert asked == ["ann"]
            server.body = b"!" + DATA
            with pytest.raises(FetchFailed):
                await ImageCache(tmp_path / "other", locate).fetch(at(server.url), "ann")
            assert asked == ["ann", "ann"]  # nobody else has it: that is the end

    asyncio.run(run())

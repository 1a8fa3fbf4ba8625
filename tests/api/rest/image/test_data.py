"""The data of images over HTTP: in pieces, by ranges, broken off, staged and imported."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from actors.api.rest.image.data import PIECE_BYTES
from actors.clock import SystemClock
from tests.api.rest.image.test_images import make
from tests.world import HOUR_S, World, in_world

OCTETS = {"Content-Type": "application/octet-stream"}


async def put(http: httpx.AsyncClient, image_id: str, content: Any, where: str = "file") -> httpx.Response:
    return await http.put(f"/image/v2/images/{image_id}/{where}", content=content, headers=OCTETS)


async def status(http: httpx.AsyncClient, image_id: str) -> str:
    return str((await http.get(f"/image/v2/images/{image_id}")).json()["status"])


async def pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


class BrokenOff(Exception):
    """The client's own, in the middle of its body."""


async def broken() -> AsyncIterator[bytes]:
    yield b"half of it"
    raise BrokenOff


def test_what_goes_in_comes_out_whole_and_by_range(tmp_path: Path) -> None:
    data = os.urandom(PIECE_BYTES + PIECE_BYTES // 2 + 17)

    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            image_id = (await make(http))["id"]
            url = f"/image/v2/images/{image_id}/file"
            assert (await http.get(url)).status_code == 204
            assert (await put(http, image_id, pieces(data, 100_000))).status_code == 204
            image = (await http.get(f"/image/v2/images/{image_id}")).json()
            assert (image["status"], image["size"]) == ("active", len(data))
            assert image["checksum"] == hashlib.md5(data).hexdigest()
            assert image["os_hash_value"] == hashlib.sha512(data).hexdigest()
            whole = await http.get(url)
            assert whole.content == data and whole.headers["Content-MD5"] == image["checksum"]
            assert whole.headers["Content-Length"] == str(len(data))
            last = len(data) - 1
            for asked, begin, end in (
                ("bytes=0-9", 0, 9),
                ("bytes=5-", 5, last),
                ("bytes=-7", last - 6, last),
                (f"bytes={PIECE_BYTES - 3}-{PIECE_BYTES + 3}", PIECE_BYTES - 3, PIECE_BYTES + 3),
                (f"bytes={last}-{10**15}", last, last),
            ):
                part = await http.get(url, headers={"Range": asked})
                assert (part.status_code, part.content) == (206, data[begin : end + 1]), asked
                assert part.headers["Content-Range"] == f"bytes {begin}-{end}/{len(data)}"
            for asked in (f"bytes={len(data)}-", "bytes=9-3", "bytes=-0"):
                assert (await http.get(url, headers={"Range": asked})).status_code == 416, asked
            assert (await http.get(url, headers={"Range": "lines=1-2"})).content == data
            assert (await put(http, image_id, b"again")).status_code == 409

    in_world(tmp_path, play)


def test_an_upload_that_breaks_off_leaves_the_image_queued(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            image_id = (await make(http))["id"]
            with pytest.raises(BrokenOff):
                await put(http, image_id, broken())
            assert await status(http, image_id) == "queued"
            assert not [name for name in world.images.world()["image_files"] if name.endswith(".part")]
            assert (await put(http, image_id, b"whole")).status_code == 204

    in_world(tmp_path, play)


class Jumps(SystemClock):
    """Two hours later after so many looks at it."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    def now(self) -> float:
        self.looks -= 1
        return super().now() + (0 if self.looks >= 0 else 2 * HOUR_S)


@pytest.mark.parametrize("where", ["file", "stage"])
def test_a_token_may_end_while_data_comes_or_goes(tmp_path: Path, where: str) -> None:
    data = os.urandom(2 * PIECE_BYTES)

    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            image_id = (await make(http))["id"]
            world.images._clock = Jumps(4)
            assert (await put(http, image_id, data, where)).status_code == 204
            assert world.images._clock.looks < 0
            world.images._clock = Jumps(2)
            answer = await http.get(f"/image/v2/images/{image_id}/file")
            assert answer.content == (data if where == "file" else b"")
            world.images._clock = SystemClock()

    in_world(tmp_path, play)


@pytest.mark.parametrize(
    ("fields", "content", "headers", "refused"),
    [
        ({"disk_format": "qcow2"}, b"no such thing", OCTETS, 400),
        ({"disk_format": "qcow2"}, b"", OCTETS, 400),
        ({}, b"x", {"Content-Type": "text/plain"}, 415),
        ({}, b"x", {}, 415),
        ({"disk_format": None}, b"x", OCTETS, 400),
        ({"container_format": None}, b"x", OCTETS, 400),
    ],
)
def test_data_that_is_refused_leaves_the_image_queued(
    tmp_path: Path, fields: dict[str, Any], content: bytes, headers: dict[str, str], refused: int
) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            image_id = (await make(http, **fields))["id"]
            before = world.images.world()
            for where in ("file",) if refused != 415 else ("file", "stage"):
                url = f"/image/v2/images/{image_id}/{where}"
                answer = await http.put(url, content=content, headers=headers)
                assert answer.status_code == refused, answer.text
            assert world.images.world() == before

    in_world(tmp_path, play)


def test_no_bytes_are_a_raw_image_of_size_0(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            image_id = (await make(http))["id"]
            assert (await put(http, image_id, b"")).status_code == 204
            image = (await http.get(f"/image/v2/images/{image_id}")).json()
            assert (image["status"], image["size"]) == ("active", 0)
            answer = await http.get(f"/image/v2/images/{image_id}/file")
            assert (answer.status_code, answer.content) == (200, b"")

    in_world(tmp_path, play)


def test_staged_data_is_imported(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            image_id = (await make(http))["id"]
            url = f"/image/v2/images/{image_id}/import"
            wanted = {"method": {"name": "glance-direct"}}
            assert (await http.post(url, json=wanted)).status_code == 409
            assert (await put(http, image_id, b"staged", "stage")).status_code == 204
            assert await status(http, image_id) == "uploading"
            assert (await http.get(f"/image/v2/images/{image_id}/file")).status_code == 204
            assert (await put(http, image_id, b"other")).status_code == 409
            for bad in ({}, {"method": {}}, {"method": {"name": "web-download"}}, {"method": "glance-direct"}):
                assert (await http.post(url, json=bad)).status_code == 400
            answer = await http.post(url, json=wanted)
            assert answer.status_code == 202
            assert answer.headers["OpenStack-image-import-methods"] == "glance-direct"
            await world.images.imported()
            assert await status(http, image_id) == "active"
            assert (await http.get(f"/image/v2/images/{image_id}/file")).content == b"staged"

    in_world(tmp_path, play)

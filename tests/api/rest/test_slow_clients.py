"""Clients that are slow on purpose, or go in the middle: over real sockets, with short limits."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from actors.api.rest.bodies import limited
from actors.api.rest.image.data import GRACE_S, LEAST_BYTES_S, too_slow
from actors.api.rest.listener import bind
from actors.api.rest.patience import HEAD_LIMIT_BYTES, PatientProtocol
from actors.api.rest.serve import Serving, start_serving
from tests.api.rest.image.test_images import make
from tests.world import World, in_world

PATIENCE_S = 20.0  # of this test, far above any limit that it sets
HEAD = b"GET /identity/v3 HTTP/1.1\r\nHost: novaray.test\r\n"


class Hasty(PatientProtocol):
    head_limit_s = 0.2


async def serving(world: World) -> tuple[Serving, int]:
    return await listening(world.edge)


async def listening(app: ASGIApp) -> tuple[Serving, int]:
    served = start_serving(app, await bind("127.0.0.1", 0), Hasty)
    while True:
        if served.server.started:
            break
        await asyncio.sleep(0)
    return served, served.server.servers[0].sockets[0].getsockname()[1]


async def connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port)


async def heard(reader: asyncio.StreamReader) -> bytes:
    """All until the server closes."""
    return await asyncio.wait_for(reader.read(), PATIENCE_S)


@pytest.mark.parametrize("begun", [b"", b"GET /identity", HEAD, HEAD + b"X-Slow: "])
def test_a_head_that_does_not_end_is_given_up(tmp_path: Path, begun: bytes) -> None:
    async def play(world: World) -> None:
        served, port = await serving(world)
        reader, writer = await connected(port)
        writer.write(begun)
        assert await heard(reader) == b""
        writer.close()
        await served.close()

    in_world(tmp_path, play)


def test_also_that_of_a_further_request(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        served, port = await serving(world)
        reader, writer = await connected(port)
        writer.write(HEAD + b"\r\n")
        first = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
        assert first.startswith(b"HTTP/1.1 200")
        writer.write(HEAD)
        assert (await heard(reader)).endswith(b"}")  # the first answer's body, and then no more
        writer.close()
        await served.close()

    in_world(tmp_path, play)


def test_a_request_that_is_whole_has_all_the_time_it_needs(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        served, port = await serving(world)
        reader, writer = await connected(port)
        body = b'{"auth": {}}'
        head = f"POST /identity/v3/auth/tokens HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body[:5])
        later, silent = await connected(port)
        assert await heard(later) == b""  # so the limit of the head is over for the first, too: it is not the body's
        silent.close()
        writer.write(body[5:])
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n"), PATIENCE_S)
        assert answer.startswith(b"HTTP/1.1 400")
        writer.close()
        await served.close()

    in_world(tmp_path, play)


def test_headers_without_end_are_refused(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        served, port = await serving(world)
        reader, writer = await connected(port)
        writer.write(HEAD + b"X-Big: " + b"x" * (HEAD_LIMIT_BYTES + 1))
        assert (await heard(reader)).startswith(b"HTTP/1.1 400")
        writer.close()
        await served.close()

    in_world(tmp_path, play)


def test_an_upload_whose_client_goes_in_the_middle_leaves_the_image_queued(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        served, port = await serving(world)
        async with world.http(world.member) as http:
            image_id = (await make(http))["id"]
            before = world.images.world()
            _, writer = await connected(port)
            head = (
                f"PUT /image/v2/images/{image_id}/file HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {world.member}\r\n"
                "Content-Type: application/octet-stream\r\nContent-Length: 1000000\r\n\r\n"
            )
            writer.write(head.encode() + b"half of it")
            await status(http, image_id, "saving")
            writer.transport.abort()
            await status(http, image_id, "queued")
            assert world.images.world() == before
        await served.close()

    async def status(http: Any, image_id: str, wanted: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if (await http.get(f"/image/v2/images/{image_id}")).json()["status"] == wanted:
                    return
                await asyncio.sleep(0)

    in_world(tmp_path, play)


def test_a_body_that_stops_or_trickles_is_given_up() -> None:
    scope = {"method": "POST", "headers": [(b"content-type", b"application/json")]}

    async def nothing() -> Any:
        await asyncio.Event().wait()

    async def trickle() -> Any:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b" ", "more_body": True}

    async def read(receive: Any) -> None:
        while True:
            await receive()

    async def play() -> None:
        for limits in ({"pause_s": 0.01}, {"whole_s": 0.01}):
            with pytest.raises(HTTPException) as refused:
                await read(limited(scope, nothing, **limits))
            assert refused.value.status_code == 408
        with pytest.raises(HTTPException) as refused:
            await read(limited(scope, trickle, pause_s=5.0, whole_s=0.05))
        assert refused.value.status_code == 408

    asyncio.run(play())


def test_an_upload_has_a_least_rate_after_its_grace() -> None:
    assert not too_slow(0, GRACE_S)
    assert too_slow(0, GRACE_S + 1)
    assert not too_slow(LEAST_BYTES_S * 10, GRACE_S + 10) and too_slow(LEAST_BYTES_S * 10, GRACE_S + 11)


def test_an_empty_line_after_a_request_does_not_cut_its_answer_off() -> None:
    async def play() -> None:
        begun, go = asyncio.Event(), asyncio.Event()

        async def slow(scope: Any, receive: Any, send: Any) -> None:
            begun.set()
            await go.wait()
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
            await send({"type": "http.response.body", "body": b"done"})

        served, port = await listening(slow)
        reader, writer = await connected(port)
        writer.write(HEAD + b"\r\n")
        await asyncio.wait_for(begun.wait(), PATIENCE_S)
        writer.write(b"\r\n")
        for _ in range(2):  # whose limits are over when the answer comes
            silent, other = await connected(port)
            assert await heard(silent) == b""
            other.close()
        go.set()
        assert (await heard(reader)).endswith(b"done")
        writer.close()
        await served.close()

    asyncio.run(play())

"""The edge listens before it is loaded: whoever comes first waits, and is served."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from actors.api.rest.app import SERVICES, WhenAsked
from actors.api.rest.door import open_door
from tests.world import World, in_world

PATIENCE_S = 30.0
CLIENTS = 20
PATHS = ("/identity/v3", "/compute/", "/network/", "/volume/", "/image/", "/placement/", "/vnc/", "/nothing")
WEB = "fastapi", "starlette", "uvicorn", "oslo_policy", "oslo_config"


def test_nothing_of_the_web_is_loaded_before_somebody_asks() -> None:
    program = "import sys, actors.api.rest.door, actors.api.service; "
    program += f"print([each for each in {WEB!r} if each in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize("prefix", SERVICES)
def test_each_service_can_be_the_first_that_is_asked(prefix: str) -> None:
    program = f"from actors.api.rest.app import SERVICES; SERVICES[{prefix!r}](None)"
    subprocess.run([sys.executable, "-c", program], check=True)


async def status(port: int, path: str) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: novaray.test\r\nConnection: close\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
    writer.close()
    return int(answer.split()[1])


def test_all_who_come_at_once_are_served(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        door = await open_door(world.rooms, "127.0.0.1", 0)
        found = await asyncio.gather(*[status(door.port, path) for path in PATHS * CLIENTS])
        assert found == [200, 200, 200, 300, 300, 200, 426, 404] * CLIENTS
        await door.close()

    in_world(tmp_path, play)


def test_a_door_that_nobody_came_to_is_closed_too(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        door = await open_door(world.rooms, "127.0.0.1", 0)
        port = door.port
        await door.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)

    in_world(tmp_path, play)


def test_rules_that_cannot_be_read_are_refused_before_anybody_asks(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        world.rooms.config.policy.write_text("no: [rules")
        with pytest.raises(ValueError, match="no: "):
            await open_door(world.rooms, "127.0.0.1", 0)

    in_world(tmp_path, play)


def test_a_service_that_could_not_be_made_is_tried_again_for_the_next() -> None:
    makings: list[ASGIApp | Exception] = [OSError("no memory"), PlainTextResponse("here")]
    heard = []

    def make() -> ASGIApp:
        made = makings.pop(0)
        if isinstance(made, Exception):
            raise made
        return made

    async def hear(message: object) -> None:
        heard.append(message)

    async def play() -> None:
        service = WhenAsked(make, asyncio.Lock())
        scope = {"type": "http"}
        with pytest.raises(OSError, match="no memory"):
            await service(scope, never, hear)
        for _ in range(2):
            await service(scope, never, hear)

    async def never() -> object:
        raise AssertionError

    asyncio.run(play())
    assert len(heard) == 4 and makings == []

"""A room is asked through its shell, which is light until it runs."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from actors.cluster.shell import Shell, answer_of, asking
from actors.cluster.supervisor import AGENT, COMPUTE, SERVICES

HEAVY = "sqlalchemy", "sqlmodel", "pydantic", "numpy", "aiohttp", "cryptography", "argon2", "libvirt", "fastapi"
CLASSES = [*(service.actor_class for service in SERVICES), COMPUTE, AGENT]


class Room:
    async def both(self, left: list[str], right: str) -> list[str]:
        return [*left, right]

    async def _secret(self) -> str:
        return "not for others"


class RoomActor(Shell):
    def __init__(self) -> None:
        self.room = Room()


def test_bytes_go_both_ways_with_lists_packed() -> None:
    asked = asking("both", (["a"], "b"))
    assert type(asked) is bytes and b"_unpack" in asked
    reply = asyncio.run(RoomActor().ask(asked))
    assert type(reply) is bytes and b"_unpack" in reply
    assert answer_of(reply) == ["a", "b"]


def test_what_a_room_keeps_to_itself_and_what_it_has_not_is_not_answered() -> None:
    for method in ("_secret", "unheard_of"):
        with pytest.raises(AttributeError, match=method):
            asyncio.run(RoomActor().ask(asking(method, ())))


def test_no_shell_loads_the_libraries_of_its_room() -> None:
    """Every process that talks to an actor loads its class."""
    modules = sorted({one.partition(":")[0] for one in CLASSES})
    program = f"import sys, {', '.join(modules)}; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout == "[]\n"

"""The shell of a room: the Ray actor through which it is asked, with one method for whatever the room can do.

Whoever holds a handle loads the actor's class, so a class that imported its room would have every process hold the
libraries of every room: 30 to 50 MiB in each. A shell imports its room in its own `__init__`, which runs in the room's
own process only. Callers (`reach.py`, `actors/cloud_rooms.py`) send what `asking` makes.
"""

from __future__ import annotations

from typing import Any

from actors.cluster.packing import packed

Asked = tuple[Any, ...]  # (method, *arguments): one argument costs Ray less than several


def asking(method: str, arguments: tuple[Any, ...]) -> Asked:
    """What `Shell.ask` takes."""
    return (method, *map(packed, arguments))


class Shell:
    """`room` is set when `__init__` is over; until then Ray holds calls back."""

    room: Any

    async def ask(self, asked: Asked) -> Any:
        """The answer of the room's own method; what it raises is raised. Raises AttributeError where it has none."""
        method, *arguments = asked
        if method.startswith("_"):
            raise AttributeError(method)
        return packed(await getattr(self.room, method)(*arguments))

    async def put_away(self) -> None:
        """The cloud is taken down: what the room owns outside the database goes."""

"""The shell of a room: the Ray actor through which it is asked, with one method for whatever the room can do.

Whoever holds a handle loads the actor's class, so a class that imported its room would have every process hold the
libraries of every room: 30 to 50 MiB in each. A shell imports its room in its own `__init__`, which runs in the room's
own process only. Callers (`reach.py`, `actors/cloud_rooms.py`) send what `asking` makes and read by `answer_of`.

Both are bytes, pickled here: Ray looks into anything else twice, with its own msgpack and with cloudpickle, which costs
a lone message a tenth of its time.
"""

from __future__ import annotations

import pickle
from typing import Any

from actors.cluster.packing import packed

PROTOCOL = 5


def asking(method: str, arguments: tuple[Any, ...]) -> bytes:
    """What `Shell.ask` takes."""
    return pickle.dumps((method, *map(packed, arguments)), PROTOCOL)


def answer_of(reply: bytes) -> Any:
    """What the room's method gave, of the reply of `Shell.ask`."""
    return pickle.loads(reply)


class Shell:
    """`room` is set when `__init__` is over; until then Ray holds calls back."""

    room: Any

    async def ask(self, asked: bytes) -> bytes:
        """The answer of the room's own method; what it raises is raised. Raises AttributeError where it has none."""
        method, *arguments = pickle.loads(asked)
        if method.startswith("_"):
            raise AttributeError(method)
        return pickle.dumps(packed(await getattr(self.room, method)(*arguments)), PROTOCOL)

    async def put_away(self) -> None:
        """The cloud is taken down: what the room owns outside the database goes."""

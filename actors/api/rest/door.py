"""Where the REST edge listens from an actor's start on; what serves there is loaded when the first client comes.

The libraries of an HTTP server take as long as all else in the start of the API's actor, and an actor that was killed
must be back at once for those who ask it without HTTP. Invariant: a client that comes early waits, and is served.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from actors.api.rest.listener import bind
from actors.api.rest.rooms import EdgeRooms
from actors.cluster.vital import vital

if TYPE_CHECKING:
    from actors.api.rest.serve import Serving


class Door:
    def __init__(self, rooms: EdgeRooms, listener: socket.socket) -> None:
        """`listener` listens already."""
        self._rooms = rooms
        self._listener = listener
        self._opening: asyncio.Task[None] | None = None
        self._serving: Serving | None = None
        asyncio.get_running_loop().add_reader(listener, self._open)

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    async def close(self) -> None:
        """Lets what is in hand end."""
        asyncio.get_running_loop().remove_reader(self._listener)
        if self._opening is not None:
            await self._opening
        if self._serving is not None:
            await self._serving.close()
        self._listener.close()

    def _open(self) -> None:
        """The first client is there, and stays in the socket's queue until it is taken."""
        asyncio.get_running_loop().remove_reader(self._listener)
        self._opening = vital(asyncio.create_task(self._serve(), name="opening the REST edge"))

    async def _serve(self) -> None:
        await asyncio.to_thread(_load)
        from actors.api.rest.app import edge
        from actors.api.rest.serve import start_serving

        self._serving = start_serving(edge(self._rooms), self._listener)


async def open_door(rooms: EdgeRooms, host: str, port: int) -> Door:
    """Raises `OSError` where the port is not free, and what oslo.policy says of rules that it can't read."""
    if rooms.config.policy.exists():  # an operator's own: told now and not to who asks first
        from actors.api.rest.policy import Policy

        Policy(rooms.config.policy, rooms.clock)
    return Door(rooms, await bind(host, port))


def _load() -> None:
    """Other work goes on beside it, as it would not if the event loop itself did so."""
    from actors.api.rest import app, serve  # noqa: F401

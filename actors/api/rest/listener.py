"""The socket on which the edge listens: `door.py` opens it, and what serves there (`serve.py`) keeps its backlog."""

from __future__ import annotations

import asyncio
import socket

BACKLOG = 2_048  # connections that wait to be taken
BIND_LIMIT_S = 10.0  # for the port to be free again after the process that had it died
BIND_PAUSE_S = 0.1


async def bind(host: str, port: int) -> socket.socket:
    """Raises `OSError` where the port is not free in time."""
    deadline = asyncio.get_running_loop().time() + BIND_LIMIT_S
    while True:
        listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(BACKLOG)  # from now on clients are served, if a little later
        except OSError:
            listener.close()
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(BIND_PAUSE_S)
            continue
        listener.setblocking(False)
        return listener

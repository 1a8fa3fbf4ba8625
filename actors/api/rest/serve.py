"""Listening: uvicorn in the event loop of the actor that owns the compute API, so that a request for it has no hop."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from actors.api.rest.patience import PatientProtocol

BACKLOG = 2_048  # connections that wait to be taken
CONNECTIONS_LIMIT = 4_000  # requests and connections at a time; more are told 503
KEEP_ALIVE_S = 75  # an idle connection is kept so long
CLOSE_S = 5  # for requests in hand when the edge stops
BIND_LIMIT_S = 10.0  # for the port to be free again after the process that had it died
BIND_PAUSE_S = 0.1


@dataclass(frozen=True, slots=True)
class Serving:
    """An edge that listens; `close` lets what is in hand end."""

    server: uvicorn.Server
    task: asyncio.Task[None]

    async def close(self) -> None:
        self.server.should_exit = True
        await self.task


async def start_serving(
    app: ASGIApp, host: str, port: int, protocol: type[PatientProtocol] = PatientProtocol
) -> Serving:
    """Returns when it listens; raises `OSError` where the port is not free."""
    listener = await _bind(host, port)
    config = uvicorn.Config(
        app,
        http=protocol,
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        limit_concurrency=CONNECTIONS_LIMIT,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=CLOSE_S,
    )
    server = uvicorn.Server(config)
    return Serving(server, asyncio.create_task(server.serve(sockets=[listener])))


async def _bind(host: str, port: int) -> socket.socket:
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

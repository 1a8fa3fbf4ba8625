"""Serving: uvicorn in the event loop of the actor that owns the compute API, so that a request for it has no hop."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from actors.api.rest.listener import BACKLOG
from actors.api.rest.patience import PatientProtocol

CONNECTIONS_LIMIT = 4_000  # requests and connections at a time; more are told 503
KEEP_ALIVE_S = 75  # an idle connection is kept so long
CLOSE_S = 5  # for requests in hand when the edge stops


@dataclass(frozen=True, slots=True)
class Serving:
    """An edge that serves; `close` lets what is in hand end."""

    server: uvicorn.Server
    task: asyncio.Task[None]

    async def close(self) -> None:
        self.server.should_exit = True
        await self.task


def start_serving(app: ASGIApp, listener: socket.socket, protocol: type[PatientProtocol] = PatientProtocol) -> Serving:
    """`listener` listens already; it is closed with the serving."""
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

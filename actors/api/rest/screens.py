"""The websocket behind the URL of a remote console: bytes of RFB (RFC 6143) both ways, as noVNC speaks it.

Mounted under `/vnc`. The ticket in the URL says which server; the guest's screen is reached through its node
(`actors/compute/screens.py`). Invariants: no ticket, no connection; at most `SCREENS_LIMIT` at a time.
"""

from __future__ import annotations

import asyncio
import contextlib

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, HostError

SCREENS_LIMIT = 500
CONNECT_S = 10.0
CHUNK_BYTES = 1 << 16
REFUSED, AWAY = 1008, 1011  # of RFC 6455: the policy says no; the server can't
PROTOCOL = "binary"  # what older clients ask for
PLAIN = "This is a remote console: open it with a websocket client such as noVNC.\n"


def screens(rooms: EdgeRooms) -> Starlette:
    served = _Screens(rooms)
    return Starlette(routes=[WebSocketRoute("/", served.serve), Route("/", _told)])


async def _told(request: Request) -> Response:
    return PlainTextResponse(PLAIN, status_code=426, headers={"Upgrade": "websocket"})


class _Screens:
    def __init__(self, rooms: EdgeRooms) -> None:
        self._rooms = rooms
        self._open = 0

    async def serve(self, socket: WebSocket) -> None:
        if self._open >= SCREENS_LIMIT:
            await socket.close(AWAY)
            return
        self._open += 1
        try:
            await self._serve(socket)
        finally:
            self._open -= 1

    async def _serve(self, socket: WebSocket) -> None:
        try:
            screen = await self._rooms.api.screen(socket.query_params.get("token", ""))
            async with asyncio.timeout(CONNECT_S):
                reader, writer = await asyncio.open_connection(screen.host, screen.port, limit=CHUNK_BYTES)
        except CallerError:
            await socket.close(REFUSED)
            return
        except (HostError, OSError, TimeoutError):
            await socket.close(AWAY)
            return
        try:
            writer.write(screen.secret.encode())
            await socket.accept(PROTOCOL if PROTOCOL in socket.scope.get("subprotocols", ()) else None)
            await _join(socket, reader, writer)
        finally:
            writer.close()


async def _join(socket: WebSocket, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    ways = [asyncio.create_task(_to_guest(socket, writer)), asyncio.create_task(_from_guest(socket, reader))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # the client may have closed it
        await socket.close()


async def _to_guest(socket: WebSocket, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, WebSocketDisconnect):
        while True:
            writer.write(await socket.receive_bytes())
            await writer.drain()


async def _from_guest(socket: WebSocket, reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(OSError, WebSocketDisconnect):
        while chunk := await reader.read(CHUNK_BYTES):
            await socket.send_bytes(chunk)

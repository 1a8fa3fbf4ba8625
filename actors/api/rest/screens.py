"""Remote consoles: noVNC's page, and the websocket behind it with bytes of RFB (RFC 6143) both ways.

Mounted under `/vnc`. The page is noVNC's own `vnc_lite.html`, from its files that the launcher brings or
the machine has; without them the page says so, and the websocket serves other clients all the same. The ticket in the
URL says which server; the guest's screen is reached through its node (`actors/compute/screens.py`). Invariants: no
ticket, no connection; at most `SCREENS_LIMIT` at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from urllib.parse import quote, urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, HostError

SCREENS_LIMIT = 500
CONNECT_S = 10.0
CHUNK_BYTES = 1 << 16
REFUSED, AWAY = 1008, 1011  # of RFC 6455: the policy says no; the server can't
PROTOCOL = "binary"  # what older clients ask for
PLAIN = "This is a remote console: open it with a websocket client such as noVNC.\n"
PAGE = "vnc_lite.html"
LACKING = "noVNC is not on this machine: as Debian's package novnc, its files belong in {}.\n"
FOLDERS = (Path(sys.prefix, "share", "novnc"), Path("/usr/share/novnc"))  # the launcher's, and Debian's


def screens(rooms: EdgeRooms, folders: tuple[Path, ...] = FOLDERS) -> Starlette:
    served = _Screens(rooms)
    routes: list[BaseRoute] = [WebSocketRoute("/", served.serve), Route("/", _told)]
    folder = next((one for one in folders if (one / PAGE).is_file()), None)
    routes.append(Route(f"/{PAGE}", _lacking) if folder is None else Mount("/", StaticFiles(directory=folder)))
    return Starlette(routes=routes)


def console_url(edge_url: str, ticket: str) -> str:
    """As Nova gives it: noVNC's page, whose `path`, from the host's root, is the websocket."""
    path = f"{urlsplit(edge_url).path}/vnc?token={ticket}".lstrip("/")
    return f"{edge_url}/vnc/{PAGE}?path={quote(path, safe='')}"


async def _lacking(request: Request) -> Response:
    return PlainTextResponse(LACKING.format(" or ".join(map(str, FOLDERS))), status_code=404)


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

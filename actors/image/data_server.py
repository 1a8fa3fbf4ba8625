"""Serves the data of images over HTTP: `GET /v2/images/{id}/file`, with ranges, to whoever has a good token.

Owned by the image room; image caches on every node ask it. It runs on an event loop of its own in a thread: that keeps
bulk data away from the room's batches, and the room's loop may be uvloop, which has no sendfile. Invariant: each
request is judged by `find` on the room's own loop before a byte is sent; a slow reader holds up nobody else.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from actors.errors import CallerError

Find = Callable[[str, str], Awaitable[Path]]
"""(token, image id) → its file; raises `CallerError`."""

BACKLOG = 128  # connections waiting to be accepted
CLOSE_LIMIT_S = 2.0  # for transfers under way when the room closes

Answer = TypeVar("Answer")


class DataServer:
    def __init__(self, find: Find, ip: str) -> None:
        self._find = find
        self._ip = ip
        self._home: asyncio.AbstractEventLoop | None = None  # the room's loop
        self._loop: asyncio.AbstractEventLoop | None = None  # the thread's
        self._thread: threading.Thread | None = None
        self._runner: web.AppRunner | None = None
        self.port = 0

    def url(self, image_id: str) -> str:
        host = f"[{self._ip}]" if ":" in self._ip else self._ip
        return f"http://{host}:{self.port}/v2/images/{image_id}/file"

    async def start(self) -> None:
        self._home = asyncio.get_running_loop()
        self._loop = asyncio.SelectorEventLoop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="image-data", daemon=True)
        self._thread.start()
        await self._there(self._open())

    async def close(self) -> None:
        if self._loop is None or self._thread is None or self._runner is None:
            return
        await self._there(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()
        self._loop = None

    async def _there(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Run on the thread's loop."""
        assert self._loop is not None
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _open(self) -> None:
        app = web.Application()
        app.router.add_get("/v2/images/{image_id}/file", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=CLOSE_LIMIT_S)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._ip, 0, backlog=BACKLOG).start()
        self.port = self._runner.addresses[0][1]

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        assert self._home is not None
        token = request.headers.get("X-Auth-Token", "")
        judged = asyncio.run_coroutine_threadsafe(self._judge(token, request.match_info["image_id"]), self._home)
        try:
            path = await asyncio.wrap_future(judged)
        except CallerError as error:
            return web.Response(status=error.fault.status, text=error.fault.message)
        return web.FileResponse(path, headers={"Content-Type": "application/octet-stream"})

    async def _judge(self, token: str, image_id: str) -> Path:
        return await self._find(token, image_id)

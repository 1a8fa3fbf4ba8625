"""Serves the data of images over HTTP: `GET /v2/images/{id}/file`, with ranges, to whoever has a good token.

Owned by the image room, and by each node for what it has cached; image caches on every node ask it. It runs on an
event loop of its own in a thread: that keeps bulk data away from the owner's batches, and the owner's loop may be
uvloop, which has no sendfile. Invariant: each request is judged by `find` on the owner's own loop before a byte is
sent; a slow reader holds up nobody else.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from actors.errors import CallerError

Find = Callable[[str, str], Awaitable[Path]]
"""(token, image id) → its file; raises `CallerError`."""

BACKLOG = 128  # connections waiting to be accepted
CLOSE_LIMIT_S = 2.0  # for transfers under way when the owner closes
STREAMS_LIMIT = 2  # transfers of one image at a time; further askers are told to come back, and find a peer by then

Answer = TypeVar("Answer")


class DataServer:
    def __init__(self, find: Find, ip: str, streams_limit: int = STREAMS_LIMIT) -> None:
        self._find = find
        self._ip = ip
        self._streams_limit = streams_limit
        self._streams: Counter[str] = Counter()  # image → transfers under way; of the thread alone
        self.served: Counter[str] = Counter()  # image → transfers begun, for audits
        self._home: asyncio.AbstractEventLoop | None = None  # the owner's loop
        self._loop: asyncio.AbstractEventLoop | None = None  # the thread's
        self._thread: threading.Thread | None = None
        self._runner: web.AppRunner | None = None
        self.port = 0

    @property
    def address(self) -> str:
        host = f"[{self._ip}]" if ":" in self._ip else self._ip
        return f"http://{host}:{self.port}"

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
        image_id = request.match_info["image_id"]
        if self._streams[image_id] >= self._streams_limit:
            return web.Response(status=503, headers={"Retry-After": "1"}, text="busy: ask again, or a peer")
        self._streams[image_id] += 1
        self.served[image_id] += 1
        return _Transfer(path, lambda: self._ended(image_id))

    def _ended(self, image_id: str) -> None:
        self._streams[image_id] -= 1

    async def _judge(self, token: str, image_id: str) -> Path:
        return await self._find(token, image_id)


class _Transfer(web.FileResponse):
    """A file on its way; says when it has ended, well or not."""

    def __init__(self, path: Path, ended: Callable[[], None]) -> None:
        super().__init__(path, headers={"Content-Type": "application/octet-stream"})
        self._when_ended = ended

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        try:
            return await super().prepare(request)  # for a file that is all of it
        finally:
            self._when_ended()

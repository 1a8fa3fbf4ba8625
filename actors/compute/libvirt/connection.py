"""The driver's connection to libvirt: blocking calls in threads of its own, lifecycle events into asyncio.

Owned by the driver. Invariant: no libvirt call runs on the event loop; a connection that broke (the daemon was
restarted) is opened anew by the next call, with its events.
"""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Concatenate, ParamSpec, TypeVar

import libvirt

THREADS = 4  # calls at once: more start no more guests a second
KEEPALIVE_S = 5  # between two signs of life asked of the daemon
KEEPALIVE_MISSES = 3  # signs that may fail to come before the connection counts as broken

Result = TypeVar("Result")
Args = ParamSpec("Args")


class EventThread:
    """libvirt's event loop, of which a process has one, for good; also keeps libvirt from writing to stderr."""

    _begun = threading.Lock()
    _thread: threading.Thread | None = None

    @classmethod
    def ensure(cls) -> None:
        """Must come before the process's first connection that wants events."""
        with cls._begun:
            if cls._thread is None:
                libvirt.registerErrorHandler(lambda _context, _error: None, None)
                libvirt.virEventRegisterDefaultImpl()
                cls._thread = threading.Thread(target=cls._run, name="libvirt-events", daemon=True)
                cls._thread.start()

    @staticmethod
    def _run() -> None:
        while True:
            libvirt.virEventRunDefaultImpl()


class Connection:
    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="libvirt")
        self._opening = threading.Lock()
        self._open: libvirt.virConnect | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed: Callable[[str], None] | None = None
        self._waiting: dict[str, list[asyncio.Future[None]]] = defaultdict(list)

    async def call(
        self, work: Callable[Concatenate[libvirt.virConnect, Args], Result], *args: Args.args, **kwargs: Args.kwargs
    ) -> Result:
        """Run `work(connection, …)` in a thread. Raises what it raises, libvirtError among it."""
        self._loop = asyncio.get_running_loop()
        return await asyncio.wrap_future(self._pool.submit(lambda: work(self._connected(), *args, **kwargs)))

    def next_change(self, instance_id: str) -> asyncio.Future[None]:
        """Done at the next lifecycle event of this guest. Ask before looking at its state, so that none is missed."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[instance_id].append(future)
        return future

    def watch(self, changed: Callable[[str], None]) -> None:
        """Call this at every lifecycle event, with the guest's instance id."""
        self._changed = changed

    async def close(self) -> None:
        await asyncio.to_thread(self._pool.shutdown)
        if self._open is not None:
            await asyncio.to_thread(self._open.close)
            self._open = None

    # ------------------------------------------------------------ in threads

    def _connected(self) -> libvirt.virConnect:
        with self._opening:
            if self._open is None or not self._open.isAlive():
                EventThread.ensure()
                self._open = libvirt.open(self._uri)
                self._open.setKeepAlive(KEEPALIVE_S, KEEPALIVE_MISSES)
                self._open.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._heard, None)
            return self._open

    def _heard(
        self, connection: libvirt.virConnect, domain: libvirt.virDomain, event: int, detail: int, opaque: None
    ) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._tell, domain.UUIDString())

    def _tell(self, instance_id: str) -> None:
        for future in self._waiting.pop(instance_id, []):
            if not future.done():
                future.set_result(None)
        if self._changed is not None:
            self._changed(instance_id)

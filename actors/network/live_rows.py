"""The rows in memory together with their ledger: what is decided at once, and when it is on disk.

Owned by the network room. A decision is one stretch of code without an await between `ready()` and `stage()`; it sees
every earlier decision, so two requests can never be given the same thing. `durable()` returns when all that was staged
so far is on disk. Staged changes gather while a commit is in flight and go together in the next one.

Invariant: nobody is answered with what is not on disk. When a commit fails, nobody knows what it wrote: everyone who
waits gets its exception, all undecided memory is thrown away, and the rows are loaded again before anything else; what
was seen of ports (`see`) is kept, since it never was on disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec.structs import replace

from actors.network.rows import KINDS, Row, Rows
from actors.records import Change, Ledger, Port


class LiveRows:
    def __init__(self, ledger: Ledger, now: Callable[[], float], loaded: Callable[[], object] = lambda: None) -> None:
        """`now` dates the rows' revisions, in seconds since the epoch; `loaded` is called whenever they were loaded."""
        self._ledger = ledger
        self._now = now
        self._tell_loaded = loaded
        self._rows = Rows()
        self._loaded = False
        self.loads = 0  # times that everything was loaded: what was counted before means nothing afterwards
        self._loading = asyncio.Lock()
        self._staged: list[Change] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._pump: asyncio.Task[None] | None = None

    async def ready(self) -> Rows:
        """The rows as decided up to now; does not yield to other tasks unless they have to be loaded."""
        if not self._loaded:
            async with self._loading:
                if not self._loaded:
                    self._rows = await self._load()
                    self.loads += 1
                    self._loaded = True
                    self._tell_loaded()
        return self._rows

    def known(self) -> Rows | None:
        """The rows as decided up to now; None while they have to be loaded."""
        return self._rows if self._loaded else None

    def stage(self, changes: list[Change]) -> None:
        """Decide: memory changes now, the disk soon. Follow it with `durable()` before anybody hears of it."""
        now = self._now() if changes else 0.0
        for change in changes:
            kept = self._rows.revised(change, now)
            self._rows.apply(kept)
            self._staged.append(kept)

    async def durable(self) -> None:
        """Wait until everything staged so far is on disk; raises what the commit raised."""
        if self._pump is None:
            if not self._staged:
                return
            self._pump = asyncio.create_task(self._run())
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        await waiter

    def see(self, changes: list[Change]) -> None:
        """What was seen and not decided: memory changes now, the disk never for its sake, and no revision is made."""
        for change in changes:
            self._rows.apply(change)

    async def _run(self) -> None:
        try:
            while self._staged or self._waiting:
                changes, self._staged = self._staged, []
                waiting, self._waiting = self._waiting, []
                try:
                    if changes:
                        await self._ledger.commit(changes)
                except Exception as failure:  # noqa: BLE001 - it belongs to those who wait for it
                    self._forget(waiting, failure)
                    return
                for waiter in waiting:
                    if not waiter.done():
                        waiter.set_result(None)
        finally:
            self._pump = None

    def _forget(self, waiting: list[asyncio.Future[None]], failure: Exception) -> None:
        """What was decided on top of the failed commit falls with it."""
        self._loaded = False
        self._staged = []
        for waiter in waiting + self._waiting:
            if not waiter.done():
                waiter.set_exception(failure)
        self._waiting = []

    async def _load(self) -> Rows:
        rows: list[Row] = []
        for kind in KINDS:
            loaded: list[Row] = list(await self._ledger.load(kind))
            rows += sorted(map(self._as_seen, loaded), key=_age)
        return Rows(rows)

    def _as_seen(self, row: Row) -> Row:
        """What the disk says of a port's status was true when the row was written last: what was seen since counts."""
        if not isinstance(row, Port):
            return row
        seen = self._rows.ports.get(row.id)
        return replace(row, status="ACTIVE" if seen is not None and seen.status == "ACTIVE" else "DOWN")


def _age(row: Row) -> tuple[float, str]:
    """The oldest first, as they stood in the memory that made them."""
    return getattr(row, "created_at", 0.0), row.id

"""The conductor's database in a simulated cloud: rows that outlive it, written a group at a time, as `store.py` does.

A commit takes its time before the rows are there and again before its caller hears of it, so a conductor can die
between any two of these moments. Invariants are the store's: each commit is written all or not at all, in order, and
acknowledged only when it is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from actors.conductor.store import StoreUnavailableError
from actors.ledger import MemoryLedger, apply
from actors.records import Change, Kind

WRITE_S = (0.000_5, 0.012)  # of one group, before and after the moment in which it becomes durable
LOCKED_S = 0.2  # how long a database that can't write keeps a caller waiting

Watch = Callable[[list[Change]], None]


class Disk:
    """What is durable. `watch` sees every commit as it becomes so; `locked` is the share of groups refused for now."""

    def __init__(self, random: Random, watch: Watch) -> None:
        self.ledger = MemoryLedger()
        self.random = random
        self.locked = 0.0
        self._watch = watch

    def write(self, changes: list[Change]) -> None:
        rows = self.ledger.rows
        for change in changes:
            apply(rows, change)
        self._watch(changes)


class DiskStore:
    """A conductor's connection to the disk; dies with it."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self._waiting: list[tuple[list[Change], asyncio.Future[None]]] = []
        self._pump: asyncio.Task[None] | None = None

    async def load(self, kind: type[Kind]) -> list[Kind]:
        await asyncio.sleep(self._takes())
        return await self.disk.ledger.load(kind)

    async def newest(self, kind: type[Kind], order: str, limit: int) -> list[Kind]:
        await asyncio.sleep(self._takes())
        return await self.disk.ledger.newest(kind, order, limit)

    async def load_where(self, kind: type[Kind], column: str, values: Sequence[str | int | float]) -> list[Kind]:
        await asyncio.sleep(self._takes())
        return await self.disk.ledger.load_where(kind, column, values)

    async def columns(self, kind: type[Kind], names: Sequence[str], order: str, limit: int) -> list[tuple[Any, ...]]:
        await asyncio.sleep(self._takes())
        return await self.disk.ledger.columns(kind, names, order, limit)

    async def between(
        self, kind: type[Kind], names: Sequence[str], order: str, bounds: tuple[float, float], limit: int
    ) -> list[tuple[Any, ...]]:
        await asyncio.sleep(self._takes())
        return await self.disk.ledger.between(kind, names, order, bounds, limit)

    async def distinct(self, kind: type[Kind], column: str) -> set[str]:
        await asyncio.sleep(self._takes())
        return await self.disk.ledger.distinct(kind, column)

    async def commit(self, changes: list[Change]) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((list(changes), done))
        if self._pump is None:
            self._pump = asyncio.create_task(self._run())
        await done

    async def _run(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            if self.disk.random.random() < self.disk.locked:
                await asyncio.sleep(LOCKED_S)
                self._answer(group, StoreUnavailableError("the database is locked"))
                continue
            await self.write_group([change for changes, _ in group for change in changes], group)
        self._pump = None

    async def write_group(self, changes: list[Change], group: list[tuple[list[Change], asyncio.Future[None]]]) -> None:
        await asyncio.sleep(self._takes())
        self.disk.write(changes)
        await asyncio.sleep(self._takes())
        self._answer(group, None)

    def _answer(self, group: list[tuple[list[Change], asyncio.Future[None]]], failure: Exception | None) -> None:
        for _, done in group:
            if done.done():
                continue  # its caller was cancelled
            if failure is None:
                done.set_result(None)
            else:
                done.set_exception(failure)

    def _takes(self) -> float:
        return self.disk.random.uniform(*WRITE_S)

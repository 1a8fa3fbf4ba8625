"""A ledger in memory: what the conductor is to a room in the cloud, this is in a test or in the simulator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from actors.records import Change, Drop, Kind, Record

RowsByKind = dict[str, dict[str, Record]]


def apply(rows: RowsByKind, change: Change) -> None:
    if isinstance(change, Drop):
        rows.get(change.kind, {}).pop(change.id, None)
    else:
        rows.setdefault(type(change).__name__, {})[change.id] = change


class MemoryLedger:
    """Rows by kind and id; survives the room that uses it, so that a restart can be played."""

    def __init__(self) -> None:
        self.rows: RowsByKind = {}
        self.commits = 0

    async def load(self, kind: type[Kind]) -> list[Kind]:
        return [row for row in self.rows.get(kind.__name__, {}).values() if isinstance(row, kind)]

    async def newest(self, kind: type[Kind], order: str, limit: int) -> list[Kind]:
        return sorted(await self.load(kind), key=lambda row: getattr(row, order), reverse=True)[:limit]

    async def load_where(self, kind: type[Kind], column: str, values: Sequence[str | int | float]) -> list[Kind]:
        wanted = set(values)
        return [row for row in await self.load(kind) if getattr(row, column) in wanted]

    async def columns(self, kind: type[Kind], names: Sequence[str], order: str, limit: int) -> list[tuple[Any, ...]]:
        return [tuple(getattr(row, name) for name in names) for row in await self.newest(kind, order, limit)]

    async def between(
        self, kind: type[Kind], names: Sequence[str], order: str, bounds: tuple[float, float], limit: int
    ) -> list[tuple[Any, ...]]:
        least, most = bounds
        found = [row for row in await self.load(kind) if least < getattr(row, order) < most]
        found.sort(key=lambda row: getattr(row, order))
        return [tuple(getattr(row, name) for name in names) for row in found[:limit]]

    async def distinct(self, kind: type[Kind], column: str) -> set[str]:
        return {getattr(row, column) for row in await self.load(kind)}

    async def commit(self, changes: list[Change]) -> None:
        self.commits += 1
        for change in changes:
            apply(self.rows, change)

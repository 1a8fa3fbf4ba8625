"""What the other rooms write, in the order in which it came, also where the database is away for a while.

Owned by the conductor, which commits for them. A commit that could not be written is tried again; meanwhile a later one
may have been, and a commit that was sent twice is older in its second life than what its room has written since. So
what is tried again leaves out the rows that a later one has written. Pure but for its waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from actors.records import Change, Drop

Key = tuple[str, str]  # the record's type, its id


class Turn:
    """One commit from its arrival to its end."""

    __slots__ = ("ended", "keys", "number")

    def __init__(self, number: int, keys: frozenset[Key]) -> None:
        self.number = number
        self.keys = keys
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Turns:
    def __init__(self) -> None:
        self._count = 0
        self._open: dict[int, Turn] = {}
        self._written: dict[Key, int] = {}  # by whom last, while any older turn is open

    def begin(self, changes: Iterable[Change]) -> Turn:
        self._count += 1
        turn = self._open[self._count] = Turn(self._count, frozenset(map(_key, changes)))
        return turn

    async def later_ones(self, turn: Turn) -> None:
        """Wait until all that came later and write some of the same rows have ended."""
        while later := {
            other.ended for other in self._open.values() if other.number > turn.number and other.keys & turn.keys
        }:
            await asyncio.wait(later)

    async def ended(self, kind: str) -> None:
        """Wait until all that have begun, and write rows of this kind, have ended."""
        if open_ones := {turn.ended for turn in self._open.values() if any(name == kind for name, _ in turn.keys)}:
            await asyncio.wait(open_ones)

    def left(self, turn: Turn, changes: Sequence[Change]) -> list[Change]:
        """Without the rows that a later one has written."""
        return [change for change in changes if self._written.get(_key(change), 0) < turn.number]

    def end(self, turn: Turn, written: bool) -> None:
        del self._open[turn.number]
        turn.ended.set_result(None)
        if written and self._open and min(self._open) < turn.number:
            self._written |= {key: turn.number for key in turn.keys if self._written.get(key, 0) < turn.number}
        elif not self._open:
            self._written.clear()


def _key(change: Change) -> Key:
    return (change.kind if isinstance(change, Drop) else type(change).__name__), change.id

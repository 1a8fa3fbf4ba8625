"""What a ledger may hold or not, since nobody knows what a commit that failed has written.

Used by rooms whose memory stays as it was when a commit fails, and which commit one thing after the other. Invariant:
with the first commit that succeeds after it, the ledger holds what memory does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from actors.errors import CallerError
from actors.records import Change, Drop, Ledger, Record

LEDGER_TRIES = 6_000  # that the end of something is written in, before it is left to the room's next start
LEDGER_PAUSE_S = 0.1  # between two of them; a ledger that is away waits for its conductor by itself, too

Written = TypeVar("Written")


class Doubts:
    """`row_of` gives the row of a kind and an id that memory has, or None."""

    def __init__(self, ledger: Ledger, row_of: Callable[[str, str], Record | None]) -> None:
        self._ledger = ledger
        self._row_of = row_of
        self._keys: dict[tuple[str, str], None] = {}

    async def commit(self, changes: Sequence[Change]) -> None:
        """Raises what the ledger does. Memory is changed by the caller, afterwards."""
        try:
            await self._ledger.commit([*self._corrections(), *changes])
        except BaseException:
            self._keys |= dict.fromkeys(map(_key, changes))
            raise
        self._keys.clear()

    def _corrections(self) -> list[Change]:
        return [self._row_of(kind, row_id) or Drop(kind, row_id) for kind, row_id in self._keys]


async def surely(write: Callable[[], Awaitable[Written]]) -> Written:
    """The end of what was begun: a ledger that is away, or full, is waited for, since nobody would say it later."""
    for _ in range(LEDGER_TRIES - 1):
        try:
            return await write()
        except (ConnectionError, CallerError):
            await asyncio.sleep(LEDGER_PAUSE_S)
    return await write()


def _key(change: Change) -> tuple[str, str]:
    return (change.kind, change.id) if isinstance(change, Drop) else (type(change).__name__, change.id)

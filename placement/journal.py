"""Which rows changed, in order: how rankings stay up to date without looking at every host.

Written by `fleet.py`, read by `ranking.py`, which remembers the position up to which it has read. Bounded: a reader
that fell behind further than the journal reaches gets None and must look at the whole fleet again.
"""

from __future__ import annotations

JOURNAL_LIMIT = 65_536  # changes remembered at least


class Journal:
    """Positions are absolute and only grow; `end` is the position after the last change."""

    __slots__ = ("_limit", "_rows", "_start", "end")

    def __init__(self, limit: int = JOURNAL_LIMIT) -> None:
        self._rows: list[int] = []
        self._start = 0
        self._limit = limit
        self.end = 0

    def append(self, row: int) -> None:
        self._rows.append(row)
        self.end += 1
        if len(self._rows) >= 2 * self._limit:
            del self._rows[: self._limit]
            self._start += self._limit

    def since(self, position: int) -> list[int] | None:
        """The rows changed from a position on (with repeats), or None when that is forgotten."""
        if position < self._start:
            return None
        return self._rows[position - self._start :]

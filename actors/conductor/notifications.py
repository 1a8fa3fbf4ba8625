"""The log of notifications: numbered, durable with the change they tell of, and followed by long polling.

Owned by the conductor. A follower asks for what came after the last number it saw; the newest `KEPT` are answered
from memory.
"""

from __future__ import annotations

import asyncio
from collections import deque

from actors.records import Notification

KEPT = 20_000  # notifications held in memory


class Notifications:
    def __init__(self) -> None:
        self._kept: deque[Notification] = deque(maxlen=KEPT)
        self.last = 0
        self._news = asyncio.Event()

    def load(self, rows: list[Notification]) -> None:
        for row in sorted(rows, key=lambda row: row.sequence):
            self._kept.append(row)
            self.last = max(self.last, row.sequence)

    def next_sequence(self) -> int:
        self.last += 1
        return self.last

    def publish(self, rows: list[Notification]) -> None:
        """Show rows to followers; call it when they are durable."""
        if not rows:
            return
        self._kept.extend(rows)
        self._news.set()
        self._news = asyncio.Event()

    async def after(self, since: int, limit: int, wait_s: float) -> list[Notification]:
        """At most `limit` rows with a number above `since`, oldest first; waits for the first."""
        found = self._after(since, limit)
        if found or wait_s <= 0:
            return found
        try:
            async with asyncio.timeout(wait_s):
                await self._news.wait()
        except TimeoutError:
            return []
        return self._after(since, limit)

    def _after(self, since: int, limit: int) -> list[Notification]:
        newest: list[Notification] = []
        for row in reversed(self._kept):
            if row.sequence <= since:
                break
            newest.append(row)
        return sorted(newest, key=lambda row: row.sequence)[:limit]

"""The log of notifications: numbered, durable with the change they tell of, and followed by long polling.

Owned by the conductor. A follower asks for what came after the last number it saw; the newest `KEPT` are answered
from memory. Invariant: nobody is shown a number before every lower one is durable or given up, so nobody passes one by.
"""

from __future__ import annotations

import asyncio
from collections import deque

import msgspec

from actors.records import Notification

KEPT = 20_000  # notifications held in memory, encoded: that takes a third of the room

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Notification)


class Notifications:
    def __init__(self) -> None:
        self._kept: deque[tuple[int, bytes]] = deque(maxlen=KEPT)  # by number
        self._numbered: deque[int] = deque()  # given out, and not shown yet
        self._settled: dict[int, Notification | None] = {}  # of these, what became durable, or was given up
        self.last = 0
        self._news = asyncio.Event()

    def load(self, rows: list[Notification]) -> None:
        for row in sorted(rows, key=lambda row: row.sequence):
            self._keep(row)
            self.last = max(self.last, row.sequence)

    def next_sequence(self) -> int:
        self.last += 1
        self._numbered.append(self.last)
        return self.last

    def publish(self, rows: list[Notification]) -> None:
        """Show rows to followers, as far as their turn has come; call it when they are durable."""
        if rows:
            self._settled.update((row.sequence, row) for row in rows)
            self._show()

    def give_up(self, rows: list[Notification]) -> None:
        """These will never be durable."""
        if rows:
            self._settled.update((row.sequence, None) for row in rows)
            self._show()

    def _show(self) -> None:
        while self._numbered and self._numbered[0] in self._settled:
            row = self._settled.pop(self._numbered.popleft())
            if row is not None:
                self._keep(row)
        self._news.set()
        self._news = asyncio.Event()

    def _keep(self, row: Notification) -> None:
        self._kept.append((row.sequence, _encoder.encode(row)))

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
        newest: list[tuple[int, bytes]] = []
        for row in reversed(self._kept):
            if row[0] <= since:
                break
            newest.append(row)
        return [_decoder.decode(encoded) for _, encoded in sorted(newest)[:limit]]

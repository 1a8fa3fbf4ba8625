"""Natural batching towards one method of one actor.

Owns: the items that wait to be sent, and their senders. When nothing is in flight an item goes at once, so an idle
cloud has the latency of a single call; while a batch is in flight items gather, and go together when the answer
comes, so batches grow by themselves under load. Where `abreast` allows it a batch that is full already goes at once.
Invariant: at most `abreast` batches in flight, at most `limit` items inside.

`ask` awaits the item's own reply; `cast` does not. Both refuse at the door (`CallerError` 503) when full. What is cast
`by_and_by` may wait up to `linger_s` for company, or for an item that goes at once and takes it along. So does what is
asked where `busy_from` others a second are asked, or were a moment ago, until `COMPANY` of them are likely to be there.
Where nobody came, nobody waits for a while: a client that asks alone, however often, is not delayed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from actors.errors import CallerError, CallerFault, HostFault, busy, value_of

Item = TypeVar("Item")
Reply = TypeVar("Reply")

QUEUE_LIMIT = 20_000  # items waiting or in flight
BATCH_LIMIT = 1_000  # items in one message
SAMPLE = 16  # asks by which it is known how busy it is
COMPANY = 8  # asks that share a message where it is busy, if they come within `linger_s`
BUSY_S = 1.0  # how long it stays busy, or stays known that whoever asks is alone

_Waiting = tuple[Item, asyncio.Future[Reply | CallerFault | HostFault] | None]  # None: nobody waits for the reply


class Outbox(Generic[Item, Reply]):
    """`send` takes a list of items and returns as many replies, a fault in the place of each refused item."""

    def __init__(
        self,
        send: Callable[[list[Item]], Awaitable[Sequence[Reply | CallerFault | HostFault]]],
        limit: int = QUEUE_LIMIT,
        batch_limit: int = BATCH_LIMIT,
        linger_s: float = 0.0,
        busy_from: int = 0,  # asks a second, from which on they wait for company; 0 = never
        abreast: int = 1,  # batches in flight; more than one where it does no harm if a later one arrives first
    ) -> None:
        self._send = send
        self._limit = limit
        self._batch_limit = batch_limit
        self._waiting: list[_Waiting[Item, Reply]] = []
        self._in_flight = 0
        self._linger_s = linger_s
        self._busy_s = SAMPLE / busy_from if busy_from else 0.0
        self._asked: deque[float] = deque(maxlen=SAMPLE)  # when the last ones were
        self._busy_until = self._alone_until = 0.0
        self._lingering: asyncio.TimerHandle | None = None
        self._abreast = abreast
        self._pumps: set[asyncio.Task[None]] = set()  # each has a batch in flight

    def __len__(self) -> int:
        return len(self._waiting) + self._in_flight

    async def ask(self, item: Item) -> Reply:
        """The reply to this item; raises its fault, or what the send itself raised."""
        future: asyncio.Future[Reply | CallerFault | HostFault] = asyncio.get_running_loop().create_future()
        self._put(item, future, self._wait_s())
        return value_of(await future)

    def cast(self, item: Item, by_and_by: bool = False) -> None:
        """Send and go on; a failure of the send is dropped here and must be healed by reconciliation."""
        self._put(item, None, self._linger_s if by_and_by else 0.0)

    def _put(self, item: Item, future: asyncio.Future[Reply | CallerFault | HostFault] | None, wait_s: float) -> None:
        if len(self) >= self._limit:
            raise CallerError(busy(f"{len(self)} requests are waiting already; try again in a moment"))
        self._waiting.append((item, future))
        if not wait_s:
            self._begin()
        elif not self._pumps and self._lingering is None:
            self._lingering = asyncio.get_running_loop().call_later(wait_s, self._waited)

    async def drained(self) -> None:
        """Wait until everything that was put in has been answered."""
        self._begin()
        while self._pumps:
            await asyncio.wait(set(self._pumps))

    def _wait_s(self) -> float:
        """How long what is asked now waits for company; 0 where it is not busy."""
        if not self._busy_s:
            return 0.0
        now, asked = asyncio.get_running_loop().time(), self._asked
        took_s = now - asked[0] if len(asked) == SAMPLE else self._busy_s
        asked.append(now)
        if took_s < self._busy_s:
            self._busy_until = now + BUSY_S
        if now >= self._busy_until or now < self._alone_until:
            return 0.0
        return min(self._linger_s, max(self._linger_s / COMPANY, took_s * COMPANY / SAMPLE))  # a burst looks endless

    def _waited(self) -> None:
        if len(self._waiting) == 1:
            self._alone_until = asyncio.get_running_loop().time() + BUSY_S
        self._begin()

    def _begin(self) -> None:
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
        if len(self._waiting) >= self._due(len(self._pumps)):
            self._pumps.add(asyncio.create_task(self._run()))

    def _due(self, others: int) -> float:
        """How many must wait for a batch to set out while so many are in flight."""
        if others >= self._abreast:
            return float("inf")
        return self._batch_limit if others else 1

    async def _run(self) -> None:
        pump = asyncio.current_task()
        assert pump is not None
        try:
            while len(self._waiting) >= self._due(len(self._pumps) - 1):
                batch = self._waiting[: self._batch_limit]
                del self._waiting[: self._batch_limit]
                self._in_flight += len(batch)
                await self._deliver(batch)
                self._in_flight -= len(batch)
        finally:
            self._pumps.discard(pump)

    async def _deliver(self, batch: list[_Waiting[Item, Reply]]) -> None:
        try:
            replies = await self._send([item for item, _ in batch])
        except Exception as failure:  # noqa: BLE001 - whatever the send raised belongs to those who wait for it
            for _, future in batch:
                if future is not None and not future.done():
                    future.set_exception(failure)
            return
        for (_, future), reply in zip(batch, replies, strict=True):
            if future is not None and not future.done():
                future.set_result(reply)

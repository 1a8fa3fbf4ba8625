"""Boots whose rows have changed on the way and ride along with the next group that is written.

Owned by the conductor. Nobody waits for them: what is written is what is true when the writing begins, and a boot
that is written for another reason meanwhile needs no ride: most of a storm end so soon that they need none. Invariant:
a boot waits here at most once, so there are never more of them than boots.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from actors.conductor.boots import Boot

RIDE_S = 2.0  # how long a change waits at least for a write that comes anyway, and at most twice as long

log = logging.getLogger(__name__)


class Riders:
    def __init__(self, write: Callable[[list[Boot]], Awaitable[None]]) -> None:
        self._write = write
        self._came: dict[str, Boot] = {}  # since the last ride
        self._waiting: dict[str, Boot] = {}  # before it: they go with the next
        self._pump: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()

    def add(self, boots: list[Boot]) -> None:
        self._came.update([(boot.id, boot) for boot in boots if boot.id not in self._waiting])
        if boots and self._pump is None:
            self._pump = asyncio.create_task(self._run())

    def written(self, boots: list[Boot]) -> None:
        for boot in boots:
            self._came.pop(boot.id, None)
            self._waiting.pop(boot.id, None)

    async def drained(self) -> None:
        self._hurry.set()
        while self._pump is not None:
            await asyncio.wait({self._pump})
        self._hurry.clear()

    async def _run(self) -> None:
        try:
            while self._came or self._waiting:
                with suppress(TimeoutError):
                    async with asyncio.timeout(RIDE_S):
                        await self._hurry.wait()
                boots = list(self._waiting.values())
                self._waiting, self._came = self._came, {}
                try:
                    if boots:
                        await self._write(boots)
                except ConnectionError as error:  # their next change, or their end, is written surely
                    log.error("%d boots could not be written on their way: %s", len(boots), error)
        finally:
            self._pump = None

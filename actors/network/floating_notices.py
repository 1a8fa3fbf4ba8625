"""Tells who shows servers' addresses which floating IPs lead to their ports.

Owned by the network room's door. Invariant: what was not heard is told again until it is, at most one notice in flight.
What a notice says is true when it is sent, so notices may be merged and repeated.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from actors.messages import FloatingIps

TELL_WAIT_S = 30.0  # how long it may take to hear
TELL_PAUSE_S = 1.0  # before what was not heard is told again

TellFloating = Callable[[list[FloatingIps], bool], Awaitable[None]]  # with whether nothing leads to any other port
log = logging.getLogger(__name__)


class FloatingNotices:
    def __init__(
        self, shown: Callable[[list[str]], list[FloatingIps] | None], tell: TellFloating | None = None
    ) -> None:
        """`shown`: what leads to these ports, of those that instances have; None = it is not known now."""
        self._shown = shown
        self._tell = tell
        self._untold: dict[str, None] = {}  # ports
        self._whole = False  # all are to be told of
        self._waiting: list[asyncio.Future[None]] = []
        self._pump: asyncio.Task[None] | None = None

    def begin(self, port_ids: Iterable[str]) -> None:
        """These are all the ports to which floating IPs lead, as they are on disk."""
        self._whole = True
        self._untold = dict.fromkeys(port_ids)
        self._start()

    async def tell(self, port_ids: Iterable[str]) -> None:
        """Other floating IPs lead to these ports than before. Returns when that was heard, or could not be."""
        ports = dict.fromkeys(port_ids)
        if not ports or self._tell is None:
            return
        self._untold |= ports
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        self._start()
        await waiter

    def _start(self) -> None:
        if self._tell is not None and self._pump is None:
            self._pump = asyncio.create_task(self._run(self._tell))

    async def _run(self, tell: TellFloating) -> None:
        try:
            while self._untold or self._whole or self._waiting:
                waiting, self._waiting = self._waiting, []
                heard = await self._send(tell)
                for waiter in waiting:
                    if not waiter.done():
                        waiter.set_result(None)
                if not heard:
                    await asyncio.sleep(TELL_PAUSE_S)
        finally:
            self._pump = None

    async def _send(self, tell: TellFloating) -> bool:
        told, whole = self._shown(list(self._untold)), self._whole
        if told is None:
            return False
        untold, self._untold, self._whole = self._untold, {}, False
        if not told and not whole:
            return True
        (failure,) = await asyncio.gather(asyncio.wait_for(tell(told, whole), TELL_WAIT_S), return_exceptions=True)
        if failure is None:
            return True
        self._untold, self._whole = untold | self._untold, whole or self._whole
        log.warning("what leads to %d ports was not heard: %r", len(untold), failure)
        return False

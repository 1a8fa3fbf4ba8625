"""Which claims are of guests that run: told to the scheduler, whose they are to keep from then on.

Owned by the conductor's service. Nobody waits for it, so what was booted gathers for `CONFIRM_S`; a scheduler that is
away is told later. One that starts asks for all claims by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable

from actors.faces import SchedulerFace

CONFIRM_S = 0.2


class Confirmations:
    def __init__(
        self,
        scheduler: SchedulerFace,
        there: Collection[str],
        spawn: Callable[[Coroutine[None, None, None]], None],
    ) -> None:
        """`there`: ids of the instances that are not deleted, as they are at any time."""
        self._scheduler = scheduler
        self._there = there
        self._spawn = spawn
        self._unconfirmed: set[str] = set()  # ACTIVE, and the scheduler may not know
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, instance_ids: Iterable[str]) -> None:
        """With what a dead conductor may not have told."""
        self._unconfirmed = set(instance_ids)
        self._spawn(self.tell())

    def add(self, instance_ids: Iterable[str]) -> None:
        self._unconfirmed.update(instance_ids)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(CONFIRM_S, self.now)

    def now(self) -> None:
        """What waits for its time is told."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._spawn(self.tell())

    async def tell(self) -> None:
        if not self._unconfirmed:
            return
        telling, self._unconfirmed = self._unconfirmed, set()
        try:
            await self._scheduler.confirm(sorted(one for one in telling if one in self._there))
        except ConnectionError:
            self._unconfirmed |= telling

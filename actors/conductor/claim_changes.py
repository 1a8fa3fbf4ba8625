"""What servers hold on their hosts while they are resized, as the scheduler is asked and told.

Owned by the conductor's acts. More is asked for before anything is done, less is told when it is over and durable;
whom nobody can reach is told by and by. Invariant: what a server holds in the scheduler's books is never less than what
its order says, whoever dies: a scheduler that starts is told what the order says, and one that answered and died is
asked again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from actors.conductor.boots import Boot
from actors.conductor.held import is_between
from actors.conductor.resized import forget, granted
from actors.errors import CallerFault, HostFault
from actors.messages import ClaimChange, NoHostFound, Placed
from actors.records import Flavor

if TYPE_CHECKING:
    from actors.conductor.service import Conductor

BUSY = 503  # the scheduler does not know the host yet, or again
ASK_S = 120.0  # a scheduler that is away, or does not know the host, is asked for so long
PAUSE_S = 0.2
AWAY = "the scheduler can't be reached"


class ClaimChanges:
    def __init__(self, conductor: Conductor) -> None:
        self._conductor = conductor
        self._untold: set[str] = set()  # ids of servers that hold less than the scheduler may think

    async def grow(self, boot: Boot, wanted: Callable[[], bool]) -> HostFault | NoHostFound | None:
        """Room for the flavor that is asked for, beside the one that it has; then its order has it. Or why there is
        none on its host.

        What is not `wanted` any more when the answer comes changes nothing: who ended it tells what it holds.
        """
        why = AWAY
        until = self._conductor.clock.monotonic() + ASK_S
        while wanted() and self._conductor.clock.monotonic() < until:
            reply = await self._asked(boot)
            if not wanted():
                break
            if isinstance(reply, Placed):
                granted(boot)
                return None
            if isinstance(reply, NoHostFound):
                return reply
            if reply is not None:
                why = reply.message
                if reply.status != BUSY:
                    break
            await asyncio.sleep(PAUSE_S)
        return HostFault("resize", boot.instance.host, why)

    async def _asked(self, boot: Boot) -> Placed | NoHostFound | CallerFault | None:
        """None: nobody answers, or who did is no more, and does not hold it."""
        resized = boot.spec().resized
        assert resized is not None and resized.to is not None, "it was asked for"
        lives = self._conductor.scheduler_lives
        try:
            [reply] = await self._conductor.scheduler.grow([_change(boot, resized.to, resized.edition + 1)])
        except ConnectionError:
            return None
        return reply if lives == self._conductor.scheduler_lives else None

    def forget(self, boot: Boot) -> None:
        """It is of its flavor alone, and nobody has to be asked; it is told when that is durable."""
        if is_between(boot.spec()):
            forget(boot)
            self.add([boot.id])

    def add(self, instance_ids: Iterable[str]) -> None:
        """These hold less than before, durably."""
        self._untold.update(instance_ids)

    async def tell(self) -> None:
        if not self._untold:
            return
        telling, self._untold = self._untold, set()
        there = map(self._conductor.boot, sorted(telling))
        changes = [_now(boot) for boot in there if boot is not None and _is_told(boot)]
        try:
            if changes:
                await self._conductor.scheduler.shrink(changes)
        except ConnectionError:
            self._untold |= telling


def _is_told(boot: Boot) -> bool:
    spec = boot.spec()
    return spec.resized is not None and boot.holds_host and not boot.building and not is_between(spec)


def _now(boot: Boot) -> ClaimChange:
    resized = boot.spec().resized
    assert resized is not None, "it was resized"
    return _change(boot, boot.spec().flavor, resized.edition)


def _change(boot: Boot, flavor: Flavor, edition: int) -> ClaimChange:
    request = replace(boot.place_request(flavor), ignore_hosts=(), availability_zone="", batch="", least=0)
    return ClaimChange(asked=request, host=boot.instance.host, edition=edition)

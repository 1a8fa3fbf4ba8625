"""Servers that could not be built again elsewhere, and what still says that they are on the hosts that they lost.

Owned by the conductor's service, which has it let go of them, and again by and by where a room was away. Their claims
end, their ports are unbound, and their volumes are free, so that whoever lives on there writes no more. Invariant:
while it is being let go of, and may be so late, no other try to build the server begins (`Boot.undoing`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from actors.conductor import moved
from actors.conductor.boots import Boot
from actors.conductor.steps import release
from actors.errors import HostError

if TYPE_CHECKING:
    from actors.conductor.service import Conductor

TRIES = (
    1_000  # of one server, at least `TEND_S` apart: longer than half an hour, and a start of the conductor begins anew
)

log = logging.getLogger(__name__)


class LettingGo:
    def __init__(self, conductor: Conductor, limit: int = TRIES) -> None:
        self._conductor = conductor
        self._limit = limit
        self._tries: dict[str, int] = {}  # of those that a room has not heard of, by instance id

    async def now(self, boots: list[Boot]) -> None:
        """Of servers that are in ERROR; what can't be told now is told by and by (`again`)."""
        boots = [boot for boot in boots if boot.homeless]
        if not boots:
            return
        for boot in boots:
            boot.undoing = True
        try:
            await let_go_of_hosts(self._conductor, boots)
            for boot in boots:
                self._tries.pop(boot.id, None)
        except (ConnectionError, HostError) as error:
            self._failed(boots, error)
        finally:
            for boot in boots:
                boot.undoing = False

    async def again(self) -> None:
        """Of those for which it failed, unless they are deleted, or on their way elsewhere, since."""
        there = {i: boot for i in self._tries if (boot := self._conductor.boot(i)) is not None}
        self._tries = {i: self._tries[i] for i, boot in there.items() if boot.homeless and not boot.instance.deleting}
        await self.now([there[i] for i in self._tries if not there[i].undoing])

    def _failed(self, boots: list[Boot], error: ConnectionError | HostError) -> None:
        for boot in boots:
            tries = self._tries[boot.id] = self._tries.get(boot.id, 0) + 1
            if tries >= self._limit:
                del self._tries[boot.id]
                log.error("%s still seems to be on its old host, after %d tries: %s", boot.id, tries, error)


async def let_go_of_hosts(conductor: Conductor, boots: list[Boot]) -> None:
    """Of those that are evacuated, or could not be; can run twice.

    Raises `ConnectionError` where a room is away, `HostError` where a volume's export can't be ended.
    """
    left = {boot.id: evacuation.host for boot in boots if (evacuation := boot.spec().evacuation) is not None}
    boots = [boot for boot in boots if boot.id in left]
    if not boots:
        return
    await release(conductor, boots)
    await conductor.volume.detach([kept for boot in boots for kept in moved.detach_kept(boot, left[boot.id])])
    await conductor.network.deallocate([moved.unbind(boot, left[boot.id]) for boot in boots])

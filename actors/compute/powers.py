"""How the guests of a node are, as the conductor is told: at the actor's start, at each change, and now and then.

Owned by the compute room. A server whose guest is not there any more, since its machine was started anew or somebody
took it away, is told to be off: so it is shown, and its next start brings it back (`bringing_back.py`). Invariants: of
a guest that is being built, changed or destroyed nothing is told, that work's own end says what is so; nor of one that
nobody can know of (`forgetful`); what is told is of the moment before it was looked at, so that nothing which ended
meanwhile is undone by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.acts import PowerReport
from actors.clock import Clock
from actors.errors import CallerFault, HostFault
from actors.outbox import Outbox
from actors.states import Power

if TYPE_CHECKING:
    from actors.compute.service import Compute

REPORTS_LIMIT = 1_000_000  # that wait to be told: more than a node can have guests


class Powers:
    def __init__(self, node: Compute, clock: Clock) -> None:
        self._node = node
        self._clock = clock
        self._reports: Outbox[PowerReport, None] = Outbox(self._send, limit=REPORTS_LIMIT)

    async def begin(self) -> None:
        """Tell of every guest, and from now on of each that changes. Raises `HostError`."""
        self._node.hypervisor.guests.watch(self._changed)
        await self._tell_all(frozenset())

    async def sync(self) -> None:
        """Tell of those that do not run: an event may have been lost, or a guest be gone. Raises `HostError`."""
        await self._tell_all(frozenset((Power.RUNNING,)))

    async def drained(self) -> None:
        await self._reports.drained()

    async def _tell_all(self, but: frozenset[Power]) -> None:
        at, busy = self._clock.now(), self._node.busy()
        guests = self._node.hypervisor.guests
        expected = [] if guests.forgetful else [claim.instance_id for claim in self._node.hosts.claims()]
        powers = dict.fromkeys(expected, Power.SHUTDOWN) | await guests.powers()
        busy |= self._node.busy()
        self._tell({one: power for one, power in powers.items() if power not in but and one not in busy}, at)

    def _changed(self, instance_id: str) -> None:
        if instance_id not in self._node.busy():
            self._node.spawn(self._look(instance_id))

    async def _look(self, instance_id: str) -> None:
        at = self._clock.now()
        power = await self._node.hypervisor.guests.power(instance_id)
        if power is not None and instance_id not in self._node.busy():
            self._tell({instance_id: power}, at)

    def _tell(self, powers: dict[str, Power], at: float) -> None:
        node, epoch = self._node.config.host, self._node.epoch
        for instance_id, power in powers.items():
            self._reports.cast(PowerReport(instance_id=instance_id, node=node, epoch=epoch, power=power, at=at))

    async def _send(self, reports: list[PowerReport]) -> list[CallerFault | HostFault | None]:
        await self._node.conductor.powers(reports)
        return [None] * len(reports)

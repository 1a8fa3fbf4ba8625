"""Attempts to build: begun, ended, taken back where they failed, and begun again on another host.

Owned by the conductor's service, whose boots they are of. An attempt is placed and handed over to its host by the
CONTROL table; from then on its host tells how it ends. Invariants: an attempt that failed is undone before the next
begins, and before its boot is in ERROR; what can't be undone now is tried again (`tend`); a boot that has no host
after `max_attempts`, or after the deadline, ends in ERROR with a fault.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from actors.cluster.config import CloudConfig
from actors.conductor import moved
from actors.conductor.boots import Boot
from actors.conductor.instance_actions import InstanceActions
from actors.conductor.letting_go import LettingGo
from actors.conductor.moves_told import evacuated
from actors.conductor.seats import Seats
from actors.conductor.steps import release
from actors.conductor.waiting import Waiting
from actors.errors import Fault, HostFault, conflict
from actors.messages import LOST, BootFault, BuildEnded
from actors.saga import Failures, Saga, Table, describe
from actors.states import Event, Vm

if TYPE_CHECKING:
    from actors.conductor.service import Conductor

CREATE, REBUILD, UNSHELVE = "create", "rebuild", "unshelve"  # what a build that ends was, as notifications call it
NOWHERE = (Vm.ERROR, Vm.SHELVED_OFFLOADED)  # where attempts end that failed
DELETED = conflict("", "the instance is being deleted")
LATE_S = 10.0  # within which what a conductor asked before it died has come to the scheduler

End = tuple[Boot, BootFault, bool]  # how an attempt failed, and whether another host may be tried


class Attempts:
    def __init__(
        self,
        conductor: Conductor,
        table: Table[Conductor, Boot],
        config: CloudConfig,
        seats: Seats,
        actions: InstanceActions,
    ) -> None:
        """`table`: what follows when a boot was accepted; `seats`: of boots that are accepted and not ended."""
        self._conductor = conductor
        self._config = config
        self._seats = seats
        self._actions = actions
        self._failed: dict[str, tuple[BootFault, bool]] = {}  # how attempts failed that are not undone yet
        self._inherited: list[str] = []  # of a conductor that died: it may have asked for hosts for them
        self._inherited_until = 0.0
        self.waiting = Waiting(conductor)
        self.letting_go = LettingGo(conductor)
        self.road = Saga(table, conductor, "", conductor.clock, conductor.journal, _why_halted)

    # ------------------------------------------------------------ beginning

    async def begin(self, boots: list[Boot]) -> None:
        """Place and hand over; what fails is tried elsewhere or ends in ERROR."""
        there = [boot for boot in boots if self._is_there(boot) and not boot.undoing]
        unended = [boot for boot in there if boot.instance.vm_state == Vm.BUILDING]  # others have, but for a write
        boots = self.waiting.stand_behind([boot for boot in unended if not boot.controlled])
        if not boots:
            return
        for boot in boots:
            boot.controlled = True
        handed_over = {boot.id for boot in boots if boot.instance.host or boot.perhaps_somewhere}  # by one that died
        outcome = await self.road.forward(boots)
        for boot, _ in outcome.failed:
            boot.controlled = False
        clean = [(boot, fault) for boot, fault in outcome.failed if boot.id not in outcome.broken]
        over = self.waiting.take_in(clean)
        ends = [(boot, self._fault_of(boot, fault), isinstance(fault, HostFault)) for boot, fault in over]
        await self.settle([end for end in ends if end[0].id not in handed_over])
        await self.take_back([end for end in ends if end[0].id in handed_over and end[0].building])
        for boot, fault in outcome.failed:
            if boot.id in outcome.broken:
                self._failed[boot.id] = self._fault_of(boot, fault), isinstance(fault, HostFault)
        await self._conductor.remove([boot for boot in boots if boot.instance.deleting and not boot.controlled])

    def inherit(self, boots: list[Boot]) -> None:
        """All that a dead conductor left, those that are being deleted among them."""
        self._inherited = [boot.id for boot in boots if boot.instance.vm_state == Vm.BUILDING]
        self._inherited_until = self._conductor.clock.monotonic() + LATE_S

    async def go_on(self, boots: list[Boot]) -> None:
        """Boots that a dead conductor left. Those who build are asked first for hosts that are not on disk."""
        lost = {boot.id: boot for boot in boots if not boot.instance.host}
        for node, found in (await self._conductor.nodes.who_has(sorted(lost), self._conductor.compute)).items():
            for instance_id, attempt, host in found:
                if lost[instance_id].building and attempt == lost[instance_id].instance.attempt:
                    lost[instance_id].change(host=host, node=node)
        for boot in lost.values():
            boot.perhaps_somewhere = not boot.instance.host
        there = [boot for boot in boots if self._is_there(boot)]
        boots = [boot for boot in there if not boot.instance.deleting]  # such a one has given its claim back
        with suppress(ConnectionError):  # a scheduler that starts meanwhile may not know of them yet
            await self._conductor.scheduler.restore([boot.claim() for boot in boots if boot.holds_host])
            over = [boot.id for boot in boots if not self._is_there(boot) or _is_nowhere(boot)]
            if over:  # they ended while the scheduler was told, and may have been released before
                await self._conductor.scheduler.release(over)
        building = [boot for boot in boots if boot.building]  # some have ended meanwhile, where they were
        has_left = self._conductor.nodes.has_left
        await self.begin([boot for boot in building if not has_left(boot.instance.node)])  # else: `Conductor._abandon`

    def _is_there(self, boot: Boot) -> bool:
        """It may have been deleted meanwhile."""
        return self._conductor.boot(boot.id) is not None

    # ------------------------------------------------------------ ending

    async def failed(self, ends: list[tuple[Boot, BuildEnded]]) -> None:
        """Hosts tell that attempts have failed, and whether they have undone them."""
        failed = [(boot, report.fault, report.retry) for boot, report in ends if report.fault is not None]
        self._failed |= {b.id: (r.fault, r.retry) for b, r in ends if r.fault is not None and not r.undone}
        failed = [end for end in failed if end[0].id not in self._failed]
        if failed:
            await self._release_and_settle(failed)

    async def _release_and_settle(self, failed: list[End]) -> None:
        """Of attempts that their hosts have undone; the same end told again meanwhile is no other's."""
        for boot, _, _ in failed:
            boot.undoing = True
        try:
            await release(self._conductor, [boot for boot, _, _ in failed])
        finally:
            for boot, _, _ in failed:
                boot.undoing = False
        await self.settle(failed)

    async def take_back(self, ends: list[End]) -> None:
        """Undo attempts that failed, then settle them; what can't be undone now is tried again by and by."""
        ends = [(boot, fault, retry) for boot, fault, retry in ends if not boot.undoing]
        for boot, _, _ in ends:
            boot.undoing = True
        broken = await self.road.backward([boot for boot, _, _ in ends]) if ends else {}
        for boot, fault, retry in ends:
            boot.undoing = False
            if boot.id in broken:
                self._failed[boot.id] = fault, retry
        await self.settle([end for end in ends if end[0].id not in broken])
        await self._conductor.remove([boot for boot, _, _ in ends if boot.instance.deleting])

    async def settle(self, ends: list[End]) -> None:
        """Boots whose attempt failed and is undone: another host, or ERROR."""
        again: list[Boot] = []
        over: list[Boot] = []
        verbs: defaultdict[str, list[Boot]] = defaultdict(list)
        for boot, fault, retry in ends:
            if not boot.building:
                continue
            row, verb = boot.instance, verb_of(boot)
            blamed = bool(row.host) and fault.step != LOST  # a host that was lost did not fail, and may come back
            failed_hosts = (*row.failed_hosts, row.host) if blamed else row.failed_hosts
            tried = 1 + sum(failure.step != LOST for failure in boot.failures)
            if retry and (fault.step == LOST or tried < self._config.max_attempts):
                boot.hear(Event.RESCHEDULE)
                boot.failures.append(fault)
                boot.change(attempt=row.attempt + 1, failed_hosts=failed_hosts, host="", node="")
                boot.undoing = True  # until it is on disk that this attempt is over, nobody begins the next
                again.append(boot)
            else:
                boot.hear(Event.STAY_SHELVED if boot.unshelving else Event.FAIL)
                boot.change(fault=msgspec.to_builtins(_after_attempts(fault, boot.failures)), failed_hosts=failed_hosts)
                boot.change(**moved.failed(boot))
                boot.undoing = boot.again  # until its old host is let go of: what comes late would undo the next try
                over.append(boot)
                verbs[verb].append(boot)
        try:
            await self.write_ends(verbs, "error")
            await self._conductor.write(again, "")
            await self._conductor.release_late([*over, *again])
            await self.letting_go.now(over)
        finally:
            for boot in (*over, *again):
                boot.undoing = False
        for boot in over:
            self.end(boot)
        if again:
            self._conductor.spawn(self.begin(again))

    async def write_ends(self, verbs: Mapping[str, list[Boot]], end: str) -> None:
        """`verbs`: what each was building for, by `verb_of`."""
        for verb, boots in verbs.items():
            now = self._conductor.clock.now()
            ended = [] if verb == CREATE else self._actions.built_again(boots, now)
            if verb == REBUILD:
                evacuated(self._conductor.moves, boots, now)
            await self._conductor.write(boots, f"instance.{verb}.{end}", ended)

    def end(self, boot: Boot) -> None:
        self._seats.leave(boot.id)
        boot.end()

    def _fault_of(self, boot: Boot, fault: Fault) -> BootFault:
        known = self._conductor.faults.pop(boot.id, None)
        if known is not None:
            return known
        at = self._conductor.clock.now()
        if isinstance(fault, HostFault):
            return BootFault(code=500, message=describe(fault), step=fault.step, host=fault.host, at=at)
        return BootFault(code=fault.status, message=describe(fault), details={"field": fault.field}, at=at)

    # ------------------------------------------------------------ what must not be forgotten

    def tend(self) -> None:
        """Attempts that could not be undone are tried again, and what takes too long is ended."""
        if self._inherited:
            self._conductor.spawn(self._release_inherited())
        failed, self._failed = self._failed, {}
        there = {i: boot for i in failed if (boot := self._conductor.boot(i)) is not None}
        self._failed = {i: failed[i] for i, boot in there.items() if boot.controlled}
        known = [(boot, *failed[i]) for i, boot in there.items()]
        late = [(boot, self._too_late(boot), False) for boot in self._overdue() if boot.id not in failed]
        ends = [end for end in [*known, *late] if end[0].building and not end[0].controlled]
        if ends:
            self._conductor.spawn(self.take_back(ends))

    async def _release_inherited(self) -> None:
        """What the dead conductor asked may come after its boots ended and gave their hosts back: they do so again."""
        found = ((i, self._conductor.boot(i)) for i in self._inherited)
        over = [i for i, boot in found if boot is None or (boot.instance.vm_state in NOWHERE and not boot.holds_host)]
        if self._conductor.clock.monotonic() > self._inherited_until:
            self._inherited = []
        with suppress(ConnectionError):  # one that starts now is told what is claimed
            if over:
                await self._conductor.scheduler.release(over)

    def _overdue(self) -> list[Boot]:
        at = self._conductor.clock.now()
        boots = (boot for i in self._seats if (boot := self._conductor.boot(i)) is not None and boot.building)
        return [boot for boot in boots if at > max(boot.begun_at, boot.wait_until) + self._config.boot_deadline_s]

    def _too_late(self, boot: Boot) -> BootFault:
        message = f"not built within {self._config.boot_deadline_s:g} s"
        return BootFault(code=500, message=message, step="boot", at=self._conductor.clock.now())


def _is_nowhere(boot: Boot) -> bool:
    """Its attempt failed; one that has run, and was only reset, has its host."""
    return boot.instance.vm_state in NOWHERE and not boot.holds_host


def by_verb(boots: list[Boot]) -> dict[str, list[Boot]]:
    """While they are being built. Hardly ever are there several kinds."""
    verbs: defaultdict[str, list[Boot]] = defaultdict(list)
    for boot in boots:
        verbs[verb_of(boot)].append(boot)
    return verbs


def verb_of(boot: Boot) -> str:
    """What one that is being built is: made, made again, or no longer shelved."""
    if not boot.again:
        return CREATE
    return UNSHELVE if boot.unshelving else REBUILD


def _why_halted(boots: list[Boot]) -> Failures:
    return {boot.id: DELETED for boot in boots if boot.instance.deleting}


def _after_attempts(fault: BootFault, failures: list[BootFault]) -> BootFault:
    """The last fault; where no further host was found, the one that made us look for another, with both reasons."""
    if not failures:
        return fault
    if fault.step != "place":
        return msgspec.structs.replace(fault, message=f"{fault.message} (attempt {len(failures) + 1})")
    return msgspec.structs.replace(failures[-1], message=f"{failures[-1].message}; {fault.message}", at=fault.at)

"""Servers that are shelved: their hosts let go of them, and later they run again, on whichever host is found.

Part of the conductor's service. What shuts a guest down and keeps its root disk is an act (`acts.py`); from when that
is on disk, the rest is here: everything on the host goes, the room is given back, ports and volumes stay the server's.
To run again is a boot like another, of a server that has run before. Invariants: nothing is taken away before what is
kept of it is whole, and that is on disk; an image that shelving made is deleted when nobody needs it, whoever dies; a
server that could not be built again is shelved as before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from actors.conductor import moved
from actors.conductor.attached import with_named_volumes
from actors.conductor.boots import Boot
from actors.conductor.departures import Departures
from actors.errors import CallerFault, conflict
from actors.messages import Shelved, UnshelveRequest
from actors.records import InstanceAction
from actors.states import SHELVED, Event, Vm

if TYPE_CHECKING:
    from actors.conductor.acts import Acts
    from actors.conductor.attempts import Attempts
    from actors.conductor.service import Conductor


class Shelving:
    def __init__(self, conductor: Conductor, attempts: Attempts, acts: Acts) -> None:
        self._conductor = conductor
        self._attempts = attempts
        self._acts = acts
        self._told: set[str] = set()  # of those: that a host has to let go of them was told
        self._due: set[str] = set()  # ids of servers that their hosts have to let go of, or with images to be deleted

    def add(self, instance_ids: Iterable[str]) -> None:
        self._due.update(instance_ids)

    def is_due(self, boot: Boot) -> bool:
        return boot.instance.vm_state == Vm.SHELVED or bool(boot.spec().unwanted_images)

    async def tend(self) -> None:
        """What can't be done now is done by and by."""
        there = {i: boot for i in sorted(self._due) if (boot := self._conductor.boot(i)) is not None}
        staying = [boot for boot in there.values() if not boot.instance.deleting]  # else that does all of it
        self._due = {boot.id for boot in staying if self.is_due(boot)}
        self._told &= self._due
        due = [boot for boot in staying if not boot.undoing and self._acts.is_written(boot)]
        leaving = [boot for boot in due if boot.instance.vm_state == Vm.SHELVED]
        work = [self._offload(boot) for boot in leaving]  # each by itself: a node that is away keeps no other waiting
        await asyncio.gather(self._discard([boot for boot in due if boot.spec().unwanted_images]), *work)

    # ------------------------------------------------------------ hosts let go

    async def _offload(self, boot: Boot) -> None:
        if boot.undoing:
            return
        boot.undoing = True
        try:
            if boot.id not in self._told:
                await self._conductor.write([boot], "instance.shelve_offload.start")
                self._told.add(boot.id)
            if not await self._attempts.road.backward([boot]):
                self._let_go(boot)
                await self._conductor.release_late([boot])
                self._attempts.waiting.room_came()
                await self._conductor.write([boot], "instance.shelve_offload.end")
        except ConnectionError:
            return  # the database: what is not away goes by and by, and what is, is written with its next change
        finally:
            boot.undoing = False
            await self._conductor.remove([boot] if boot.instance.deleting else [])

    def _let_go(self, boot: Boot) -> None:
        if not boot.instance.deleting:
            boot.become(SHELVED)
        self._told.discard(boot.id)
        boot.change(host="", node="", failed_hosts=(), updated_at=self._conductor.clock.now())

    # ------------------------------------------------------------ images

    async def _discard(self, boots: list[Boot]) -> None:
        """A conductor that dies before it has written that they are gone has them deleted again."""
        unwanted = {boot: boot.spec().unwanted_images for boot in boots}
        if not unwanted:
            return
        try:
            await self._conductor.write(boots, "")  # that they are not needed is on disk
            await self._conductor.image.discard([one for images in unwanted.values() for one in images])
        except ConnectionError:
            return
        for boot, gone in unwanted.items():
            left = tuple(one for one in boot.spec().unwanted_images if one not in gone)
            boot.ask_anew(unwanted_images=left)
        self._conductor.write_later(boots)


class Unshelvings(Departures[UnshelveRequest]):
    event = "instance.unshelve.start"

    def why_not(self, boot: Boot, request: UnshelveRequest) -> CallerFault | None:
        row = boot.instance
        if row.locked_by and not request.above_locks:
            return conflict("", f"Instance {boot.id} is locked")
        if boot.vm_state != Vm.SHELVED_OFFLOADED:
            return conflict("", f"Cannot 'unshelve' instance {boot.id} while it is in vm_state {boot.vm_state}")
        if boot.task or row.deleting:
            return conflict("", f"Cannot 'unshelve' instance {boot.id} while it is in task_state {boot.task}")
        if boot.undoing or (pending := self._actions.pending(boot.id)):
            name = pending[0].name if not boot.undoing else "shelve"
            return conflict("", f"Cannot 'unshelve' instance {boot.id} while {name} is under way")
        return None

    def set_out(self, boot: Boot, request: UnshelveRequest) -> InstanceAction:
        spec, now = boot.spec(), self._conductor.clock.now()
        zone = spec.availability_zone.partition(":")[0] if request.zone is None else request.zone
        boot.ask_anew(
            token=request.token,
            auto_network=False,
            networks=moved.networks_of(boot),
            block_devices=with_named_volumes(spec, boot.id),
            batch="",
            availability_zone=zone,
            pinned_zone=spec.pinned_zone if request.zone is None else request.zone,
            shelved=replace(spec.shelved or Shelved(), to=request.host),
        )
        boot.hear(Event.UNSHELVE)
        boot.failures, boot.ended = [], None
        boot.change(attempt=boot.instance.attempt + 1, failed_hosts=(), fault={}, updated_at=now)
        self._conductor.seat(boot)
        return self._actions.unshelves(request, boot, now)

    async def go(self, boots: list[Boot]) -> None:
        self._conductor.go(boots)

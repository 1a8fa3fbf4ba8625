"""Volumes that come to a server while it is shelved, or go: it has no guest, so nobody but the volume room is asked.

Owned by the conductor's acts. What comes is the server's at once, and reached when it runs again. Invariants: what was
not answered is asked again; to a server that is being deleted none comes, and what gives back all that such a server
has waits until what was asked before is answered (`over`), so that it misses none.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING

from actors.acts import ActDone, AttachVolume, DetachVolume
from actors.conductor.boots import Boot
from actors.errors import CallerFault, Fault, HostError, HostFault, conflict
from actors.messages import AttachRequest, DetachRequest

if TYPE_CHECKING:
    from actors.conductor.service import Conductor

ANSWER_S = (
    30.0  # that a deletion waits for what the volume room was asked before; then others go on, and it is tried again
)

DELETED = conflict("", "the instance is being deleted")


class Reserving:
    def __init__(self, conductor: Conductor, answer_s: float = ANSWER_S) -> None:
        self._conductor = conductor
        self.answer_s = answer_s
        self._asked: defaultdict[str, set[asyncio.Future[None]]] = defaultdict(set)  # by instance: not answered yet

    async def reserve(self, boot: Boot, act: AttachVolume | DetachVolume) -> ActDone | Fault:
        """Can run twice; a volume that can't be had is given back. `ConnectionError`: it is to be asked again."""
        if boot.instance.deleting or self._conductor.boot(boot.id) is not boot:
            return DELETED
        started_at = self._conductor.clock.now()
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asked[boot.id].add(answered)
        try:
            fault = await self._ask(boot, act)
        except HostError as error:
            fault = error.fault
        finally:
            answered.set_result(None)
            self._asked[boot.id].discard(answered)
            if not self._asked[boot.id]:
                del self._asked[boot.id]
        return fault or ActDone(started_at=started_at, finished_at=self._conductor.clock.now())

    def is_asked(self, boot: Boot) -> bool:
        return boot.id in self._asked

    async def over(self, boots: list[Boot]) -> list[Boot]:
        """Those for which nothing is being asked any more; of those that are being deleted nothing will be."""
        if waiting := {one for boot in boots for one in self._asked.get(boot.id, ())}:
            await asyncio.wait(waiting, timeout=self.answer_s)
        return [boot for boot in boots if not self.is_asked(boot)]

    async def _ask(self, boot: Boot, act: AttachVolume | DetachVolume) -> Fault | None:
        if isinstance(act, DetachVolume):
            await self._free(boot, act.volume_id)
            return None
        fault = await self._attach(boot, act)
        if fault is not None:
            await self._free(boot, act.device.source_id)
        return fault

    async def _attach(self, boot: Boot, act: AttachVolume) -> CallerFault | HostFault | None:
        request = AttachRequest(
            token=act.token,
            instance_id=boot.id,
            attempt=boot.instance.attempt,
            project_id=boot.instance.project_id,
            host="",
            devices=(act.device,),
        )
        [reply] = await self._conductor.volume.attach([request])
        return reply if isinstance(reply, CallerFault | HostFault) else None

    async def _free(self, boot: Boot, volume_id: str) -> None:
        await self._conductor.volume.detach([DetachRequest(instance_id=boot.id, host="", volume_ids=(volume_id,))])

"""The conductor's door: which boots are accepted, and what is true of one that is (steps 6-7).

Owned by the conductor's service. Invariants: what was answered with ids is on disk, with its seat and its quota taken;
what is refused, or could not be recorded, has left nothing; a key that was seen before makes no second boot, also while
the first is being recorded (`keys.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from actors.clock import Clock
from actors.conductor.boots import Boot, new_boot
from actors.conductor.keys import Keys
from actors.conductor.quotas import Quotas, group_of
from actors.conductor.seats import Seats
from actors.errors import CallerFault, Fault, busy
from actors.messages import BootSpec, Launched, ServerStatus
from actors.saga import Outcome, describe

NO_ROOM = busy("as many servers as may be are being booted; try again in a moment")


class Acceptance:
    """`boots`, `seats`, `quotas` are the conductor's. `record` brings boots to disk; `set_out` is given them then."""

    def __init__(
        self,
        boots: dict[str, Boot],
        seats: Seats,
        quotas: Quotas,
        record: Callable[[list[Boot]], Awaitable[Outcome[Boot]]],
        set_out: Callable[[list[Boot]], None],
        clock: Clock,
    ) -> None:
        self._boots = boots
        self._seats = seats
        self._quotas = quotas
        self._to_disk = record
        self._set_out = set_out
        self._clock = clock
        self.keys = Keys(boots)
        self._recording: dict[str, asyncio.Future[None]] = {}  # ids of instances that are not on disk yet

    async def accept(self, specs: list[BootSpec]) -> list[list[str] | CallerFault]:
        """Steps 6-7. A key that was seen before answers with the first boot's ids and makes no second one.

        With too many in flight the rest are refused as busy, fairly between projects, and leave nothing.
        """
        replies: list[list[str] | CallerFault] = [NO_ROOM] * len(specs)
        fresh: list[Boot] = []
        elsewhere: dict[int, asyncio.Future[None]] = {}  # requests that are being recorded for another call
        for index in self._seats.in_turn([spec.project_id for spec in specs]):
            if known := self._known(specs[index]):
                replies[index] = known
                if (recording := self._recording.get(known[0])) is not None:
                    elsewhere[index] = recording
                continue
            allowed = self._allowed(specs[index])
            if isinstance(allowed, CallerFault):
                replies[index] = allowed
                continue
            boots = self._taken_in(allowed)
            fresh += boots
            replies[index] = [boot.id for boot in boots]
        if fresh:
            outcome = await self._record(fresh)
            if outcome.failed:
                lost = {boot.id for boot, _ in outcome.failed}
                fault = self._forget_unrecorded([boot for boot, _ in outcome.failed], outcome.failed[0][1])
                replies = [
                    reply if isinstance(reply, CallerFault) or lost.isdisjoint(reply) else fault for reply in replies
                ]
            self._set_out(outcome.done)
        for index, recording in elsewhere.items():
            await asyncio.wait({recording})
            if recording.cancelled():
                replies[index] = busy("the same request could not be recorded; try again in a moment")
        return replies

    def _known(self, spec: BootSpec) -> list[str]:
        """Ids of a request that was accepted before: it has a key, or it was sent twice."""
        ids = self.keys.find(spec.project_id, spec.idempotency_key)
        return ids or [i for i in spec.instance_ids if i in self._boots]

    def _allowed(self, spec: BootSpec) -> BootSpec | CallerFault:
        """The request with as many machines as its project's quotas allow."""
        asked = len(spec.instance_ids)
        if not self._seats.has_room(spec.project_id, asked, self._clock.monotonic()):
            return NO_ROOM
        count = self._quotas.admit(spec)
        if isinstance(count, CallerFault) or count == asked:
            return count if isinstance(count, CallerFault) else spec
        return msgspec.structs.replace(spec, instance_ids=spec.instance_ids[:count])

    def _taken_in(self, spec: BootSpec) -> list[Boot]:
        at = self._clock.now()
        boots = [new_boot(spec, instance_id, index, at) for index, instance_id in enumerate(spec.instance_ids)]
        self._boots.update((boot.id, boot) for boot in boots)
        self._seats.take(spec.project_id, spec.instance_ids)
        self._quotas.take(spec.project_id, spec.flavor, len(boots), group_of(spec))
        self.keys.take(spec.project_id, spec.idempotency_key, spec.instance_ids)
        return boots

    async def made_before(self, keys: list[tuple[str, str]]) -> list[list[str]]:
        """Of those that are on disk."""
        made = [self.keys.find(*key) for key in keys]
        return [[] if any(one in self._recording for one in ids) else ids for ids in made]

    async def _record(self, fresh: list[Boot]) -> Outcome[Boot]:
        """Whoever asks for the same meanwhile waits for what comes of it."""
        recorded: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._recording |= dict.fromkeys([boot.id for boot in fresh], recorded)
        outcome = await self._to_disk(fresh)
        for boot in fresh:
            del self._recording[boot.id]
        if outcome.failed:
            recorded.cancel()
        else:
            recorded.set_result(None)
        return outcome

    def _forget_unrecorded(self, boots: list[Boot], fault: Fault) -> CallerFault:
        for boot in boots:
            self._quotas.give_back(boot.instance.project_id, boot.counted, group_of(boot.spec()))
            del self._boots[boot.id]
            self._seats.leave(boot.id)
            self.keys.drop(boot.instance.project_id, boot.instance.idempotency_key)
        return CallerFault(503, f"the request could not be recorded: {describe(fault)}")


def launched(
    accepted: list[list[str] | CallerFault], found: Mapping[str, ServerStatus | CallerFault]
) -> list[Launched | CallerFault]:
    """The replies to who accepted and waited, by how the servers were `found`, by their ids."""
    states = {one: state.status for one, state in found.items() if isinstance(state, ServerStatus)}
    return [
        reply
        if isinstance(reply, CallerFault)
        else Launched(server_ids=reply, statuses=[states.get(one, "") for one in reply])
        for reply in accepted
    ]

"""Boots that wait for room: asked for again as hosts empty or arrive, until their time is up.

Owned by the conductor's service, which hands over boots that no host had room for and gets them back when a host is
claimed or the time is over. Nothing of it is on disk: a boot that waited when the conductor died is in BUILD, fails
to be placed once more and waits on, until the same moment, which its row tells. Invariant: a boot that stands here
leaves by being placed, by its deadline, or by deletion.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from actors.conductor.boots import Boot
from actors.conductor.capacity_queue import CapacityQueue, Waiter
from actors.conductor.steps import place_requests
from actors.errors import CallerFault, Fault
from actors.messages import BootFault, NoHostFound, Placed
from actors.saga import Phase

if TYPE_CHECKING:
    from actors.conductor.service import Conductor

STEP = "wait_for_capacity"
ASK_EVERY_S = 1.0  # room that nobody tells of: hosts that arrive, claims that expire
ASK_LIMIT = 1_000  # boots in one message, unless more belong together

Company = tuple[str, str]  # a batch, which has its first machine's id; or '' and the one that stands for itself
Reply = Placed | NoHostFound | CallerFault


class Waiting:
    def __init__(self, conductor: Conductor) -> None:
        self._conductor = conductor
        self._clock = conductor.clock
        self._queue = CapacityQueue()
        self._room = asyncio.Event()  # somebody gave room back
        self._watching: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._queue)

    def room_came(self) -> None:
        """Ask again now."""
        if len(self._queue):
            self._room.set()

    def take_in(self, failed: list[tuple[Boot, Fault]]) -> list[tuple[Boot, Fault]]:
        """Boots that no host had room for and that may wait stay here; the others are returned."""
        faults = self._conductor.faults
        staying: dict[Company, list[Boot]] = {}
        for boot, _ in failed:
            fault = faults.get(boot.id)
            if fault is not None and fault.step == "place" and boot.building and boot.wait_until > self._clock.now():
                staying.setdefault(_company(boot), []).append(boot)
        taken = {boot.id for boots in staying.values() if self._add(boots, faults[boots[0].id]) for boot in boots}
        for instance_id in taken:
            faults.pop(instance_id, None)
        return [(boot, fault) for boot, fault in failed if boot.id not in taken]

    def stand_behind(self, boots: list[Boot]) -> list[Boot]:
        """Where others wait, a newcomer that may wait does not overtake them; the others are returned."""
        if not len(self._queue):
            return boots
        waiters: dict[Company, list[Boot]] = {}
        for boot in boots:
            if boot.building and not boot.instance.host and boot.wait_until > self._clock.now():
                waiters.setdefault(_company(boot), []).append(boot)
        unasked = BootFault(code=500, message="No valid host was found: others waited for room before it", step="place")
        taken = {boot.id for group in waiters.values() if self._add(group, unasked) for boot in group}
        self.room_came()
        return [boot for boot in boots if boot.id not in taken]

    def _add(self, boots: list[Boot], fault: BootFault) -> bool:
        now = self._clock.now()
        if not self._queue.add(Waiter(boots, boots[0].wait_until, now, fault)):
            return False
        self._conductor.journal(boots, STEP, Phase.BEGUN, now, fault.message)
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())
        return True

    # ------------------------------------------------------------ asking again

    async def _watch(self) -> None:
        while len(self._queue):
            wait_s = min(ASK_EVERY_S, max(0.0, self._queue.next_deadline() - self._clock.now()))
            with suppress(TimeoutError):  # nobody told of room, but there may be some
                await asyncio.wait_for(self._room.wait(), wait_s)
            self._room.clear()
            await self._ask()
            await self._end(self._queue.take_expired(self._clock.now()))

    async def _ask(self) -> None:
        """Everybody in turn. What the scheduler can't answer now is asked again."""
        for waiters in _messages(self._queue.turns()):
            boots = [boot for waiter in waiters for boot in waiter.boots]
            for boot in boots:
                boot.controlled = True
            try:
                replies = await self._conductor.scheduler.place(place_requests(self._conductor, boots))
            except ConnectionError:
                replies = []
            for boot in boots:
                boot.controlled = False
            self._conductor.go(
                [boot for boot in boots if not boot.building]
            )  # deleted meanwhile: their claims are given back
            answers = dict(zip((boot.id for boot in boots), replies, strict=False))
            for waiter in waiters:
                await self._heard(waiter, answers)

    async def _heard(self, waiter: Waiter, answers: dict[str, Reply]) -> None:
        replies = [answers.get(boot.id) for boot in waiter.boots]
        for boot, reply in zip(waiter.boots, replies, strict=True):
            if isinstance(reply, Placed) and boot.building:
                boot.change(host=reply.host, node=reply.node)
        if any(isinstance(reply, Placed) for reply in replies):
            self._queue.served(waiter)
            self._conductor.journal(waiter.boots, STEP, Phase.DONE, self._clock.now(), "")
            self._conductor.go(
                waiter.boots
            )  # the step `place` is told the same hosts again; those without one end there
            return
        for reply in replies:
            if isinstance(reply, NoHostFound):
                details = {"reasons": reply.reasons, "nearest": list(reply.nearest)}
                waiter.fault = replace(waiter.fault, message=reply.message, details=details)

    async def _end(self, late: list[Waiter]) -> None:
        now = self._clock.now()
        ends = []
        for waiter in late:
            waited_s = now - waiter.since
            message = f"{waiter.fault.message} (waited {waited_s:.1f} s for room)"
            details = waiter.fault.details | {"waited_s": round(waited_s, 3)}
            self._conductor.journal(waiter.boots, STEP, Phase.FAILED, now, "no room came in time")
            ends += [(b, replace(waiter.fault, message=message, details=details, at=now)) for b in waiter.boots]
        if ends:
            await self._conductor.settle([(boot, fault, False) for boot, fault in ends])


def _company(boot: Boot) -> Company:
    return boot.batch, "" if boot.batch else boot.id


def _messages(turns: Iterable[Waiter]) -> list[list[Waiter]]:
    """Turns in messages of about `ASK_LIMIT` boots; who belongs together stays together."""
    messages: list[list[Waiter]] = []
    room = 0
    for waiter in turns:
        if room < len(waiter.boots) or not messages:
            messages.append([])
            room = ASK_LIMIT
        messages[-1].append(waiter)
        room -= len(waiter.boots)
    return messages

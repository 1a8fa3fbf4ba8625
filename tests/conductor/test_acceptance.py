"""Requests of which some cannot be brought to disk: each answer is true, and nothing is left of the others."""

from __future__ import annotations

import asyncio

from actors.clock import SystemClock
from actors.conductor.acceptance import Acceptance
from actors.conductor.boots import Boot
from actors.conductor.quotas import Quotas
from actors.conductor.seats import Seats
from actors.errors import CallerFault, busy
from actors.messages import BootSpec
from actors.saga import Outcome
from tests.conductor.test_capacity_queue import TINY


class Door:
    """An acceptance, and a disk that takes or refuses each batch when the test says so."""

    def __init__(self) -> None:
        self.boots: dict[str, Boot] = {}
        self.seats = Seats(100)
        self.quotas = Quotas()
        self.writes: list[asyncio.Future[bool]] = []
        self.gone: list[str] = []
        self.acceptance = Acceptance(self.boots, self.seats, self.quotas, self.record, self.set_out, SystemClock())

    async def record(self, boots: list[Boot]) -> Outcome[Boot]:
        self.writes.append(asyncio.get_running_loop().create_future())
        if await self.writes[-1]:
            return Outcome(done=list(boots))
        return Outcome(failed=[(boot, busy("the disk is full")) for boot in boots])

    def set_out(self, boots: list[Boot]) -> None:
        self.gone += [boot.id for boot in boots]

    def begin(self, *specs: BootSpec) -> asyncio.Task[list[list[str] | CallerFault]]:
        return asyncio.create_task(self.acceptance.accept(list(specs)))

    def held(self) -> tuple[int, int]:
        """Seats, and instances of the project's quota."""
        return len(self.seats), self.quotas.used("a").instances


def spec(name: str, instance_id: str = "") -> BootSpec:
    """A request with a key; one that is sent again has other ids."""
    return BootSpec(
        name=name,
        hostname=name,
        project_id="a",
        user_id="u",
        token="",
        flavor=TINY,
        idempotency_key=name,
        instance_ids=(instance_id or name,),
    )


Replies = asyncio.Task[list[list[str] | CallerFault]]


async def with_a_repeat() -> tuple[Door, Replies, Replies]:
    """A call that is being recorded, and a second one that repeats its request beside another."""
    door = Door()
    first = door.begin(spec("x"))
    await asyncio.sleep(0)
    second = door.begin(spec("x", "x-again"), spec("y"))
    await asyncio.sleep(0)
    return door, first, second


def test_a_request_beside_one_that_another_call_could_not_record_sets_out() -> None:
    async def play() -> None:
        door, first, second = await with_a_repeat()
        door.writes[1].set_result(True)
        await asyncio.sleep(0)
        door.writes[0].set_result(False)
        [refused], [again, fine] = await first, await second
        assert isinstance(refused, CallerFault) and isinstance(again, CallerFault) and again.status == 503
        assert fine == ["y"] and door.gone == ["y"]
        assert list(door.boots) == ["y"] and door.held() == (1, 1)

    asyncio.run(play())


def test_nobody_is_told_ids_that_another_call_could_not_record_meanwhile() -> None:
    async def play() -> None:
        door, first, second = await with_a_repeat()
        door.writes[0].set_result(False)
        await first
        door.writes[1].set_result(True)
        [again, fine] = await second
        assert isinstance(again, CallerFault) and fine == ["y"]

    asyncio.run(play())


def test_nothing_is_held_by_what_neither_call_could_record() -> None:
    async def play() -> None:
        door, first, second = await with_a_repeat()
        door.writes[1].set_result(False)
        await asyncio.sleep(0)
        door.writes[0].set_result(False)
        replies = [*await first, *await second]
        assert all(isinstance(reply, CallerFault) for reply in replies)
        assert not door.boots and not door.gone and door.held() == (0, 0)
        third = door.begin(spec("x", "x-third"))
        await asyncio.sleep(0)
        door.writes[2].set_result(True)
        assert await third == [["x-third"]]

    asyncio.run(play())


def test_a_request_that_comes_twice_is_not_answered_before_it_is_on_disk() -> None:
    async def play() -> None:
        door = Door()
        first, second = door.begin(spec("x")), door.begin(spec("x"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not second.done() and await door.acceptance.made_before([("a", "x")]) == [[]]
        door.writes[0].set_result(True)
        assert await first == await second == [["x"]]
        assert door.gone == ["x"] and await door.acceptance.made_before([("a", "x")]) == [["x"]]

    asyncio.run(play())

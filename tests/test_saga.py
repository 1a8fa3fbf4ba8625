"""The saga runner by itself: order, failure, background steps, halting, undo."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from actors.clock import SystemClock
from actors.errors import CallerFault, Fault, HostFault
from actors.saga import Failures, NoUndo, Outcome, Phase, Saga, Step, Table


@dataclass
class Thing:
    id: str


@dataclass
class Room:
    """Does what it is told and remembers the order."""

    log: list[str] = field(default_factory=list)
    fail: dict[str, set[str]] = field(default_factory=dict)
    raise_in: str = ""
    undo_raises: dict[str, int] = field(default_factory=dict)


def step(
    name: str, *, awaited_by: str = "", wait: asyncio.Event | None = None, deadline_s: float = 5.0
) -> Step[Room, Thing]:
    async def do(room: Room, things: list[Thing]) -> Failures:
        if wait is not None:
            await wait.wait()
        room.log.append(f"{name}({','.join(thing.id for thing in things)})")
        if room.raise_in == name:
            raise ZeroDivisionError("by zero")
        return {i: HostFault(name, "h", "told to") for i in room.fail.get(name, ())}

    async def undo(room: Room, things: list[Thing]) -> None:
        if room.undo_raises.get(name, 0) > 0:
            room.undo_raises[name] -= 1
            raise OSError("not now")
        room.log.append(f"undo {name}({','.join(thing.id for thing in things)})")

    return Step(name, "", do, undo, deadline_s, awaited_by=awaited_by)


def saga(
    table: Table[Room, Thing],
    room: Room,
    phases: list[tuple[str, str, str]] | None = None,
    halted: dict[str, Fault] | None = None,
) -> Saga[Room, Thing]:
    def journal(things: Sequence[Thing], name: str, phase: Phase, at: float, note: str) -> None:
        if phases is not None:
            phases.extend((thing.id, name, phase) for thing in things)

    def stopped(things: Sequence[Thing]) -> Failures:
        return {thing.id: halted[thing.id] for thing in things if halted and thing.id in halted}

    return Saga(table, room, "h", SystemClock(), journal, stopped)


def run(table: Table[Room, Thing], room: Room, ids: str = "ab") -> Outcome[Thing]:
    return asyncio.run(saga(table, room).forward([Thing(i) for i in ids]))


def test_steps_run_in_order_over_the_whole_batch() -> None:
    room = Room()
    outcome = run([step("one"), step("two")], room)
    assert room.log == ["one(a,b)", "two(a,b)"]
    assert [thing.id for thing in outcome.done] == ["a", "b"]
    assert not outcome.failed


def test_one_that_fails_is_undone_and_the_others_go_on() -> None:
    room = Room(fail={"two": {"a"}})
    outcome = run([step("one"), step("two"), step("three")], room)
    assert [thing.id for thing in outcome.done] == ["b"]
    assert [(thing.id, fault) for thing, fault in outcome.failed] == [("a", HostFault("two", "h", "told to"))]
    assert "three(b)" in room.log
    assert [line for line in room.log if line.startswith("undo")] == ["undo two(a)", "undo one(a)"]


def test_an_unexpected_exception_is_a_host_fault_of_that_step() -> None:
    room = Room(raise_in="two")
    outcome = run([step("one"), step("two")], room)
    assert [fault for _, fault in outcome.failed] == [HostFault("two", "h", "ZeroDivisionError: by zero")] * 2
    assert room.log[-2:] == ["undo two(a,b)", "undo one(a,b)"]


def test_a_step_that_takes_too_long_fails_at_its_deadline() -> None:
    async def play() -> Outcome[Thing]:
        return await saga([step("slow", wait=asyncio.Event(), deadline_s=0.01)], Room()).forward([Thing("a")])

    [(_, fault)] = asyncio.run(play()).failed
    assert fault == HostFault("slow", "h", "not done within 0.01 s")


def test_a_background_step_is_awaited_just_before_the_one_that_needs_it() -> None:
    async def play() -> list[str]:
        gate = asyncio.Event()
        room = Room()

        async def open_gate(room: Room, things: list[Thing]) -> Failures:
            room.log.append("opens")
            gate.set()
            return {}

        table = [
            step("networks", awaited_by="drive", wait=gate),
            Step("opener", "", open_gate, NoUndo("nothing")),
            step("drive"),
        ]
        await saga(table, room).forward([Thing("a")])
        return room.log

    assert asyncio.run(play()) == ["opens", "networks(a)", "drive(a)"]


def test_a_background_failure_undoes_what_came_before_the_step_that_needs_it() -> None:
    room = Room(fail={"networks": {"a"}})
    outcome = run([step("networks", awaited_by="drive"), step("disks"), step("drive")], room)
    assert [thing.id for thing, _ in outcome.failed] == ["a"]
    assert [line for line in room.log if line.startswith("undo")] == ["undo disks(a)", "undo networks(a)"]
    assert "drive(b)" in room.log


def test_a_failure_waits_for_the_background_before_it_undoes() -> None:
    async def play() -> list[str]:
        gate = asyncio.Event()
        room = Room(fail={"disks": {"a"}})
        running = asyncio.create_task(
            saga([step("networks", awaited_by="drive", wait=gate), step("disks"), step("drive")], room).forward(
                [Thing("a")]
            )
        )
        await asyncio.sleep(0)
        gate.set()
        await running
        return room.log

    log = asyncio.run(play())
    assert log.index("networks(a)") < log.index("undo networks(a)")


def test_a_halted_item_goes_no_further_and_is_undone() -> None:
    halted: dict[str, Fault] = {}
    room = Room()
    stop = CallerFault(409, "deleted")

    async def halt(room: Room, things: list[Thing]) -> Failures:
        halted["a"] = stop
        return {}

    table = [step("one"), Step("halts", "", halt, NoUndo("nothing")), step("three")]
    outcome = asyncio.run(saga(table, room, halted=halted).forward([Thing("a"), Thing("b")]))
    assert outcome.failed[0][1] == stop
    assert room.log == ["one(a,b)", "undo one(a)", "three(b)"] or room.log == ["one(a,b)", "three(b)", "undo one(a)"]


def test_an_undo_that_fails_is_tried_again_and_the_rest_is_undone() -> None:
    room = Room(undo_raises={"two": 2})
    broken = asyncio.run(saga([step("one"), step("two")], room).backward([Thing("a")]))
    assert broken == {}
    assert room.log == ["undo two(a)", "undo one(a)"]


def test_an_undo_that_never_works_is_reported() -> None:
    phases: list[tuple[str, str, str]] = []
    room = Room(undo_raises={"two": 99})
    broken = asyncio.run(saga([step("one"), step("two")], room, phases).backward([Thing("a")]))
    assert broken == {"a": ["two: OSError: not now"]}
    assert ("a", "two", Phase.UNDO_FAILED) in phases
    assert room.log == ["undo one(a)"]


def test_the_journal_hears_begin_and_end_of_each_step() -> None:
    phases: list[tuple[str, str, str]] = []
    room = Room(fail={"two": {"a"}})
    asyncio.run(saga([step("one"), step("two")], room, phases).forward([Thing("a")]))
    assert phases == [
        ("a", "one", Phase.BEGUN),
        ("a", "one", Phase.DONE),
        ("a", "two", Phase.BEGUN),
        ("a", "two", Phase.FAILED),
        ("a", "two", Phase.UNDONE),
        ("a", "one", Phase.UNDONE),
    ]

"""The order of what other rooms write: a commit that is tried again never undoes a later one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from actors.conductor.turns import Turns
from actors.records import Change, Flavor, Project, drop

PROJECT = Project(id="p", name="p")


def flavor(name: str, ram_mib: int = 1) -> Flavor:
    return Flavor(id=name, name=name, vcpus=1, ram_mib=ram_mib, disk_gib=1)


def play(scene: Callable[[Turns], Awaitable[None]]) -> None:
    asyncio.run(_play(scene))


async def _play(scene: Callable[[Turns], Awaitable[None]]) -> None:
    await scene(Turns())


def test_what_a_later_one_has_written_is_left_out() -> None:
    async def scene(turns: Turns) -> None:
        changes: list[Change] = [flavor("a"), flavor("b"), flavor("c")]
        older, newer, gone = turns.begin(changes), turns.begin([flavor("b", 2)]), turns.begin([drop(flavor("c"))])
        turns.end(newer, True)
        turns.end(gone, True)
        await turns.later_ones(older)
        assert turns.left(older, changes) == [flavor("a")]

    play(scene)


def test_what_a_later_one_failed_to_write_is_not() -> None:
    async def scene(turns: Turns) -> None:
        older, newer = turns.begin([flavor("a")]), turns.begin([flavor("a", 2)])
        turns.end(newer, False)
        assert turns.left(older, [flavor("a")]) == [flavor("a")]

    play(scene)


def test_a_later_one_is_awaited_and_waits_for_nobody_itself() -> None:
    async def scene(turns: Turns) -> None:
        older, newer, other = turns.begin([flavor("a")]), turns.begin([flavor("a", 2)]), turns.begin([flavor("b")])
        await turns.later_ones(newer)  # what came before, and what has other rows, is not waited for
        waiting = asyncio.ensure_future(turns.later_ones(older))
        await asyncio.sleep(0)
        assert not waiting.done()
        turns.end(newer, True)
        await waiting
        turns.end(other, True)
        assert turns.left(older, [flavor("a")]) == []

    play(scene)


def test_who_reads_a_kind_waits_for_those_that_have_begun_to_write_it() -> None:
    async def scene(turns: Turns) -> None:
        mine, gone, other = turns.begin([flavor("a")]), turns.begin([drop(flavor("b"))]), turns.begin([PROJECT])
        reading, reading_other = (asyncio.ensure_future(turns.ended(kind)) for kind in ("Flavor", "Project"))
        await turns.ended("Image")
        await asyncio.sleep(0)  # they read now
        turns.end(mine, True)
        turns.begin([flavor("c")])  # one that comes later is not waited for
        await asyncio.sleep(0)
        assert not reading.done() and not reading_other.done()
        turns.end(gone, False)
        await reading
        turns.end(other, True)
        await reading_other

    play(scene)


def test_nothing_is_remembered_when_all_have_ended() -> None:
    async def scene(turns: Turns) -> None:
        older, newer = turns.begin([flavor("a")]), turns.begin([flavor("a", 2)])
        turns.end(newer, True)
        turns.end(older, True)
        again = turns.begin([flavor("a", 3)])
        assert turns.left(again, [flavor("a", 3)]) == [flavor("a", 3)]
        assert not turns._written

    play(scene)

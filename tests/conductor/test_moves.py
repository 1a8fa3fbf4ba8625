"""Records of servers' moves: what becomes of each, and that none is written apart from its server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from actors.acts import ConfirmResize, Edit, RevertResize
from actors.api.act_messages import EditServer
from actors.conductor.boots import Boot
from actors.conductor.moves import CONFIRMED, ERROR, EVACUATION, FINISHED, RESIZE, Moves
from actors.messages import ServerView
from actors.records import Flavor, Instance, InstanceAction, Move
from tests.acts.test_acts import act
from tests.acts.test_resize import flavor, resize
from tests.conductor.test_evacuation import OTHER, evacuate, lose, on_volume, show
from tests.world import NODE_NAME, World, in_world

TINY = Flavor(id="tiny", name="tiny", vcpus=1, ram_mib=128, disk_gib=1)
BIG = Flavor(id="big", name="big", vcpus=2, ram_mib=256, disk_gib=3)


def a_boot(name: str = "a") -> Boot:
    row: dict[str, Any] = dict.fromkeys(("name", "project_id", "user_id", "order", "request_id", "idempotency_key"), "")
    states = {"vm_state": "active", "task_state": "", "power_state": "RUNNING"}
    known = row | states | {"order": b"", "host": "h1", "node": "n1", "created_at": 1.0}
    return Boot(Instance(id=name, flavor=TINY, **known))


def an_action(name: str, boot: Boot, at: float = 5.0) -> InstanceAction:
    return InstanceAction(
        id=name, instance_id=boot.id, project_id="p", user_id="u", request_id="r", name="resize", started_at=at
    )


def test_numbers_go_on_and_one_is_open() -> None:
    moves, boot = Moves(), a_boot()
    moves.begin(boot, an_action("1", boot), RESIZE, BIG)
    moves.begin(boot, an_action("1", boot), RESIZE, BIG)
    moves.begin(boot, an_action("2", boot), EVACUATION)
    newest, first = moves.newest()
    assert (newest.number, newest.status, newest.kind, newest.new_flavor) == (2, "accepted", "evacuation", "tiny")
    assert (first.number, first.status, first.old_flavor, first.new_flavor) == (1, ERROR, "tiny", "big")
    assert moves.open_of(boot.id) == newest
    later = Moves()
    later.load(moves.newest())
    assert later.newest() == moves.newest() and later.open_of(boot.id) == newest


def test_what_was_finished_is_confirmed_by_its_end() -> None:
    moves, boot = Moves(), a_boot()
    moves.begin(boot, an_action("1", boot), RESIZE, BIG)
    moves.reaches(boot, FINISHED, 6.0)
    moves.end(boot.id, ERROR, 7.0)
    [move] = moves.newest()
    assert (move.status, move.target_host, move.updated_at) == (CONFIRMED, "h1", 7.0)
    moves.end(boot.id, ERROR, 8.0)
    moves.turn(boot.id, ERROR, 8.0)
    assert moves.newest() == [move]


def test_what_is_to_be_written_stays_until_just_that_is() -> None:
    moves, boot, other = Moves(), a_boot(), a_boot("b")
    moves.begin(boot, an_action("1", boot), RESIZE, BIG)
    first = moves.due([boot, other])
    moves.turn(boot.id, ERROR, 6.0)
    moves.written(first)
    [second] = moves.due([boot])
    assert (first[0].status, second.status, moves.due([other])) == ("migrating", ERROR, [])
    moves.written([second])
    assert moves.due([boot]) == []


def test_of_those_that_are_over_only_so_many_are_remembered() -> None:
    moves, boot = Moves(kept=3), a_boot()
    for number in range(5):
        moves.begin(boot, an_action(str(number), boot), RESIZE, BIG)
    assert [move.number for move in moves.newest()] == [5, 4, 3]
    moves.drop(an_action("4", boot))
    assert moves.open_of(boot.id) is None
    moves.forget([boot.id])
    assert moves.newest() == []


async def told(world: World, server: ServerView) -> list[tuple[str, str, str, str]]:
    """As on disk, oldest first; memory says the same."""
    await world.settled()
    rows = sorted(await world.ledger.load(Move), key=lambda row: row.number)
    assert rows[::-1] == await world.conductor.migrations()
    return [(row.kind, row.status, row.source_host, row.target_host) for row in rows if row.instance_id == server.id]


@pytest.mark.parametrize("end", ["confirmed", "reverted", "deleted", "reset", "refused"])
def test_a_resize_is_recorded(tmp_path: Path, end: str) -> None:
    async def play(world: World) -> None:
        await flavor(world, "big", 2, 256, 3)
        await flavor(world, "huge", 10**6, 256, 3)
        [server] = await world.boot(world.request())
        await resize(world, server, "huge" if end == "refused" else "big")
        here = server.host
        if end == "refused":
            assert await told(world, server) == [("resize", "error", here, "")]
            return
        assert await told(world, server) == [("resize", "finished", here, here)]
        match end:
            case "confirmed":
                await act(world, server, ConfirmResize())
            case "reverted":
                await act(world, server, RevertResize())
            case "deleted":
                await world.delete(server)
            case "reset":
                edit = Edit(instance_id=server.id, vm_state="active")
                await world.api.edit(EditServer(token=world.admin, server_id=server.id, edit=edit))
        status = "reverted" if end == "reverted" else "confirmed"
        assert await told(world, server) == [("resize", status, here, here)]

    in_world(tmp_path, play)


@pytest.mark.parametrize("joined", [True, False], ids=["somewhere", "nowhere"])
def test_an_evacuation_is_recorded(tmp_path: Path, joined: bool) -> None:
    async def play(world: World) -> None:
        server = await on_volume(world)
        if joined:
            await world.join(OTHER)
        await lose(world)
        await evacuate(world)
        await show(world, server)
        expected = ("done", OTHER) if joined else ("error", "")
        assert await told(world, server) == [("evacuation", expected[0], NODE_NAME, expected[1])]

    in_world(tmp_path, play)


def test_each_commit_has_the_record_that_its_server_s_row_means(tmp_path: Path) -> None:
    """Whatever a conductor dies after."""
    seen: list[tuple[str, str]] = []
    means = {"resize_prep": "migrating", "resize_migrating": "migrating", "": "confirmed"}

    async def play(world: World) -> None:
        await flavor(world, "big", 2, 256, 3)
        [server] = await world.boot(world.request())
        commit = world.ledger.commit

        async def watched(changes: list[Any]) -> None:
            await commit(changes)
            [row] = [one for one in await world.ledger.load(Instance) if one.id == server.id]
            moves = [one.status for one in await world.ledger.load(Move)]
            if row.vm_state == "resized":
                expected = {"": "finished", "resize_confirming": "confirming"}[row.task_state]
            else:
                expected = means[row.task_state]
            assert moves == [expected]
            seen.append((row.task_state, expected))

        world.ledger.commit = watched  # type: ignore[method-assign]
        await resize(world, server, "big")
        await act(world, server, ConfirmResize())
        await world.settled()
        world.ledger.commit = commit  # type: ignore[method-assign]

    in_world(tmp_path, play)
    assert {"migrating", "finished", "confirming", "confirmed"} == {status for _, status in seen}

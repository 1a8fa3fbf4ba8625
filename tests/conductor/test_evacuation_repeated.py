"""An evacuation that is asked twice, by a client or because its message is executed again: a server goes once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from actors.api.messages import EvacuateServer
from actors.errors import CallerError, value_of
from actors.messages import EvacuateRequest, ServerView
from actors.records import InstanceAction
from tests.conductor.test_boots import HeldLedger
from tests.conductor.test_evacuation import LIMIT_S, OTHER, Slow, lose, on_volume, show
from tests.world import World, in_world

BEGUN = "instance.evacuate"


def request(world: World, server: ServerView) -> EvacuateRequest:
    return EvacuateRequest(id="once", token=world.admin, instance_id=server.id, user_id="root", request_id="req-1")


async def evacuations(world: World, server: ServerView) -> list[InstanceAction]:
    actions = value_of(await world.conductor.actions(server.id))
    return [action for action in actions if action.name == "evacuate"]


async def times_begun(world: World) -> int:
    return sum(one.event_type == BEGUN for one in await world.conductor.notifications(0, 100, 0))


def test_the_same_message_evacuates_once_whenever_it_is_executed_again(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server = await on_volume(world)
        await world.join(OTHER)
        await lose(world)
        asked = request(world, server)
        both = await asyncio.gather(world.conductor.evacuate([asked]), world.conductor.evacuate([asked]))
        assert both == [[None], [None]]
        moved = await show(world, server)
        assert (moved.status, moved.node) == ("ACTIVE", OTHER)
        assert await world.conductor.evacuate([asked]) == [None]
        assert await times_begun(world) == 1
        [action] = await evacuations(world, server)
        assert (action.id, action.user_id, action.request_id, action.message) == ("once", "root", "req-1", "")
        assert [(part.event, part.result, part.host) for part in action.events] == [
            ("compute_rebuild_instance", "Success", moved.host)
        ]

    in_world(tmp_path, play)


@pytest.mark.parametrize("restarts", [False, True])
def test_one_that_failed_does_not_begin_again_when_its_message_does(tmp_path: Path, restarts: bool) -> None:
    async def play(world: World) -> None:
        server = await on_volume(world)
        await lose(world)
        asked = request(world, server)
        assert await world.conductor.evacuate([asked]) == [None]
        await world.settled()
        now = world
        if restarts:
            await world.agent.stop(True)
            now = await World(tmp_path, ledger=world.ledger, seed=2).start()
            now.conductor.resume()
            await now.conductor.node_left(server.node)
        assert await now.conductor.evacuate([asked]) == [None]
        assert (await show(now, server)).status == "ERROR"
        [action] = await evacuations(now, server)
        assert action.message == "Error" and "No valid host" in action.events[0].traceback
        assert await now.conductor.evacuate([replace(asked, id="anew")]) == [None]  # asked again, it goes again
        await now.settled()
        assert [one.id for one in await evacuations(now, server)] == ["once", "anew"]
        if restarts:
            await now.close()

    in_world(tmp_path, play)


def test_asked_again_while_it_is_under_way_it_is_refused_as_in_nova(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server = await on_volume(world)
        await world.join(OTHER)
        await lose(world)
        slow = world.conductor.volume = Slow(world.volumes, held=1)
        again = EvacuateServer(token=world.admin, server_id=server.id)
        first = asyncio.create_task(world.api.evacuate(again))
        async with asyncio.timeout(LIMIT_S):
            await slow.asked.wait()
        try:
            [shown] = await world.conductor.show([server.id])
            assert isinstance(shown, ServerView) and (shown.status, shown.task_state) == ("REBUILD", "rebuilding")
            with pytest.raises(CallerError, match="while it is in task_state rebuilding") as refused:
                await world.api.evacuate(again)
            assert refused.value.fault.status == 409
        finally:
            slow.go.set()
        await first
        assert (await show(world, server)).task_state is None
        assert await times_begun(world) == 1

    in_world(tmp_path, play)


def test_who_asks_again_is_not_answered_before_the_first_is_on_disk(tmp_path: Path) -> None:
    ledger = HeldLedger(BEGUN)

    async def play(world: World) -> None:
        server = await on_volume(world)
        await lose(world)
        asked = request(world, server)
        executions = [asyncio.create_task(world.conductor.evacuate([asked])) for _ in range(2)]
        async with asyncio.timeout(LIMIT_S):
            await ledger.reached.wait()
        for _ in range(100):  # turns of the loop in which nothing may come of it
            await asyncio.sleep(0)
        assert not any(execution.done() for execution in executions)
        ledger.let_go.set()
        assert await asyncio.gather(*executions) == [[None], [None]]

    in_world(tmp_path, play, ledger=ledger)

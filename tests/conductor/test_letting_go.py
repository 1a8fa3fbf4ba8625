"""A server that could not go elsewhere, and a room that was away when it was to be let go of: it is told again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from actors.acts import Reboot, Stop
from actors.api.act_messages import ActOnServer
from actors.api.messages import EvacuateServer
from actors.conductor.letting_go import LettingGo
from actors.errors import CallerError, HostError, HostFault
from actors.messages import ServerView
from tests.conductor.test_evacuation import OTHER, evacuate, lose, on_volume, show
from tests.world import World, in_world

AWAY = [
    pytest.param(ConnectionError("the volume room did not answer"), id="the room is away"),
    pytest.param(HostError(HostFault("detach", "node-1", "it is held")), id="an export can't be ended"),
]


class Away:
    """The volume room, which lets go of nothing until it is back."""

    def __init__(self, room: Any, error: Exception) -> None:
        self._room, self._error = room, error
        self.back = False
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._room, name)

    async def detach(self, requests: list[Any]) -> Any:
        self.asked += 1
        if not self.back:
            raise self._error
        return await self._room.detach(requests)


async def tended(world: World) -> None:
    await world.conductor.tend()
    await world.settled()


async def lost_while_volumes_are_away(world: World) -> tuple[ServerView, Away]:
    """A server on a volume whose node is gone, and that was evacuated to nowhere."""
    server = await on_volume(world)
    await lose(world)
    away = world.conductor.volume = Away(world.volumes, ConnectionError("away"))
    assert await evacuate(world) == {"kept": ""}
    await world.settled()
    return server, away


@pytest.mark.parametrize("error", AWAY)
def test_what_a_room_could_not_hear_it_hears_when_it_is_back(tmp_path: Path, error: Exception) -> None:
    async def play(world: World) -> None:
        server = await on_volume(world)
        [volume] = [each.source_id for each in server.volumes]
        await lose(world)
        away = world.conductor.volume = Away(world.volumes, error)
        assert await evacuate(world) == {"kept": ""}
        await world.settled()
        assert (await show(world, server)).status == "ERROR"
        assert await world.volume_status(volume) == "in-use"
        asked = away.asked
        await tended(world)
        assert away.asked == asked + 1 and await world.volume_status(volume) == "in-use"
        away.back = True
        await tended(world)
        assert await world.volume_status(volume) == "available"
        await tended(world)
        assert away.asked == asked + 2  # and no more

    in_world(tmp_path, play)


def test_its_old_host_does_nothing_to_it_when_that_is_back(tmp_path: Path) -> None:
    """It may have the guest still, cut off from volumes that are anybody's by now."""

    async def play(world: World) -> None:
        server = await on_volume(world)
        await lose(world)
        assert await evacuate(world) == {"kept": ""}
        await world.settled()
        await world.compute.start()
        for act in (Reboot(hard=True), Stop(wait_s=0.0)):
            with pytest.raises(CallerError, match="has no host") as refused:
                await world.api.act(ActOnServer(token=world.member, server_id=server.id, act=act))
            assert refused.value.fault.status == 409
        assert (await show(world, server)).status == "ERROR"
        await world.delete(server)

    in_world(tmp_path, play)


def test_one_that_has_gone_elsewhere_meanwhile_keeps_what_it_has_there(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, away = await lost_while_volumes_are_away(world)
        await world.join(OTHER)
        await world.api.evacuate(EvacuateServer(token=world.admin, server_id=server.id))
        assert (await show(world, server)).node == OTHER
        away.back = True
        asked = away.asked
        await tended(world)
        assert away.asked == asked
        assert await world.volume_status(server.volumes[0].source_id) == "in-use"

    in_world(tmp_path, play)


def test_one_that_is_deleted_meanwhile_is_asked_for_no_more(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, away = await lost_while_volumes_are_away(world)
        away.back = True
        await world.delete(await show(world, server))
        asked = away.asked
        await tended(world)
        assert away.asked == asked and await world.held_by(server.id) == []

    in_world(tmp_path, play)


def test_it_ends_after_so_many_tries(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server = await on_volume(world)
        await lose(world)
        assert await evacuate(world) == {"kept": ""}
        await world.settled()
        boot = world.conductor.boot(server.id)
        assert boot is not None and boot.homeless
        away = world.conductor.volume = Away(world.volumes, ConnectionError("away"))
        letting_go = LettingGo(world.conductor, limit=3)
        await letting_go.now([boot])
        for _ in range(10):
            await letting_go.again()
        assert away.asked == 3 and not boot.undoing

    in_world(tmp_path, play)

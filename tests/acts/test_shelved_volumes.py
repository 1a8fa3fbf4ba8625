"""Volumes that come to a server, mostly a shelved one, or go, while an answer is lost or the server is deleted."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from actors.api.act_messages import AttachVolumeTo
from actors.api.messages import ServersRequest
from actors.conductor.boots import Boot
from actors.errors import CallerFault
from actors.messages import BlockDevice, DetachRequest, ServerView
from tests.acts.test_acts import shown
from tests.acts.test_shelve import shelve, unshelve
from tests.world import World, in_world


async def attach(world: World, server: ServerView, volume_id: str) -> None:
    await world.api.attach_volume(AttachVolumeTo(token=world.member, server_id=server.id, volume_id=volume_id))


def lose_one_answer(world: World, question: str, heard: bool) -> None:
    """Of the volume room, which has done what it was asked to, if it heard of it."""
    asked = getattr(world.volumes, question)

    async def lost(requests: list[Any]) -> Any:
        setattr(world.volumes, question, asked)
        if heard:
            await asked(requests)
        raise ConnectionError("the answer was lost")

    setattr(world.volumes, question, lost)


@pytest.mark.parametrize("heard", [True, False])
def test_a_volume_whose_attachment_was_not_answered_is_asked_for_again(tmp_path: Path, heard: bool) -> None:
    async def play(world: World) -> None:
        late = await world.volume()
        [server] = await world.boot(world.request())
        await shelve(world, server)
        lose_one_answer(world, "attach", heard)
        await attach(world, server, late)
        await world.settled()
        await world.conductor.tend()
        await world.settled()
        back = await unshelve(world, server)
        assert [device.source_id for device in back.volumes] == [late]
        assert (back.status, await world.volume_status(late)) == ("ACTIVE", "in-use")

    in_world(tmp_path, play)


@pytest.mark.parametrize("heard", [True, False])
def test_a_volume_whose_detachment_was_not_answered_goes_in_the_end(tmp_path: Path, heard: bool) -> None:
    async def play(world: World) -> None:
        own = BlockDevice(source_type="volume", destination_type="volume", source_id=await world.volume())
        [server] = await world.boot(world.request(block_devices=(own,)))
        await shelve(world, server)
        lose_one_answer(world, "detach", heard)
        await world.api.detach_volume(world.member, server.id, own.source_id)
        await world.settled()
        await world.conductor.tend()
        await world.settled()
        assert (await shown(world, server)).volumes == ()
        assert await world.volume_status(own.source_id) == "available"
        assert (await unshelve(world, server)).status == "ACTIVE"

    in_world(tmp_path, play)


def test_deleted_while_a_volume_comes_it_gives_it_back(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        late = await world.volume()
        [server] = await world.boot(world.request())
        await shelve(world, server)
        asked, coming, gate = world.volumes.attach, asyncio.Event(), asyncio.Event()
        detach, over = world.volumes.detach, world.conductor._acts.reserving.over

        async def slow(requests: list[Any]) -> Any:
            coming.set()
            await gate.wait()
            return await asked(requests)

        async def given_back(requests: list[DetachRequest]) -> None:
            await detach(requests)
            gate.set()

        async def waits(boots: list[Boot]) -> list[Boot]:
            gate.set()
            return await over(boots)

        world.volumes.attach = slow  # type: ignore[method-assign]
        world.volumes.detach = given_back  # type: ignore[method-assign]
        world.conductor._acts.reserving.over = waits  # type: ignore[method-assign]
        await attach(world, server, late)
        await coming.wait()
        await world.api.delete(ServersRequest(token=world.member, server_ids=(server.id,)))
        await world.settled()
        assert world.conductor.boot(server.id) is None
        assert (await world.volume_status(late), await world.held_by(server.id)) == ("available", [])

    in_world(tmp_path, play)


def test_one_that_is_being_deleted_gets_no_volume_that_was_not_answered_for(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        late = await world.volume()
        [server] = await world.boot(world.request())
        await shelve(world, server)
        lose_one_answer(world, "attach", heard=False)
        await attach(world, server, late)
        await world.settled()
        boot = world.conductor.boot(server.id)
        assert boot is not None
        boot.change(deleting=True)
        await world.conductor.tend()
        await world.settled()
        assert await world.volume_status(late) == "available"

    in_world(tmp_path, play)


@pytest.mark.parametrize("shelved", [True, False])
def test_a_volume_room_that_does_not_answer_keeps_a_deletion_no_longer_than_the_limit(
    tmp_path: Path, shelved: bool
) -> None:
    async def play(world: World) -> None:
        late = await world.volume()
        [server] = await world.boot(world.request())
        [other] = await world.boot(world.request())
        if shelved:
            await shelve(world, server)
        asked, coming, gate = world.volumes.attach, asyncio.Event(), asyncio.Event()

        async def hangs(requests: list[Any]) -> Any:
            coming.set()
            await gate.wait()
            return await asked(requests)

        world.volumes.attach = hangs  # type: ignore[method-assign]
        world.conductor._acts.reserving.answer_s = world.compute._acts.halt_s = 0.01
        await attach(world, server, late)
        await coming.wait()
        boot = world.conductor.boot(server.id)
        assert boot is not None
        try:
            await world.api.delete(ServersRequest(token=world.member, server_ids=(server.id, other.id)))
            async with asyncio.timeout(20.0):
                for begun in (False, True):
                    while boot.undoing is begun:  # noqa: ASYNC110 - nobody tells that a try begins, or is over
                        await asyncio.sleep(0)
                await world.conductor.tend()
                [answer] = await world.api.show(ServersRequest(token=world.member, server_ids=(other.id,), wait_s=20.0))
            assert isinstance(answer, CallerFault) and answer.status == 404
            assert boot.instance.deleting
        finally:
            gate.set()
        await world.settled()
        await world.conductor.tend()
        await world.settled()
        assert world.conductor.boot(server.id) is None
        assert (await world.volume_status(late), await world.held_by(server.id)) == ("available", [])

    in_world(tmp_path, play)

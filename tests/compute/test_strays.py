"""What belongs to no server is found at the second look and removed; whatever belongs to one is left alone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from actors.compute.build import Build
from actors.messages import BlockDevice, BuildOrder, DetachRequest, ServerView
from tests.acts.test_shelve import ask_back, shelve
from tests.compute.guests import order
from tests.world import NODE_NAME, World, in_world

STRANGER = "5f2b0f62-7f0c-4f43-9d4e-1d2c3b4a5f60"
TURNS = 100  # of the event loop: a build that does not wait has its claim by then


async def forgotten(world: World) -> ServerView:
    """A server of which the conductor lost everything, as a restore of an older backup does it."""
    [server] = await world.boot(world.request("lost"))
    await world.settled()
    del world.conductor._boots[server.id]
    return server


async def leave_guest(world: World, instance_id: str) -> None:
    build = Build(order(instance_id, NODE_NAME))
    await world.hypervisor.make_root_disks([build])
    await world.hypervisor.start_paused([build])


def test_a_stray_is_removed_when_it_was_seen_twice(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [kept] = await world.boot(world.request("kept"))
        before = await world.state()
        await leave_guest(world, STRANGER)
        assert await world.compute.strays.sweep() == []
        assert STRANGER in await world.hypervisor.instances()
        assert await world.compute.strays.sweep() == [STRANGER]
        assert await world.state() == before
        assert kept.id in await world.hypervisor.instances()

    in_world(tmp_path, play)


def test_what_a_lost_server_held_elsewhere_is_given_back(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        before = await world.state()
        server = await forgotten(world)
        await world.scheduler.release([server.id])
        assert (await world.state())["network"] != before["network"]
        await world.compute.strays.sweep()
        assert await world.compute.strays.sweep() == [server.id]
        after = await world.state()
        assert (after["compute"], after["volume"]) == (before["compute"], before["volume"])
        assert not [line for line in after["network"]["ports"] if server.id in line]

    in_world(tmp_path, play)


def test_where_the_policy_is_to_report_it_stays(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        world.node.strays = "report"
        await leave_guest(world, STRANGER)
        await world.compute.strays.sweep()
        assert await world.compute.strays.sweep() == [STRANGER]
        assert STRANGER in await world.hypervisor.instances()

    in_world(tmp_path, play)


def test_one_that_turns_out_to_belong_here_is_left_alone(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request("web"))
        boot = world.conductor._boots.pop(server.id)  # strange for a moment
        await world.compute.strays.sweep()
        world.conductor._boots[server.id] = boot
        assert await world.compute.strays.sweep() == []
        assert await world.compute.strays.sweep() == []
        assert server.id in await world.hypervisor.instances()

    in_world(tmp_path, play)


async def shelved_with_a_rest(world: World) -> tuple[ServerView, str]:
    """A shelved server with a volume that its boot made, of which this node has something still; seen once."""
    made = BlockDevice(source_type="blank", destination_type="volume", size_gib=1)
    [server] = await world.boot(world.request(block_devices=(made,)))
    await shelve(world, server)
    world.hypervisor._things["define"].add(server.id)
    world.compute.config = msgspec.structs.replace(world.compute.config, strays="remove")
    assert await world.compute.strays.sweep() == []
    return server, server.volumes[0].source_id


async def check_runs(world: World, server: ServerView, volume_id: str) -> None:
    view = await world.conductor.wait([server.id], 20.0)
    await world.settled()
    assert [one.status for one in view if isinstance(one, ServerView)] == ["ACTIVE"]
    assert server.id in await world.hypervisor.instances()
    assert await world.volume_status(volume_id) == "in-use"


@pytest.mark.parametrize("question", ["show", "strangers"])
def test_built_here_while_the_answer_is_on_its_way_it_stays(tmp_path: Path, question: str) -> None:
    async def play(world: World) -> None:
        server, volume_id = await shelved_with_a_rest(world)
        asked = getattr(world.conductor, question)

        async def late(*said: list[str]) -> list[object]:
            setattr(world.conductor, question, asked)
            answer: list[object] = await asked(*said)
            await ask_back(world, server)
            await world.conductor.wait([server.id], 20.0)
            return answer

        setattr(world.conductor, question, late)
        await world.compute.strays.sweep()
        await check_runs(world, server, volume_id)

    in_world(tmp_path, play)


def test_a_build_of_what_is_being_removed_waits(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, volume_id = await shelved_with_a_rest(world)
        detach, gate, removing = world.volumes.detach, asyncio.Event(), asyncio.Event()

        async def held(requests: list[DetachRequest]) -> None:
            removing.set()
            await gate.wait()
            await detach(requests)

        world.volumes.detach = held  # type: ignore[method-assign]
        sweep = asyncio.create_task(world.compute.strays.sweep())
        await removing.wait()
        world.volumes.detach = detach  # type: ignore[method-assign]
        build, ordered = world.compute.build, asyncio.Event()

        async def told(orders: list[BuildOrder]) -> None:
            await build(orders)
            ordered.set()

        world.compute.build = told  # type: ignore[method-assign]
        await ask_back(world, server)
        await ordered.wait()
        for _ in range(TURNS):
            await asyncio.sleep(0)
        assert server.id not in {claim.instance_id for claim in world.compute.hosts.claims()}
        gate.set()
        assert await sweep == [server.id]
        await check_runs(world, server, volume_id)

    in_world(tmp_path, play)


def test_volumes_of_a_server_that_exists_are_never_deleted(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(
            world.request(block_devices=(BlockDevice(source_type="blank", destination_type="volume", size_gib=1),))
        )
        boot = world.conductor.boot(server.id)
        assert boot is not None
        boot.change(node="elsewhere")  # what it has on this node's hosts is attached there still
        await world.compute.strays.sweep()
        assert await world.compute.strays.sweep() == [server.id]
        assert await world.volume_status(server.volumes[0].source_id) == "in-use"

    in_world(tmp_path, play)

"""What belongs to no server is found at the second look and removed; whatever belongs to one is left alone."""

from __future__ import annotations

from pathlib import Path

from actors.compute.build import Build
from actors.messages import ServerView
from tests.compute.guests import order
from tests.world import NODE_NAME, World, in_world

STRANGER = "5f2b0f62-7f0c-4f43-9d4e-1d2c3b4a5f60"


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

"""What an earlier life of a compute actor left: a later one that fails sooner undoes that too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec

from actors.boot import NODE
from actors.clock import SystemClock
from actors.compute.build import Build
from actors.compute.service import Compute, Rooms
from actors.errors import HostFault
from actors.saga import Failures
from tests.world import NODE_NAME, World, in_world


async def fails(node: Compute, builds: list[Build]) -> Failures:
    return {build.id: HostFault("config_drive", NODE_NAME, "no room") for build in builds}


def test_a_guest_that_runs_since_an_earlier_life_is_stopped_where_the_build_fails_now(tmp_path: Path) -> None:
    """Else its boot, which goes to another host, would run on two."""

    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        assert server.id in await world.hypervisor.instances()
        table = tuple(replace(step, do=fails) if step.name == "config_drive" else step for step in NODE)
        rooms = Rooms(world.conductor, world.scheduler, world.images, world.network, world.volumes)
        second = Compute(world.node, world.hypervisor, rooms, SystemClock(), table)
        await second.start()
        boot = world.conductor._boots[server.id]
        await second.build([boot.build_order(second.epoch)])
        await second.settled()
        assert server.id not in await world.hypervisor.instances()

    in_world(tmp_path, play)


def test_an_attempt_that_was_taken_back_and_is_ordered_again_ends(tmp_path: Path) -> None:
    """By a conductor that died before it wrote that the attempt is over: without an end it would wait for ever."""

    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        boot = world.conductor._boots[server.id]
        order = boot.build_order(world.compute.epoch)
        [fault] = await world.compute.destroy(
            [msgspec.structs.replace(boot.destroy_order(order.epoch), deleting=False)]
        )
        assert fault is None
        boot.change(vm_state="building", task_state="scheduling", power_state="NOSTATE")  # as it is on disk
        await world.compute.build([order])
        await world.settled()
        assert (boot.status, boot.instance.attempt) == ("ACTIVE", 1)

    in_world(tmp_path, play)

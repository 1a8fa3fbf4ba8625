"""What an earlier life of a compute actor left: a later one that fails sooner undoes that too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

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

"""The simulated hypervisor: what it forgets, and when."""

from __future__ import annotations

from pathlib import Path
from random import Random

from actors.compute import steps
from actors.compute.build import Build
from actors.compute.simulated import SimulatedHypervisor
from tests.world import World, in_world


def test_a_tap_of_an_earlier_life_that_is_wired_is_not_waited_for(tmp_path: Path) -> None:
    """Its agent has told so already, and will not again: each such boot once waited for its whole deadline."""

    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        build = Build(world.conductor._boots[server.id].build_order(1))
        world.compute.hypervisor = SimulatedHypervisor(world.node, world.taps, Random(1))
        for step in (steps.allocate_networks, steps.expect_plugged, steps.plug_vifs, steps.await_plugged):
            assert await step(world.compute, [build]) == {}
        assert build.kept_ports == tuple(vif.port_id for vif in build.vifs)

    in_world(tmp_path, play)


def test_a_tap_that_is_made_anew_is_not_the_one_of_an_earlier_life(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        build = Build(world.conductor._boots[server.id].build_order(1))
        world.compute.hypervisor = SimulatedHypervisor(world.node, world.taps, Random(1))
        await steps.allocate_networks(world.compute, [build])
        await world.compute.hypervisor.unplug([build])
        await world.compute.hypervisor.plug([build])
        assert build.kept_ports == ()

    in_world(tmp_path, play)


def test_taps_of_an_earlier_life_go_with_their_server(tmp_path: Path) -> None:
    """As a kernel's would: the agent that has them may live on where the compute actor was killed."""

    async def play(world: World) -> None:
        before = await world.dataplane.world()
        [server] = await world.boot(world.request())
        world.compute.hypervisor = SimulatedHypervisor(world.node, world.taps, Random(1))
        await world.delete(server)
        await world.settled()
        assert await world.dataplane.world() == before

    in_world(tmp_path, play)

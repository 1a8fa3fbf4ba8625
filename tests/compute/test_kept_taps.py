"""A build that is run again finds its taps wired already: then no event comes, and it must not wait for one."""

from __future__ import annotations

from pathlib import Path

from actors.boot import NODE
from actors.compute import steps
from actors.compute.build import Build
from actors.errors import HostFault
from actors.saga import Failures
from tests.world import NODE_NAME, World, in_world


async def again(world: World, build: Build) -> Failures:
    """The steps of a second run, on a host whose taps outlived the first."""
    await steps.allocate_networks(world.compute, [build])
    await steps.expect_plugged(world.compute, [build])
    await steps.plug_vifs(world.compute, [build])
    return await steps.await_plugged(world.compute, [build])


async def running(world: World) -> Build:
    [server] = await world.boot(world.request("web"))
    return Build(world.conductor._boots[server.id].build_order(1))


def test_a_tap_that_is_wired_already_is_not_waited_for(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        assert await again(world, await running(world)) == {}

    in_world(tmp_path, play)


class Away:
    """An agent that does not answer."""

    async def networks_changed(self, network_ids: list[str], news: object = None) -> None:
        raise ConnectionError("away")

    async def wired(self) -> list[str]:
        raise ConnectionError("away")


def test_a_kept_tap_that_is_not_wired_yet_is(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        build = await running(world)
        world.node.vif_plugging_timeout_s = 0.01
        await world.network.ports_down([vif.port_id for vif in world.conductor._boots[build.id].instance.addresses])
        world._agents[NODE_NAME].room = Away()
        failures = await again(world, build)
        assert isinstance(failures[build.id], HostFault)
        world._agents[NODE_NAME].room = world.agent

    in_world(tmp_path, play)


def test_a_kept_tap_of_which_only_the_agent_knows_that_it_is_wired_is_not_waited_for(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        build = await running(world)
        await world.network.ports_down([vif.port_id for vif in world.conductor._boots[build.id].instance.addresses])
        assert await again(world, build) == {}

    in_world(tmp_path, play)


def test_the_page_still_plugs_before_it_waits() -> None:
    names = [step.name for step in NODE]
    assert names.index("expect_plugged") < names.index("plug_vifs") < names.index("await_plugged")

"""The simulated hypervisor: what it forgets, and when."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.compute.build import Build
from tests.world import World, in_world


class Deaf:
    """An agent that is away."""

    async def devices_gone(self, devices: list[str]) -> None:
        raise ConnectionError("the agent is away")


def test_taps_that_the_agent_has_not_heard_of_are_told_again(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        before = await world.dataplane.world()
        [server] = await world.boot(world.request())
        build = Build(world.conductor._boots[server.id].build_order(1))
        world.hypervisor._agent = Deaf()  # type: ignore[assignment]
        with pytest.raises(ConnectionError):
            await world.hypervisor.unplug([build])
        world.hypervisor._agent = world.agent
        await world.delete(server)
        assert await world.dataplane.world() == before

    in_world(tmp_path, play)

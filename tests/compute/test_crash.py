"""A compute actor whose own work crashes ends, so that another takes up what it had in hand."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import msgspec

from actors.compute.build import Build
from tests.world import World, in_world


def test_a_build_that_crashes_ends_its_actor(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        boot = world.conductor._boots[server.id]

        def crash(build: Build) -> NoReturn:
            raise RuntimeError("as nothing of ours should")

        world.compute._saga.halted = crash
        order = msgspec.structs.replace(boot.build_order(world.compute.epoch), attempt=1)
        await world.compute.build([order])
        await world.compute.settled()
        assert world.compute.standing.over.is_set()

    in_world(tmp_path, play)

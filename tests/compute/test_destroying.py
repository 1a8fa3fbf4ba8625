"""Destructions of one guest are done one after the other, and what is built of it next waits for all of them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from actors.messages import DeallocateRequest
from actors.states import Power
from tests.world import World, in_world


def test_a_destruction_that_nobody_waits_for_takes_nothing_from_what_is_built_next(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        boot = world.conductor.boot(server.id)
        assert boot is not None
        epoch, gives_back, may_go, asked = world.compute.epoch, world.network.deallocate, asyncio.Event(), list[Any]()

        async def deallocate(requests: list[DeallocateRequest]) -> None:
            asked.append(requests)
            if len(asked) == 1:
                await may_go.wait()
            await gives_back(requests)

        world.network.deallocate = deallocate  # type: ignore[method-assign]
        order = boot.destroy_order(epoch)
        first, second = (asyncio.create_task(world.compute.destroy([order])) for _ in range(2))
        for _ in range(100):
            await asyncio.sleep(0)
        await world.compute.build([replace(boot.build_order(epoch), attempt=1)])
        for _ in range(100):
            await asyncio.sleep(0)
        may_go.set()
        assert await asyncio.gather(first, second) == [[None], [None]]
        await world.compute.settled()
        assert world.compute.hosts.claim_of(server.host, server.id) is not None
        assert await world.hypervisor.guests.power(server.id) is Power.RUNNING
        assert world.compute._destructions == {}
        await world.compute.destroy([replace(order, attempt=1)])

    in_world(tmp_path, play)

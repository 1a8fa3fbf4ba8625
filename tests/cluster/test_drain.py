"""A drained node gets no new machines, durably, and keeps what it has."""

from __future__ import annotations

import asyncio
from pathlib import Path

from actors.api.messages import SetNode
from actors.errors import CallerFault
from actors.messages import Hello
from tests.world import NODE_NAME, World


def test_a_drained_node_takes_nothing_until_it_is_enabled(tmp_path: Path) -> None:
    async def run() -> None:
        world = await (await World(tmp_path, hosts=2).start()).furnish()
        [kept] = await world.boot(world.request())
        assert await world.api.set_node(SetNode(token=world.admin, node=NODE_NAME, enabled=False)) is None
        [refused] = await world.boot(world.request(name="refused"))
        assert (kept.status, refused.status) == ("ACTIVE", "ERROR")
        assert refused.fault is not None and "ComputeFilter removed 2" in refused.fault.message
        welcome = await world.conductor.hello(Hello(node=NODE_NAME, hosts=("a",)))
        assert not welcome.enabled  # also after its compute actor began anew
        await world.api.set_node(SetNode(token=world.admin, node=NODE_NAME, enabled=True))
        await world.close()

    asyncio.run(run())


def test_only_an_administrator_drains_and_only_a_node_that_is_there(tmp_path: Path) -> None:
    async def run() -> None:
        world = await World(tmp_path).start()
        for token, node, status in ((world.member, NODE_NAME, 403), (world.admin, "nowhere", 404)):
            fault = await world.api.set_node(SetNode(token=token, node=node, enabled=False))
            assert isinstance(fault, CallerFault) and fault.status == status
        await world.close()

    asyncio.run(run())

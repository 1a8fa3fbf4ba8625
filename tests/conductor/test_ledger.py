"""The conductor as the other rooms' ledger: a room that starts finds what its last life had begun to write."""

from __future__ import annotations

import asyncio
from pathlib import Path

from actors.ledger import MemoryLedger
from actors.records import Change, Port
from tests.world import World, in_world

LIMIT_S = 10.0  # for what takes milliseconds


class SlowForPorts(MemoryLedger):
    """A database that takes its time for ports."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.let_go = asyncio.Event(), asyncio.Event()

    async def commit(self, changes: list[Change]) -> None:
        if any(isinstance(row, Port) for row in changes):
            self.reached.set()
            await self.let_go.wait()
        await super().commit(changes)


def test_rows_that_are_being_written_are_not_missed_by_the_room_that_starts(tmp_path: Path) -> None:
    ledger = SlowForPorts()

    async def play(world: World) -> None:
        port = Port(id="p", network_id=world.net.id, mac_address="fa:16:3e:00:00:01", project_id="demo")
        writing = asyncio.create_task(world.conductor.commit([port]))  # the network room dies now
        async with asyncio.timeout(LIMIT_S):
            await ledger.reached.wait()
        reading = asyncio.create_task(world.conductor.load(Port))  # and the next one starts
        for _ in range(100):  # turns of the loop in which nothing may come of it
            await asyncio.sleep(0)
        assert not reading.done()
        ledger.let_go.set()
        await writing
        assert "p" in [row.id for row in await reading]

    in_world(tmp_path, play, ledger=ledger)

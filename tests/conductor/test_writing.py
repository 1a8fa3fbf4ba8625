"""What is written again, since the database was away, is what is true by then."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from actors.clock import SystemClock
from actors.conductor.instance_actions import InstanceActions
from actors.conductor.moves import Moves
from actors.conductor.notifications import Notifications
from actors.conductor.writing import Writing
from actors.ledger import MemoryLedger
from actors.records import Change, InstanceAction

BEGUN = InstanceAction(
    id="an-act",
    instance_id="a-server",
    project_id="demo",
    user_id="ann",
    request_id="req-1",
    name="attach_volume",
    started_at=1.0,
    updated_at=1.0,
)


def test_an_action_that_ended_meanwhile_is_not_begun_again() -> None:
    actions = InstanceActions()
    actions.put(BEGUN)

    class Away(MemoryLedger):
        tries = 0

        async def commit(self, changes: list[Change]) -> None:
            self.tries += 1
            if self.tries == 1:
                actions.put(replace(BEGUN, finished_at=2.0))
                raise ConnectionError("the database is locked")
            await super().commit(changes)

    ledger = Away()
    writing = Writing(ledger, Notifications(), Moves(), actions, SystemClock(), lambda instance_id: None)
    asyncio.run(writing.write([], "", [BEGUN]))
    assert ledger.tries == 2
    assert [row.finished_at for row in asyncio.run(ledger.load(InstanceAction))] == [2.0]

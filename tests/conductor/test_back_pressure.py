"""A full queue refuses at the door: what is accepted ends, what is refused leaves nothing and may come again."""

from __future__ import annotations

import asyncio
from pathlib import Path

from actors.api.messages import ServersRequest
from actors.errors import CallerFault
from tests.world import World, in_world

LIMIT = 100
ASKED = 350


def test_over_the_limit_boots_are_told_to_come_again_and_accepted_ones_end(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        requests = [world.request(f"vm-{n}", idempotency_key=f"key-{n}") for n in range(ASKED)]
        replies = await world.api.boot(requests)
        refused = [reply for reply in replies if isinstance(reply, CallerFault)]
        assert len(refused) == ASKED - LIMIT
        assert {fault.status for fault in refused} == {503} and "try again" in refused[0].message
        ids = tuple(server_id for reply in replies if isinstance(reply, list) for server_id in reply)
        assert set(await world.api.statuses(ServersRequest(token=world.member, server_ids=ids, wait_s=20.0))) == {
            "ACTIVE"
        }
        again = await world.api.boot(requests[: 2 * LIMIT])  # known keys answer at once, the others find room now
        assert [reply for reply in again if isinstance(reply, CallerFault)] == []
        assert again[:LIMIT] == replies[:LIMIT]
        await world.settled()
        assert len(await world.conductor.list_servers("")) == 2 * LIMIT

    in_world(tmp_path, play, hosts=10, boots_in_flight_limit=LIMIT)


def test_a_storm_of_callers_keeps_to_the_limit_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async def call(caller: int) -> list[str]:
            replies = await world.api.boot([world.request(f"c{caller}-{n}") for n in range(LIMIT // 2)])
            return [server_id for reply in replies if isinstance(reply, list) for server_id in reply]

        accepted = [server_id for ids in await asyncio.gather(*map(call, range(8))) for server_id in ids]
        assert LIMIT // 2 <= len(accepted) < 8 * LIMIT // 2
        await world.settled()
        servers = await world.conductor.list_servers("")
        assert sorted(server.id for server in servers) == sorted(accepted)
        assert {server.status for server in servers} == {"ACTIVE"}

    in_world(tmp_path, play, hosts=10, boots_in_flight_limit=LIMIT)

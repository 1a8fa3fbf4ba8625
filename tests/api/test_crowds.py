"""Requests of one server each that share their messages: each has its own answer, whoever else asks."""

from __future__ import annotations

import asyncio
from pathlib import Path

from actors.errors import CallerError
from tests.world import World, in_world, token


async def status_of(world: World, who: str, server_id: str) -> int:
    try:
        await world.api.delete_one(who, server_id)
    except CallerError as error:
        return error.fault.status
    return 204


def test_deletions_of_several_callers_at_once(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        first, mine, twice, kept = await world.boot(*(world.request(f"vm-{n}") for n in range(4)))
        other = token("other")
        asked = [
            (world.member, first.id),  # goes alone, and the others together
            (world.member, mine.id),
            (other, kept.id),
            (world.member, twice.id),
            (world.admin, twice.id),
            (other, twice.id),
            (world.member, "nobody's"),
            (token("demo", ("reader",)), kept.id),
        ]
        found = await asyncio.gather(*(status_of(world, who, server_id) for who, server_id in asked))
        assert found == [204, 204, 404, 204, 204, 404, 404, 403]
        await world.settled()
        assert [server.id for server in await world.conductor.list_servers("")] == [kept.id]

    in_world(tmp_path, play)

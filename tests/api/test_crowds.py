"""Requests of one server each that share their messages: each has its own answer, whoever else asks."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from actors.api.service import LONG
from actors.errors import CallerError, CallerFault
from tests.world import World, in_world, token


async def status_of(world: World, who: str, server_id: str) -> int:
    try:
        await world.api.delete_one(who, server_id, "req-1")
    except CallerError as error:
        return error.fault.status
    return 204


def test_launches_of_several_kinds_in_one_message(tmp_path: Path) -> None:
    """What is alike is looked at once; what each has of its own stays its own, also a refusal."""

    async def play(world: World) -> None:
        asked = [
            world.request("first", hostname="one", admin_password="secret"),
            world.request("<second>"),
            world.request("third", flavor="none such"),
            world.request("fourth", count=2, idempotency_key="again"),
            world.request("fourth", count=2, idempotency_key="again"),
            world.request("fifth", metadata={"k": "v"}),
            msgspec.structs.replace(world.request("sixth"), token="nonsense"),
            world.request("seventh"),
        ]
        replies = await world.api.boot([*asked, *(world.request(f"vm-{n}") for n in range(LONG))])
        faults = {index: reply for index, reply in enumerate(replies) if isinstance(reply, CallerFault)}
        assert {index: (fault.status, fault.field) for index, fault in faults.items()} == {
            1: (400, "name"),
            2: (404, "flavor"),
            6: (401, ""),
        }
        assert replies[3] == replies[4]
        servers = {server.id: server for server in await world.conductor.list_servers("")}
        made = [[servers[server_id].name for server_id in reply] for reply in replies if isinstance(reply, list)]
        others = [[f"vm-{n}"] for n in range(LONG)]
        both = ["fourth-1", "fourth-2"]
        assert made == [["first"], both, both, ["fifth"], ["seventh"], *others]
        assert len(servers) == 5 + LONG
        orders = {boot.spec().name: boot.spec() for server_id in servers if (boot := world.conductor.boot(server_id))}
        assert (orders["first"].hostname, orders["first"].admin_password) == ("one", "secret")
        assert (orders["seventh"].hostname, orders["fifth"].metadata) == ("seventh", {"k": "v"})
        for own in ("admin_password", "request_id"):
            assert len({getattr(spec, own) for spec in orders.values()}) == 4 + LONG  # requests that were accepted

    in_world(tmp_path, play)


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

"""Floating IPs as the conductor hears of them, and as servers show them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from actors.errors import CallerFault
from actors.messages import AllocateRequest, FloatingIps, ServerView, Vif
from actors.records import Change, Instance
from tests.world import World, in_world


async def addresses(world: World, server: ServerView) -> list[tuple[str, str]]:
    async with world.http(world.member) as http:
        body = (await http.get(f"/compute/v2.1/servers/{server.id}")).json()
    [entries] = body["server"]["addresses"].values()
    return [(entry["OS-EXT-IPS:type"], entry["addr"]) for entry in entries]


def told(server: ServerView, *floating: str) -> FloatingIps:
    [vif] = server.addresses
    pairs = tuple((address, vif.fixed_ips[0].ip_address) for address in floating)
    return FloatingIps(instance_id=server.id, port_id=vif.port_id, floating_ips=pairs)


def test_a_server_shows_what_leads_to_it_and_no_longer_what_does_not(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        first, second = await world.boot(world.request("first"), world.request("second"))
        own = [("fixed", first.addresses[0].fixed_ips[0].ip_address)]
        await world.conductor.floating_ips([told(first, "203.0.113.9")])
        assert await addresses(world, first) == [*own, ("floating", "203.0.113.9")]
        assert [kind for kind, _ in await addresses(world, second)] == ["fixed"]
        await world.conductor.floating_ips([told(second, "203.0.113.8")], whole=True)
        assert await addresses(world, first) == own
        assert [kind for kind, _ in await addresses(world, second)] == ["fixed", "floating"]

    in_world(tmp_path, play)


def test_what_was_told_is_on_disk_and_what_is_said_of_nobody_changes_nothing(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        await world.conductor.floating_ips([told(server, "203.0.113.9")])
        gone = FloatingIps(instance_id="gone", port_id="gone", floating_ips=(("203.0.113.7", "10.0.0.7"),))
        await world.conductor.floating_ips([gone])
        [row] = [row for row in await world.ledger.load(Instance) if row.id == server.id]
        assert [vif.floating_ips for vif in row.addresses] == [told(server, "203.0.113.9").floating_ips]

    in_world(tmp_path, play)


def test_what_is_told_of_an_interface_that_is_being_made_is_shown_when_it_is_there(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        allocate = world.network.allocate

        async def then_lead(requests: list[AllocateRequest]) -> list[tuple[Vif, ...] | CallerFault]:
            replies = await allocate(requests)
            for request, reply in zip(requests, replies, strict=True):
                assert not isinstance(reply, CallerFault)
                pairs = (("203.0.113.9", reply[0].fixed_ips[0].ip_address),)
                led = FloatingIps(instance_id=request.instance_id, port_id=reply[0].port_id, floating_ips=pairs)
                await world.conductor.floating_ips([led])
            return replies

        world.network.allocate = then_lead  # type: ignore[method-assign]  # a room that somebody else asks meanwhile
        [server] = await world.boot(world.request())
        assert [kind for kind, _ in await addresses(world, server)] == ["fixed", "floating"]

    in_world(tmp_path, play)


def test_a_refused_commit_is_made_good(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        commit = world.ledger.commit

        async def refuse(changes: list[Change]) -> None:
            world.ledger.commit = commit  # type: ignore[method-assign]
            raise OSError("database or disk is full")

        world.ledger.commit = refuse  # type: ignore[method-assign]  # a database that is full once
        led = [told(server, "203.0.113.9")]
        with suppress(OSError):
            await world.conductor.floating_ips(led)
        await world.conductor.floating_ips(led)
        await world.settled()
        [row] = [row for row in await world.ledger.load(Instance) if row.id == server.id]
        assert [vif.floating_ips for vif in row.addresses] == [led[0].floating_ips]

    in_world(tmp_path, play)

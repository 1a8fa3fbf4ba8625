"""Placement as users meet it: a whole cloud of simulated hosts, without Ray."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from actors.api.messages import CreateServerGroup, ServerGroupRequest, ServersRequest
from actors.cluster.config import SimulatedConfig
from actors.conductor.service import Conductor, Rooms
from actors.errors import CallerFault, value_of
from actors.messages import AllocateRequest, DeleteRequest, ServerView
from actors.records import ServerGroup
from actors.scheduler.messages import PlacementExplained
from tests.world import World, in_world, token

SMALL = SimulatedConfig(hosts=2, vcpus=1, ram_mib=256, disk_gib=100)  # two of the flavor tiny on each host


def hosts(servers: list[ServerView]) -> Counter[str]:
    return Counter(server.host for server in servers)


def ended(servers: list[ServerView]) -> Counter[str]:
    return Counter(server.status for server in servers)


async def claimed(world: World) -> set[str]:
    claims = await world.scheduler.world()
    return {instance_id for instances in claims.values() for instance_id in instances}


def test_two_thousand_boots_spread_over_a_thousand_hosts(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        servers = await world.boot(*(world.request(f"vm-{n}", network_mode="none") for n in range(2_000)))
        assert ended(servers) == {"ACTIVE": 2_000}
        assert set(hosts(servers).values()) == {2}
        assert await claimed(world) == {server.id for server in servers}

    in_world(tmp_path, play, simulated=SimulatedConfig(hosts=1_000))


def test_a_full_clouds_fault_says_what_is_short(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        servers = await world.boot(*(world.request(f"vm-{n}") for n in range(5)))
        assert ended(servers) == {"ACTIVE": 4, "ERROR": 1}
        [refused] = [server for server in servers if server.status == "ERROR"]
        fault = refused.fault
        assert fault is not None
        assert fault.step == "place"
        assert fault.details["reasons"] == {"MEMORY_MB": 2}
        assert "128 MiB of RAM short" in fault.message
        assert fault.details["nearest"][0].endswith(": 128 MiB of RAM short")
        assert await claimed(world) == {server.id for server in servers} - {refused.id}

    in_world(tmp_path, play, simulated=SMALL)


async def group(world: World, name: str, policy: str, **rules: Any) -> ServerGroup:
    request = CreateServerGroup(token=world.member, name=name, policy=policy, **rules)
    return value_of(await world.api.create_server_group(request))


def test_two_groups_that_keep_apart_never_share_a_host_in_a_storm(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        groups = [await group(world, f"apart-{n}", "anti-affinity") for n in range(2)]
        together = await group(world, "together", "affinity")
        storm = [
            world.boot(
                *(world.request(f"{g.name}-{n}", hints={"group": (g.name,)}, network_mode="none") for n in part),
                *(world.request(f"other-{n}", network_mode="none") for n in part),
                world.request(f"t-{part[0]}", hints={"group": (together.id,)}, network_mode="none"),
            )
            for g in groups
            for part in (range(25), range(25, 50))
        ]
        servers = [server for part in await asyncio.gather(*storm) for server in part]
        assert ended(servers) == {"ACTIVE": 204}
        for g in groups:
            members = [server for server in servers if server.server_group == g.id]
            assert len(members) == 50
            assert set(hosts(members).values()) == {1}
        assert len(hosts([server for server in servers if server.server_group == together.id])) == 1

    in_world(tmp_path, play, simulated=SimulatedConfig(hosts=60))


def test_groups_are_their_projects_own_and_made_once(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        web = await group(world, "web", "anti-affinity", max_server_per_host=2)
        assert await group(world, "web", "anti-affinity", max_server_per_host=2) == web
        request = CreateServerGroup(token=world.member, name="web", policy="affinity")
        other = await world.api.create_server_group(request)
        assert isinstance(other, CallerFault) and other.status == 409
        stranger = token("elsewhere", user="bob")
        assert await world.api.server_groups(stranger) == []
        [refused] = await world.api.boot([world.request(token=stranger, hints={"group": (web.id,)})])
        assert isinstance(refused, CallerFault) and (refused.status, refused.field) == (400, "hints[group]")
        assert await world.ledger.load(ServerGroup) == [web]
        gone = await world.api.delete_server_group(ServerGroupRequest(token=world.member, group_id="web"))
        assert gone is None and await world.api.server_groups(world.member) == []
        again = await world.api.delete_server_group(ServerGroupRequest(token=world.member, group_id="web"))
        assert isinstance(again, CallerFault) and again.status == 404

    in_world(tmp_path, play)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"policy": "nearby"}, "policy"),
        ({"max_server_per_host": 0}, "max_server_per_host"),
        ({"policy": "affinity", "max_server_per_host": 2}, "max_server_per_host"),
        ({"name": " "}, "name"),
    ],
)
def test_a_group_that_makes_no_sense_is_refused(tmp_path: Path, wrong: dict[str, Any], field: str) -> None:
    async def play(world: World) -> None:
        fields = {"token": world.member, "name": "web", "policy": "anti-affinity"} | wrong
        refused = await world.api.create_server_group(CreateServerGroup(**fields))
        assert isinstance(refused, CallerFault) and (refused.status, refused.field) == (400, field)

    in_world(tmp_path, play)


def test_a_users_own_policy_in_a_hint_is_not_believed(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        forged = {"group_policy": ("anti-affinity",), "group_max_server_per_host": ("x",)}
        [server] = await world.boot(world.request(hints=forged))
        assert server.status == "ACTIVE"

    in_world(tmp_path, play)


# ---------------------------------------------------------------- machines that belong together


def test_all_or_none(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        none = await world.boot(world.request("five", count=5, min_count=5))
        assert ended(none) == {"ERROR": 5}
        fault = none[0].fault
        assert fault is not None and "4 of 5 would have room, at least 5 must" in fault.message
        assert fault.details["note"] and fault.details["reasons"] == {"MEMORY_MB": 2}
        assert await claimed(world) == set()
        some = await world.boot(world.request("more", count=5, min_count=3))
        assert ended(some) == {"ACTIVE": 4, "ERROR": 1}
        await world.delete(*some)
        every = await world.boot(world.request("four", count=4, min_count=4))
        assert ended(every) == {"ACTIVE": 4}

    in_world(tmp_path, play, simulated=SMALL)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"count": 2, "min_count": 3}, "min_count"),
        ({"min_count": -1}, "min_count"),
        ({"wait_for_capacity_s": -1.0}, "wait_for_capacity_s"),
        ({"wait_for_capacity_s": float("nan")}, "wait_for_capacity_s"),
        ({"wait_for_capacity_s": float("inf")}, "wait_for_capacity_s"),
    ],
)
def test_counts_and_patience_have_bounds(tmp_path: Path, wrong: dict[str, Any], field: str) -> None:
    async def play(world: World) -> None:
        [refused] = await world.api.boot([world.request(**wrong)])
        assert isinstance(refused, CallerFault) and (refused.status, refused.field) == (400, field)

    in_world(tmp_path, play)


# ---------------------------------------------------------------- waiting for room


async def launch(world: World, *requests: Any) -> list[str]:
    """Their ids, without waiting for the end."""
    replies = await world.api.boot(list(requests))
    return [server_id for reply in replies for server_id in value_of(reply)]


async def look(world: World, ids: list[str], wait_s: float = 10.0) -> list[ServerView]:
    views = await world.api.show(ServersRequest(token=world.admin, server_ids=tuple(ids), wait_s=wait_s))
    return [value_of(view) for view in views]


def test_a_boot_that_may_wait_is_placed_as_room_appears(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        full = await world.boot(*(world.request(f"vm-{n}") for n in range(4)))
        waiting = await launch(world, world.request("patient", wait_for_capacity_s=30.0))
        await world.settled()
        [before] = await look(world, waiting, 0.0)
        assert (before.status, before.task_state, before.host) == ("BUILD", "scheduling", "")
        await world.delete(full[0])
        [after] = await look(world, waiting)
        assert after.status == "ACTIVE", after.fault
        story = await world.api.story(world.member, after.id)
        assert "wait_for_capacity" in [line.step for line in story]

    in_world(tmp_path, play, simulated=SMALL)


def test_patience_ends(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        full = await world.boot(*(world.request(f"vm-{n}") for n in range(4)))
        [late] = await look(world, await launch(world, world.request("patient", wait_for_capacity_s=0.3)))
        assert late.status == "ERROR"
        assert late.fault is not None
        assert "128 MiB of RAM short" in late.fault.message
        assert "for room)" in late.fault.message
        assert late.fault.details["waited_s"] >= 0.2
        assert await claimed(world) == {server.id for server in full}

    in_world(tmp_path, play, simulated=SMALL)


def test_one_whose_patience_ends_leaves_nothing_where_a_dead_conductor_had_sent_it(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await world.boot(*(world.request(f"vm-{n}") for n in range(4)))
        [waiting] = await launch(world, world.request("patient", wait_for_capacity_s=0.3))
        await world.conductor.settled()
        boot = world.conductor.boot(waiting)
        assert boot is not None and boot.building
        boot.perhaps_somewhere = True
        spec = boot.spec()
        asked = AllocateRequest(  # of a node that is lost since
            token=world.member,
            instance_id=waiting,
            project_id=spec.project_id,
            host="node-9",
            hostname=spec.hostname,
            networks=spec.networks,
            auto=spec.auto_network,
            security_groups=(),
            availability_zone="nova",
        )
        [vifs] = await world.network.allocate([asked])
        assert isinstance(vifs, tuple)
        [late] = await look(world, [waiting])
        assert (late.status, await world.held_by(waiting)) == ("ERROR", [])

    in_world(tmp_path, play, simulated=SMALL)


def test_projects_share_what_becomes_free(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        full = await world.boot(*(world.request(f"vm-{n}") for n in range(4)))
        other = token("other", user="bob")
        many = await launch(world, *(world.request(f"many-{n}", wait_for_capacity_s=60.0) for n in range(20)))
        few = [world.request(f"few-{n}", token=other, wait_for_capacity_s=60.0) for n in range(2)]
        few_ids = await launch(world, *few)
        await world.settled()
        await world.delete(*full)
        assert ended(await look(world, few_ids)) == {"ACTIVE": 2}
        await world.settled()
        assert ended(await look(world, many, 0.0)) == {"ACTIVE": 2, "BUILD": 18}
        for server_id in (*many, *few_ids):
            await world.conductor.delete([DeleteRequest(instance_id=server_id)])

    in_world(tmp_path, play, simulated=SMALL)


def test_deleting_one_that_waits_leaves_nothing(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        full = await world.boot(*(world.request(f"vm-{n}") for n in range(4)))
        before = await world.state()
        waiting = await launch(world, *(world.request(f"w-{n}", wait_for_capacity_s=60.0) for n in range(3)))
        await world.settled()
        await world.delete(*await look(world, waiting, 0.0))
        assert await world.state() == before
        await world.delete(*full)

    in_world(tmp_path, play, simulated=SMALL)


def test_a_batch_waits_whole(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        full = await world.boot(*(world.request(f"vm-{n}") for n in range(4)))
        waiting = await launch(world, world.request("both", count=2, min_count=2, wait_for_capacity_s=60.0))
        await world.settled()
        await world.delete(full[0])
        await asyncio.sleep(0)
        assert ended(await look(world, waiting, 0.0)) == {"BUILD": 2}
        await world.delete(full[1])
        assert ended(await look(world, waiting)) == {"ACTIVE": 2}

    in_world(tmp_path, play, simulated=SMALL)


def test_who_waits_is_not_forgotten_when_the_conductor_dies(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        full = await world.boot(*(world.request(f"vm-{n}") for n in range(4)))
        waiting = await launch(world, *(world.request(f"w-{n}", wait_for_capacity_s=60.0) for n in range(2)))
        await world.settled()
        dead = world.conductor
        assert dead._attempts.waiting._watching is not None
        dead._attempts.waiting._watching.cancel()
        rooms = Rooms(world.scheduler, world.network, world.volumes, dead.compute, world.images)
        heir = world.compute.conductor = Conductor(dead._config, world.ledger, rooms, dead.clock)
        await heir.start()
        heir.resume()
        await heir.settled()
        views = [value_of(view) for view in await heir.show(waiting)]
        assert ended(views) == {"BUILD": 2}
        assert len(heir._attempts.waiting) == 2
        await heir.delete([DeleteRequest(instance_id=server.id) for server in full[:2]])
        assert ended([value_of(view) for view in await heir.wait(waiting, 10.0)]) == {"ACTIVE": 2}
        await heir.settled()
        assert await claimed(world) == {*waiting, *(server.id for server in full[2:])}

    in_world(tmp_path, play, simulated=SMALL)


# ---------------------------------------------------------------- explanations


def test_explain_agrees_with_the_boot_and_changes_nothing(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        before = await world.state()
        [dry] = await world.api.explain([world.request()])
        assert isinstance(dry, PlacementExplained)
        assert (dry.profile, dry.hosts, dry.passed) == ("spread", 2, 2)
        assert await world.state() == before and await world.ledger.load(ServerGroup) == []
        best = {each.host for each in dry.best if each.total == dry.best[0].total}
        [server] = await world.boot(world.request())
        assert server.host in best
        [other] = await world.api.explain([world.request()])
        assert isinstance(other, PlacementExplained)
        assert other.best[0].host != server.host

    in_world(tmp_path, play, simulated=SMALL)


def test_explain_of_a_full_cloud_says_what_its_fault_would(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await world.boot(*(world.request(f"vm-{n}") for n in range(4)))
        good, bad = await world.api.explain([world.request(), world.request(flavor="no such")])
        assert isinstance(good, PlacementExplained) and good.passed == 0
        [refused] = await world.boot(world.request("one more"))
        assert refused.fault is not None
        assert list(good.nearest) == refused.fault.details["nearest"]
        assert {line.check: line.removed for line in good.checks} == refused.fault.details["reasons"]
        assert isinstance(bad, CallerFault) and bad.field == "flavor"

    in_world(tmp_path, play, simulated=SMALL)


def test_hosts_of_an_aggregate_that_is_kept_for_a_project_take_no_other(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        assert server.status == "ERROR"
        assert server.fault is not None
        assert "AggregateMultiTenancyIsolation" in server.fault.message

    async def let_in(world: World) -> None:
        [server] = await world.boot(world.request())
        assert server.status == "ACTIVE", server.fault

    in_world(tmp_path / "other", play, aggregates={"kept": {"filter_tenant_id": "another"}})
    in_world(tmp_path / "own", let_in, aggregates={"kept": {"filter_tenant_id": "demo"}})

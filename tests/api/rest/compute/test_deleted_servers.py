"""Servers that are deleted: in the lists of administrators, and of whoever asks what has changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from actors.conductor.boots import stored_boot
from actors.conductor.deleted import Deleted
from actors.conductor.service import Conductor
from actors.conductor.service import Rooms as ConductorRooms
from actors.records import Instance, OrderTemplate
from tests.world import World, in_world, token

SERVERS = "/compute/v2.1/servers"
NEWEST = {"OpenStack_API_Version": "compute 2.96"}


async def listed(http: httpx.AsyncClient, query: str = "") -> dict[str, dict[str, Any]]:
    answer = await http.get(f"{SERVERS}/detail?{query}")
    assert answer.status_code == 200, answer.text
    return {one["name"]: one for one in answer.json()["servers"]}


def test_administrators_list_what_is_deleted(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        gone, _ = await world.boot(world.request("gone"), world.request("kept"))
        await world.delete(gone)
        async with world.http(world.admin, **NEWEST) as http:
            for query in ("all_tenants=1&deleted=true", "all_tenants=1&status=deleted"):
                found = await listed(http, query)
                assert found.keys() == {"gone"}, query
                shown = found["gone"]
                assert (shown["status"], shown["OS-EXT-STS:vm_state"]) == ("DELETED", "deleted")
                assert shown["OS-SRV-USG:terminated_at"] and shown["addresses"] == {}
                assert shown["id"] == gone.id and shown["OS-EXT-STS:power_state"] == 0
            for query in ("all_tenants=1", "all_tenants=1&deleted=false", "all_tenants=1&deleted=perhaps"):
                assert (await listed(http, query)).keys() == {"kept"}, query
            assert (await http.get(f"{SERVERS}/{gone.id}")).status_code == 404
            assert await listed(http, "deleted=true") == {}  # none of the administrator's own project

    in_world(tmp_path, play)


def test_others_see_them_where_they_ask_what_has_changed(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        gone, _ = await world.boot(world.request("gone"), world.request("kept"))
        await world.delete(gone)
        async with world.http(world.member, **NEWEST) as http:
            assert (await listed(http, "deleted=true")).keys() == {"kept"}  # theirs to say is not
            refused = await http.get(f"{SERVERS}?status=DELETED")
            assert (refused.status_code, refused.json()["forbidden"]["message"]) == (
                403,
                "Only administrators may list deleted instances",
            )
            since = await listed(http, "changes-since=2020-01-01T00:00:00Z")
            assert {name: one["status"] for name, one in since.items()} == {"gone": "DELETED", "kept": "ACTIVE"}
            assert since["gone"]["updated"] >= since["kept"]["updated"]
            assert (await listed(http, "changes-before=2100-01-01T00:00:00Z")).keys() == {"gone", "kept"}
            assert await listed(http, "changes-since=2100-01-01T00:00:00Z") == {}
            assert await listed(http, "changes-before=2020-01-01T00:00:00Z") == {}

    in_world(tmp_path, play)


def test_a_conductor_that_starts_again_remembers_them(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [gone] = await world.boot(world.request("gone"))
        await world.delete(gone)
        rooms = ConductorRooms(world.scheduler, world.network, world.volumes, world.conductor.compute, world.images)
        again = Conductor(world.rooms.config, world.ledger, rooms, world.rooms.clock)
        await again.start()
        [found] = await again.list_deleted("demo")
        assert (found.id, found.status, found.deleted_at > 0) == (gone.id, "DELETED", True)
        assert await again.list_deleted("other") == [] and await again.list_servers("") == []

    in_world(tmp_path, play)


def test_only_the_newest_are_remembered(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        servers = await world.boot(*(world.request(f"s{number}") for number in range(3)))
        await world.delete(*servers)
        rows = await world.ledger.load(Instance)
        deleted = Deleted(kept=2)
        templates = {row.id: row for row in await world.ledger.load(OrderTemplate)}
        deleted.load(stored_boot(row, None, templates) for row in rows)
        newest = sorted((row.deleted_at, row.name) for row in rows)[1:]
        assert [view.name for view in deleted.of("")] == [name for _, name in newest]

    in_world(tmp_path, play)


@pytest.mark.parametrize("path", ["os-simple-tenant-usage/demo", "os-simple-tenant-usage?detailed=1"])
def test_what_they_used_counts(tmp_path: Path, path: str) -> None:
    async def play(world: World) -> None:
        [gone] = await world.boot(world.request("gone"))
        await world.delete(gone)
        async with world.http(world.admin) as http:
            body = (await http.get(f"/compute/v2.1/{path}")).json()
            usage = body["tenant_usage"] if "tenant_usage" in body else body["tenant_usages"][0]
        [server] = usage["server_usages"]
        assert (server["instance_id"], server["state"]) == (gone.id, "terminated")
        assert server["ended_at"] and 0 < server["hours"] < 0.1

    in_world(tmp_path, play)


async def acted(http: httpx.AsyncClient, url: str) -> dict[str, dict[str, Any]]:
    answer = await http.get(f"{url}/os-instance-actions")
    assert answer.status_code == 200, answer.text
    return {one["action"]: one for one in answer.json()["instanceActions"]}


def test_what_was_done_to_a_deleted_server_is_told_since_2_21(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [gone] = await world.boot(world.request("gone"))
        url = f"{SERVERS}/{gone.id}"
        async with world.http(world.member, **NEWEST) as http, world.http(world.admin, **NEWEST) as admin:
            assert (await http.post(f"{url}/action", json={"os-stop": None})).status_code == 202
            await world.settled()
            deleted = await http.delete(url)
            await world.settled()
            assert (await http.get(url)).status_code == 404
            for asking in (http, admin):
                told = await acted(asking, url)
                assert list(told) == ["delete", "stop", "create"]  # the newest first
                assert told["delete"]["request_id"] == deleted.headers["X-Openstack-Request-Id"]
                assert told["delete"]["user_id"] == gone.user_id
            path = f"{url}/os-instance-actions/{told['delete']['request_id']}"
            shown = (await http.get(path)).json()["instanceAction"]
            [event] = shown["events"]
            assert (event["event"], event["result"]) == ("compute_terminate_instance", "Success")
            assert event["finish_time"] >= event["start_time"]
            made = (await http.get(f"{url}/os-instance-actions/{told['create']['request_id']}")).json()
            assert made["instanceAction"]["events"][-1]["result"] == "Success"
        async with world.http(token("other"), **NEWEST) as stranger:
            assert (await stranger.get(f"{url}/os-instance-actions")).status_code == 404
            assert (await stranger.get(path)).status_code == 404
        async with world.http(world.member, OpenStack_API_Version="compute 2.20") as old:
            assert (await old.get(f"{url}/os-instance-actions")).status_code == 404

    in_world(tmp_path, play)

"""Placement's view of what the scheduler holds, over HTTP and in process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from httpx import AsyncClient

from actors.api.rest.microversions import Version
from actors.api.rest.placement import views
from actors.cluster.config import SimulatedConfig
from actors.scheduler.messages import InventoryView, ProviderView
from actors.scheduler.providers import aggregate_id, provider_id
from tests.world import World, in_world

FLEET = SimulatedConfig(hosts=3, vcpus=4, ram_mib=4096, disk_gib=100)


def asking(world: World, version: str = "1.39", token: str = "") -> AsyncClient:
    return world.http(token or world.admin, OpenStack_API_Version=f"placement {version}")


async def got(http: AsyncClient, path: str, status: int = 200) -> Any:
    answer = await http.get(f"/placement{path}")
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def test_hosts_are_providers_with_what_they_have(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request("vm"))
        async with asking(world, "1.29") as http:
            listed = (await got(http, "/resource_providers"))["resource_providers"]
            assert len(listed) == 3
            [mine] = (await got(http, f"/resource_providers?name={server.host}"))["resource_providers"]
            path = f"/resource_providers/{provider_id(server.host)}"
            assert mine == await got(http, path)
            assert (mine["name"], mine["parent_provider_uuid"]) == (server.host, None)
            assert mine["uuid"] == mine["root_provider_uuid"] == provider_id(server.host)
            relations = [link["rel"] for link in mine["links"]]
            assert relations == ["self", "inventories", "usages", "aggregates", "traits", "allocations"]
            inventories = await got(http, f"{path}/inventories")
            assert inventories["resource_provider_generation"] == mine["generation"]
            assert inventories["inventories"]["MEMORY_MB"] == {
                "total": 4096, "reserved": 0, "min_unit": 1, "max_unit": 4096, "step_size": 1, "allocation_ratio": 1.0,
            }  # fmt: skip
            vcpu = await got(http, f"{path}/inventories/VCPU")
            assert (vcpu["total"], vcpu["allocation_ratio"]) == (4, 4.0)
            usages = (await got(http, f"{path}/usages"))["usages"]
            assert usages == {"VCPU": 1, "MEMORY_MB": 128, "DISK_GB": 1}
            held = (await got(http, f"{path}/allocations"))["allocations"]
            assert held == {server.id: {"resources": usages, "consumer_generation": 1}}
            allocations = await got(http, f"/allocations/{server.id}")
            assert allocations["allocations"] == {mine["uuid"]: {"generation": mine["generation"], "resources": usages}}
            assert (allocations["project_id"], allocations["user_id"]) == ("demo", "ann")
            assert allocations["consumer_generation"] == 1 and "consumer_type" not in allocations
            await world.delete(server)
            after = await got(http, f"{path}/usages")
            assert set(after["usages"].values()) == {0} and after["resource_provider_generation"] > mine["generation"]
            assert await got(http, f"/allocations/{server.id}") == {"allocations": {}}

    in_world(tmp_path, play, simulated=FLEET)


def test_providers_are_found_by_what_they_could_take(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request("vm"))
        async with asking(world) as http:

            async def found(query: str) -> set[str]:
                return {
                    each["name"] for each in (await got(http, f"/resource_providers?{query}"))["resource_providers"]
                }

            everybody = await found("")
            assert await found("resources=VCPU:4,MEMORY_MB:4000") == everybody - {server.host}
            assert await found("resources=VCPU:5") == set()  # more than one host has for one
            assert await found(f"uuid={provider_id(server.host)}") == {server.host}
            assert await found(f"in_tree={provider_id(server.host)}") == {server.host}
            assert await found(f"member_of={aggregate_id('fast')}") == everybody
            assert await found(f"member_of=!{aggregate_id('fast')}") == set()
            assert await found(f"member_of=in:{aggregate_id('slow')},{aggregate_id('fast')}") == everybody
            for name in ("CUSTOM_NOTHING", "CUSTOM_NEITHER"):
                await http.put(f"/placement/traits/{name}")
            assert await found("required=CUSTOM_NOTHING") == set()
            assert await found("required=!CUSTOM_NOTHING") == everybody
            assert await found("required=in:CUSTOM_NOTHING,CUSTOM_NEITHER") == set()

    in_world(tmp_path, play, simulated=FLEET, aggregates={"fast": {}})


def test_a_name_that_nothing_has_is_a_mistake(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with asking(world) as http:
            unknown = ["resources=NOSUCH:1", "resources=VCPU:1&required=NOSUCH", "resources=VCPU:1&required=!NOSUCH"]
            for query in unknown:
                await got(http, f"/resource_providers?{query}", 400)
                await got(http, f"/allocation_candidates?{query}", 400)
            await got(http, "/allocation_candidates?resources=VCPU:1&root_required=NOSUCH", 400)
            await http.put("/placement/resource_classes/CUSTOM_DISK")
            query = "resources=CUSTOM_DISK:1,FPGA:1&required=HW_CPU_X86_MMX"
            assert (await got(http, f"/resource_providers?{query}"))["resource_providers"] == []

    in_world(tmp_path, play, simulated=FLEET)


def test_candidates_are_hosts_with_room(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request("vm"))
        full, empty = provider_id(server.host), None
        async with asking(world) as http:

            async def candidates(query: str) -> Any:
                return await got(http, f"/allocation_candidates?{query}")

            body = await candidates("resources=VCPU:1,MEMORY_MB:4000")
            providers = [next(iter(request["allocations"])) for request in body["allocation_requests"]]
            assert len(providers) == 2 and full not in providers and set(body["provider_summaries"]) == set(providers)
            empty = providers[0]
            first = body["allocation_requests"][0]
            assert first["allocations"] == {empty: {"resources": {"VCPU": 1, "MEMORY_MB": 4000}}}
            assert first["mappings"] == {"": [empty]}
            summary = body["provider_summaries"][empty]
            assert summary["resources"]["VCPU"] == {"capacity": 16, "used": 0}
            assert set(summary) == {"resources", "traits", "parent_provider_uuid", "root_provider_uuid"}
            assert len((await candidates("resources=VCPU:1&limit=1"))["allocation_requests"]) == 1
            two = "resources1=VCPU:3&resources_B=VCPU:4&group_policy="
            grouped = (await candidates(f"{two}none"))["allocation_requests"]
            assert grouped[0]["mappings"].keys() == {"1", "_B"} and len(grouped) == 3
            assert list(grouped[0]["allocations"].values()) == [{"resources": {"VCPU": 7}}]
            assert (await candidates(f"{two}isolate"))["allocation_requests"] == []
            assert (await candidates("resources=VCPU:3&root_required=HW_CPU_X86_MMX"))["allocation_requests"] == []
            only = f"resources=VCPU:1&in_tree={empty}"
            assert list((await candidates(only))["provider_summaries"]) == [empty]
        async with asking(world, "1.10") as http:
            old = (await candidates("resources=VCPU:1"))["allocation_requests"][0]["allocations"]
            assert list(old[0]) == ["resource_provider", "resources"]

    in_world(tmp_path, play, simulated=FLEET)


def test_traits_and_resource_classes_have_openstacks_own_names(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with asking(world) as http:
            every = (await got(http, "/traits"))["traits"]
            assert {"HW_CPU_X86_AVX2", "COMPUTE_NODE", "STORAGE_DISK_SSD"} <= set(every) and every == sorted(every)
            here = (await got(http, "/traits?associated=true"))["traits"]
            others = (await got(http, "/traits?associated=false"))["traits"]
            assert "COMPUTE_NODE" in here and "HW_CPU_X86_AVX2" in others
            assert sorted(here + others) == every
            assert (await got(http, "/traits?name=in:HW_CPU_X86_AVX2,CUSTOM_X"))["traits"] == ["HW_CPU_X86_AVX2"]
            shown = (await got(http, f"/resource_providers/{provider_id('node-1')}/traits"))["traits"]
            assert shown == here
            await got(http, "/traits/HW_CPU_X86_AVX2", 204)
            classes = {one["name"] for one in (await got(http, "/resource_classes"))["resource_classes"]}
            assert {"VCPU", "MEMORY_MB", "DISK_GB", "PCPU", "VGPU"} <= classes
            for query in ("associated=perhaps", "associated="):
                assert (await http.get(f"/placement/traits?{query}")).status_code == 400

    in_world(tmp_path, play)


def test_a_drained_host_says_so(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        assert await world.conductor.set_enabled("node-1", False) is None
        async with asking(world) as http:
            path = f"/resource_providers/{provider_id('node-1')}/traits"
            assert "COMPUTE_STATUS_DISABLED" in (await got(http, path))["traits"]
            assert "COMPUTE_STATUS_DISABLED" in (await got(http, "/traits?name=startswith:COMPUTE_"))["traits"]
            await got(http, "/traits/COMPUTE_STATUS_DISABLED", 204)
            await got(http, "/traits/CUSTOM_NOTHING", 404)

    in_world(tmp_path, play)


def test_usages_of_a_project(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await world.boot(world.request("one"), world.request("two"))
        async with asking(world, "1.29", world.member) as http:
            usages = await got(http, "/usages?project_id=demo&user_id=ann")
            assert usages == {"usages": {"VCPU": 2, "MEMORY_MB": 256, "DISK_GB": 2}}
            assert await got(http, "/usages?project_id=demo&user_id=bob") == {"usages": {}}
            await got(http, "/usages?project_id=other", 403)
            await got(http, "/usages", 400)
            for path in ("/resource_providers", "/allocations/x", "/traits", "/allocation_candidates?resources=VCPU:1"):
                await got(http, path, 403)
        async with asking(world) as http:
            by_type = (await got(http, "/usages?project_id=demo&consumer_type=INSTANCE"))["usages"]
            assert by_type == {"INSTANCE": {"consumer_count": 2, "VCPU": 2, "MEMORY_MB": 256, "DISK_GB": 2}}

    in_world(tmp_path, play)


def test_resource_classes(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with asking(world) as http:
            names = [each["name"] for each in (await got(http, "/resource_classes"))["resource_classes"]]
            assert names[:3] == ["VCPU", "MEMORY_MB", "DISK_GB"]
            assert (await got(http, "/resource_classes/VCPU"))["name"] == "VCPU"
            await got(http, "/resource_classes/CUSTOM_CAT", 404)

    in_world(tmp_path, play)


@pytest.mark.parametrize(
    ("path", "version", "status"),
    [
        ("/resource_providers/nothing", "1.39", 404),
        ("/resource_providers?colour=red", "1.39", 400),
        ("/resource_providers?uuid=x", "1.39", 400),
        ("/resource_providers?resources=VCPU", "1.39", 400),
        ("/resource_providers?resources=VCPU:0", "1.39", 400),
        ("/resource_providers?resources=VCPU:99999999999999999999", "1.39", 400),
        ("/resource_providers?required=A", "1.17", 400),
        ("/resource_providers?required=!A", "1.21", 400),
        ("/resource_providers?required=in:A,B", "1.38", 400),
        ("/resource_providers?member_of=!c9b7d7b2-9d0a-4d0f-a1f5-dc3a3f6a9d55", "1.31", 400),
        ("/resource_providers?member_of=x", "1.39", 400),
        ("/allocation_candidates", "1.39", 400),
        ("/allocation_candidates?resources=VCPU:1", "1.9", 404),
        ("/allocation_candidates?resources=VCPU:1&limit=0", "1.39", 400),
        ("/allocation_candidates?resources=VCPU:1&limit=1", "1.15", 400),
        ("/allocation_candidates?resources1=VCPU:1", "1.24", 400),
        ("/allocation_candidates?resources_B=VCPU:1", "1.32", 400),
        ("/allocation_candidates?resources1=VCPU:1&resources2=VCPU:1", "1.39", 400),
        ("/allocation_candidates?resources=VCPU:1&required=A,!A", "1.39", 400),
        ("/traits", "1.5", 404),
        ("/traits?name=like:A", "1.39", 400),
        ("/usages?project_id=demo", "1.8", 404),
        ("/resource_classes", "1.1", 404),
        ("/", "1.40", 406),
        ("/", "1.x", 400),
    ],
)
def test_what_is_refused(tmp_path: Path, path: str, version: str, status: int) -> None:
    async def play(world: World) -> None:
        async with asking(world, version) as http:
            [error] = (await got(http, path, status))["errors"]
        assert error["status"] == status and error["request_id"].startswith("req-")

    in_world(tmp_path, play)


@pytest.mark.parametrize(("minor", "fields"), [(0, 4), (13, 4), (14, 6), (39, 6)])
def test_fields_come_with_their_version(minor: int, fields: int) -> None:
    stock = InventoryView(total=4, reserved=1, min_unit=1, max_unit=4, step_size=1, allocation_ratio=2.0, used=5)
    host = ProviderView(
        id="p", name="h", generation=7, inventories={"VCPU": stock}, traits=frozenset(), aggregates=frozenset()
    )
    assert len(views.provider(host, Version(1, minor))) == fields
    assert stock.capacity == 6 and stock.takes(1) and not stock.takes(2)
    assert list(views.provider_summary(host, set(), Version(1, minor))["resources"]) == ["VCPU"] * (minor >= 27)

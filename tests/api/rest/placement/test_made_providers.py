"""Providers that somebody made over HTTP: what they are, what they have, and by which names."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from actors.scheduler.providers import provider_id
from tests.api.rest.placement.made import FPGA, answered, asked, holding, placement, provider, stocked
from tests.world import EDGE_URL, World, in_world, token

HOST = provider_id("node-1")


def test_a_provider_is_made_shown_renamed_and_deleted(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with placement(world, "1.20") as http:
            answer = await answered(http, "POST", "/resource_providers", {"name": "cards"})
            made = answer.json()
            path = f"/resource_providers/{made['uuid']}"
            assert answer.status_code == 200 and answer.headers["location"] == f"{EDGE_URL}/placement{path}"
            assert made == await asked(http, "GET", path)
            assert (made["generation"], made["parent_provider_uuid"]) == (0, None)
            assert made["root_provider_uuid"] == made["uuid"]
            listed = (await asked(http, "GET", "/resource_providers?name=cards"))["resource_providers"]
            assert listed == [made]
            renamed = await asked(http, "PUT", path, {"name": "other cards"})
            assert renamed == made | {"name": "other cards"}
            for taken in ({"name": "other cards"}, {"name": "new", "uuid": made["uuid"]}, {"name": "node-1"}):
                error = await asked(http, "POST", "/resource_providers", taken, 409)
                assert error["code"] == "placement.duplicate_name"
            await provider(http, "third")
            assert (await asked(http, "PUT", path, {"name": "third"}, 409))["code"] == "placement.duplicate_name"
            await asked(http, "DELETE", path, status=204)
            await asked(http, "GET", path, status=404)
            await asked(http, "DELETE", path, status=404)

    in_world(tmp_path, play)


def test_before_1_20_nothing_is_shown_and_before_1_14_there_are_no_trees(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        wanted = str(uuid4())
        async with placement(world, "1.19") as http:
            answer = await answered(http, "POST", "/resource_providers", {"name": "old", "uuid": wanted})
            assert (answer.status_code, answer.content) == (201, b"")
            assert answer.headers["location"].endswith(wanted)
        async with placement(world, "1.13") as http:
            body = {"name": "child", "parent_provider_uuid": wanted}
            await asked(http, "POST", "/resource_providers", body, 400)
            await asked(http, "PUT", f"/resource_providers/{wanted}", body, 400)

    in_world(tmp_path, play)


def test_providers_are_trees_also_below_a_host(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with placement(world) as http:
            root = await provider(http, "root")
            child = await provider(http, "child", parent_provider_uuid=root)
            leaf = await provider(http, "leaf", parent_provider_uuid=child)
            below_a_host = await provider(http, "card", parent_provider_uuid=HOST)
            shown = await asked(http, "GET", f"/resource_providers/{leaf}")
            assert (shown["parent_provider_uuid"], shown["root_provider_uuid"]) == (child, root)

            async def tree(of: str) -> set[str]:
                found = (await asked(http, "GET", f"/resource_providers?in_tree={of}"))["resource_providers"]
                return {each["uuid"] for each in found}

            assert await tree(leaf) == await tree(root) == {root, child, leaf}
            assert await tree(below_a_host) == await tree(HOST) == {HOST, below_a_host}
            error = await asked(http, "DELETE", f"/resource_providers/{child}", status=409)
            assert error["code"] == "placement.resource_provider.cannot_delete_parent"
            path = f"/resource_providers/{leaf}"
            for wrong in (leaf, str(uuid4())):
                await asked(http, "PUT", path, {"name": "leaf", "parent_provider_uuid": wrong}, 400)
            await asked(http, "PUT", f"/resource_providers/{root}", {"name": "r", "parent_provider_uuid": leaf}, 400)
            await asked(http, "POST", "/resource_providers", {"name": "n", "parent_provider_uuid": str(uuid4())}, 400)
            moved = await asked(http, "PUT", path, {"name": "leaf", "parent_provider_uuid": root})
            assert moved["parent_provider_uuid"] == root
            alone = await asked(http, "PUT", path, {"name": "leaf", "parent_provider_uuid": None})
            assert (alone["parent_provider_uuid"], alone["root_provider_uuid"]) == (None, leaf)
        async with placement(world, "1.36") as http:
            again = {"name": "leaf", "parent_provider_uuid": root}
            await asked(http, "PUT", path, again)
            await asked(http, "PUT", path, {"name": "leaf"})
            await asked(http, "PUT", path, {"name": "leaf", "parent_provider_uuid": child}, 400)
            await asked(http, "PUT", path, {"name": "leaf", "parent_provider_uuid": None}, 400)
            assert (await asked(http, "GET", path))["parent_provider_uuid"] == root

    in_world(tmp_path, play)


def test_inventories_are_written_by_generation(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with placement(world) as http:
            path = f"/resource_providers/{await provider(http)}/inventories"
            stock = {"total": 10, "reserved": 2, "min_unit": 2, "max_unit": 8, "step_size": 2, "allocation_ratio": 1.5}
            both = {"resource_provider_generation": 0, "inventories": {"VGPU": stock, "DISK_GB": {"total": 5}}}
            written = await asked(http, "PUT", path, both)
            assert written == await asked(http, "GET", path)
            assert written["resource_provider_generation"] == 1 and written["inventories"]["VGPU"] == stock
            assert written["inventories"]["DISK_GB"] == {
                "total": 5, "reserved": 0, "min_unit": 1, "max_unit": 2**31 - 1, "step_size": 1,
                "allocation_ratio": 1.0,
            }  # fmt: skip
            assert (await asked(http, "PUT", path, both, 409))["code"] == "placement.concurrent_update"
            one = {"resource_provider_generation": 1, "total": 7}
            assert (await asked(http, "PUT", f"{path}/VGPU", one))["total"] == 7
            assert (await asked(http, "PUT", f"{path}/VGPU", one, 409))["code"] == "placement.concurrent_update"
            assert (await asked(http, "GET", f"{path}/VGPU"))["resource_provider_generation"] == 2
            added = await answered(http, "POST", path, {"resource_class": "PCPU", "total": 3})
            assert added.status_code == 201 and added.json()["resource_provider_generation"] == 3
            assert added.headers["location"] == f"{EDGE_URL}/placement{path}/PCPU"
            error = await asked(http, "POST", path, {"resource_class": "PCPU", "total": 3}, 409)
            assert error["code"] == "placement.concurrent_update"
            await asked(http, "DELETE", f"{path}/PCPU", status=204)
            await asked(http, "DELETE", f"{path}/PCPU", status=404)
            for unknown in ({"CUSTOM_NOT_MADE": {"total": 1}}, {"lower": {"total": 1}}):
                await asked(http, "PUT", path, {"resource_provider_generation": 4, "inventories": unknown}, 400)
            await asked(http, "PUT", f"{path}/PCPU", {"resource_provider_generation": 4, "total": 1}, 400)
            assert set((await asked(http, "GET", path))["inventories"]) == {"VGPU", "DISK_GB"}
            await asked(http, "DELETE", path, status=204)
            assert await asked(http, "GET", path) == {"resource_provider_generation": 5, "inventories": {}}
        async with placement(world, "1.4") as http:
            await asked(http, "DELETE", path, status=405)

    in_world(tmp_path, play)


@pytest.mark.parametrize(
    "stock",
    [
        {},
        {"total": 0},
        {"total": 2**31},
        {"total": 1.5},
        {"total": "1"},
        {"total": True},
        {"total": 4, "reserved": -1},
        {"total": 4, "reserved": 5},
        {"total": 4, "min_unit": 0},
        {"total": 4, "max_unit": 2**31},
        {"total": 4, "step_size": 0},
        {"total": 4, "allocation_ratio": 1e39},
        {"total": 4, "allocation_ratio": -1},
        {"total": 4, "colour": "red"},
        [],
    ],
)
def test_an_inventory_that_cannot_be_is_refused(tmp_path: Path, stock: object) -> None:
    async def play(world: World) -> None:
        async with placement(world) as http:
            path = f"/resource_providers/{await provider(http)}/inventories"
            wanted = {"resource_provider_generation": 0, "inventories": {"VGPU": stock}}
            await asked(http, "PUT", path, wanted, 400)
            assert await asked(http, "GET", path) == {"resource_provider_generation": 0, "inventories": {}}

    in_world(tmp_path, play)


def test_all_may_be_reserved_from_1_26_on(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with placement(world) as http:
            path = f"/resource_providers/{await provider(http)}/inventories"
        wanted = {"resource_provider_generation": 0, "inventories": {"VGPU": {"total": 4, "reserved": 4}}}
        for version, status in (("1.25", 400), ("1.26", 200)):
            async with placement(world, version) as http:
                await asked(http, "PUT", path, wanted, status)

    in_world(tmp_path, play)


def test_inventories_in_use_stay(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with placement(world) as http:
            made = await stocked(http)
            path = f"/resource_providers/{made}"
            consumer = f"/allocations/{uuid4()}"
            await asked(http, "PUT", consumer, holding(**{made: 3}), 204)
            nothing = {"resource_provider_generation": 2, "inventories": {}}
            for verb, body in (("PUT", nothing), ("DELETE", None)):
                error = await asked(http, verb, f"{path}/inventories", body, 409)
                assert error["code"] == "placement.inventory.inuse"
            await asked(http, "DELETE", f"{path}/inventories/{FPGA}", status=409)
            error = await asked(http, "DELETE", path, status=409)
            assert error["code"] == "placement.resource_provider.inuse"
            await asked(http, "DELETE", f"/resource_classes/{FPGA}", status=409)
            fewer = {"resource_provider_generation": 2, "inventories": {FPGA: {"total": 1}}}
            await asked(http, "PUT", f"{path}/inventories", fewer)  # as Placement: what is held stays held
            await asked(http, "PUT", f"/allocations/{uuid4()}", holding(**{made: 1}), 409)
            await asked(http, "DELETE", consumer, status=204)
            await asked(http, "DELETE", f"{path}/inventories/{FPGA}", status=204)
            await asked(http, "DELETE", path, status=204)
            await asked(http, "DELETE", f"/resource_classes/{FPGA}", status=204)

    in_world(tmp_path, play)


def test_traits_of_a_provider(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with placement(world) as http:
            made = await provider(http)
            path = f"/resource_providers/{made}/traits"
            first = await answered(http, "PUT", "/traits/CUSTOM_FAST")
            assert first.status_code == 201 and first.headers["location"].endswith("/placement/traits/CUSTOM_FAST")
            await asked(http, "PUT", "/traits/CUSTOM_FAST", status=204)
            await asked(http, "GET", "/traits/CUSTOM_FAST", status=204)
            for wrong in ("HW_CPU_X86_AVX2", "CUSTOM_", "CUSTOM_a", f"CUSTOM_{'A' * 249}"):
                await asked(http, "PUT", f"/traits/{wrong}", status=400)
            both = {"resource_provider_generation": 0, "traits": ["HW_CPU_X86_AVX2", "CUSTOM_FAST"]}
            shown = await asked(http, "PUT", path, both)
            assert shown == {"resource_provider_generation": 1, "traits": ["CUSTOM_FAST", "HW_CPU_X86_AVX2"]}
            assert shown == await asked(http, "GET", path)
            assert (await asked(http, "PUT", path, both, 409))["code"] == "placement.concurrent_update"
            now = {"resource_provider_generation": 1}
            await asked(http, "PUT", path, now | {"traits": ["CUSTOM_UNKNOWN"]}, 400)
            await asked(http, "PUT", path, now | {"traits": ["CUSTOM_FAST", "CUSTOM_FAST"]}, 400)
            found = (await asked(http, "GET", "/resource_providers?required=CUSTOM_FAST"))["resource_providers"]
            assert [each["uuid"] for each in found] == [made]
            assert "CUSTOM_FAST" in (await asked(http, "GET", "/traits?associated=true"))["traits"]
            await asked(http, "DELETE", "/traits/CUSTOM_FAST", status=409)
            await asked(http, "DELETE", "/traits/COMPUTE_NODE", status=400)
            await asked(http, "DELETE", path, status=204)
            assert await asked(http, "GET", path) == {"resource_provider_generation": 2, "traits": []}
            assert (await asked(http, "GET", "/traits?associated=false&name=startswith:CUSTOM_"))["traits"] == [
                "CUSTOM_FAST"
            ]
            await asked(http, "DELETE", "/traits/CUSTOM_FAST", status=204)
            await asked(http, "DELETE", "/traits/CUSTOM_FAST", status=404)
        async with placement(world, "1.5") as http:
            await asked(http, "PUT", path, both, 404)
            await asked(http, "PUT", "/traits/CUSTOM_OLD", status=404)

    in_world(tmp_path, play)


def test_aggregates_of_a_provider(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        near, far = str(uuid4()), str(uuid4())
        async with placement(world) as http:
            made = await provider(http)
            path = f"/resource_providers/{made}/aggregates"
            body = {"resource_provider_generation": 0, "aggregates": [near, far]}
            shown = await asked(http, "PUT", path, body)
            assert shown == {"resource_provider_generation": 1, "aggregates": sorted([near, far])}
            assert (await asked(http, "PUT", path, body, 409))["code"] == "placement.concurrent_update"
            await asked(http, "PUT", path, [near], 400)
            await asked(http, "PUT", path, {"resource_provider_generation": 1, "aggregates": ["x"]}, 400)
            found = (await asked(http, "GET", f"/resource_providers?member_of={near}"))["resource_providers"]
            assert [each["uuid"] for each in found] == [made]
        async with placement(world, "1.18") as http:
            assert await asked(http, "PUT", path, [far]) == {"aggregates": [far]}
            await asked(http, "PUT", path, body, 400)
            assert (await asked(http, "GET", f"/resource_providers/{made}"))["generation"] == 1
        async with placement(world, "1.0") as http:
            await asked(http, "PUT", path, [far], 404)

    in_world(tmp_path, play)


def test_custom_resource_classes(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with placement(world) as http:
            answer = await answered(http, "POST", "/resource_classes", {"name": FPGA})
            assert (answer.status_code, answer.content) == (201, b"")
            assert answer.headers["location"] == f"{EDGE_URL}/placement/resource_classes/{FPGA}"
            await asked(http, "POST", "/resource_classes", {"name": FPGA}, 409)
            await asked(http, "PUT", f"/resource_classes/{FPGA}", status=204)
            await asked(http, "PUT", "/resource_classes/CUSTOM_CAT", status=201)
            assert (await asked(http, "GET", f"/resource_classes/{FPGA}"))["name"] == FPGA
            for wrong in ("VCPU", "CUSTOM_", "custom_a"):
                await asked(http, "PUT", f"/resource_classes/{wrong}", status=400)
                await asked(http, "POST", "/resource_classes", {"name": wrong}, 400)
            await asked(http, "DELETE", "/resource_classes/VCPU", status=400)
            await asked(http, "DELETE", "/resource_classes/CUSTOM_CAT", status=204)
            await asked(http, "DELETE", "/resource_classes/CUSTOM_CAT", status=404)
            made = await stocked(http)
            consumer = uuid4()
            await asked(http, "PUT", f"/allocations/{consumer}", holding(**{made: 2}), 204)
        async with placement(world, "1.6") as http:
            renamed = await asked(http, "PUT", f"/resource_classes/{FPGA}", {"name": "CUSTOM_CARD"})
            assert renamed["name"] == "CUSTOM_CARD"
            for name, after, status in (
                ("CUSTOM_CARD", "CUSTOM_CARD", 409),
                ("CUSTOM_CARD", "card", 400),
                ("VCPU", "CUSTOM_X", 400),
                (FPGA, "CUSTOM_X", 404),
            ):
                await asked(http, "PUT", f"/resource_classes/{name}", {"name": after}, status)
            held = await asked(http, "GET", f"/allocations/{consumer}")
            assert held["allocations"][made]["resources"] == {"CUSTOM_CARD": 2}
            usages = await asked(http, "GET", f"/resource_providers/{made}/usages")
            assert usages["usages"] == {"CUSTOM_CARD": 2}
        async with placement(world, "1.1") as http:
            await asked(http, "POST", "/resource_classes", {"name": "CUSTOM_OLD"}, 404)

    in_world(tmp_path, play)


def test_nothing_of_a_host_is_written_here(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request("vm"))
        await world.settled()  # the scheduler is told by and by that it runs
        before = await world.scheduler.providers()
        path = f"/resource_providers/{HOST}"
        count = {"resource_provider_generation": before[0].generation}
        own = {HOST: {"resources": {"VCPU": 1}}}
        who = {"project_id": "demo", "user_id": "ann", "consumer_generation": None, "consumer_type": "INSTANCE"}
        known = who | {"consumer_generation": 1}
        writes = [
            ("PUT", path, {"name": "mine"}),
            ("DELETE", path, None),
            ("PUT", f"{path}/inventories", count | {"inventories": {"VCPU": {"total": 100}}}),
            ("POST", f"{path}/inventories", {"resource_class": "VGPU", "total": 1}),
            ("DELETE", f"{path}/inventories", None),
            ("PUT", f"{path}/inventories/VCPU", count | {"total": 100}),
            ("DELETE", f"{path}/inventories/VCPU", None),
            ("PUT", f"{path}/traits", count | {"traits": []}),
            ("DELETE", f"{path}/traits", None),
            ("PUT", f"{path}/aggregates", count | {"aggregates": []}),
            ("PUT", f"/allocations/{uuid4()}", who | {"allocations": own}),
            ("POST", "/allocations", {str(uuid4()): who | {"allocations": own}}),
            ("PUT", f"/allocations/{server.id}", known | {"allocations": {}}),
            ("PUT", f"/allocations/{server.id}", known | {"allocations": own}),
            ("POST", "/allocations", {server.id: known | {"allocations": {}}}),
            ("DELETE", f"/allocations/{server.id}", None),
        ]
        async with placement(world) as http:
            for verb, where, body in writes:
                error = await asked(http, verb, where, body, 403)
                assert "of this cloud" in error["detail"], (verb, where)
            await asked(http, "PUT", f"/allocations/{uuid4()}", holding(**{str(uuid4()): 1}), 400)
        assert await world.scheduler.providers() == before

    in_world(tmp_path, play)


def test_what_was_written_outlives_the_room(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        consumer = str(uuid4())
        paths = [f"/allocations/{consumer}", "/traits?name=startswith:CUSTOM_", "/resource_classes"]
        async with placement(world) as http:
            root = await stocked(http, "root")
            child = await stocked(http, "child", parent=root)
            await asked(http, "PUT", "/traits/CUSTOM_FAST", status=201)
            traits = {"resource_provider_generation": 1, "traits": ["CUSTOM_FAST"]}
            await asked(http, "PUT", f"/resource_providers/{child}/traits", traits)
            groups = {"resource_provider_generation": 2, "aggregates": [str(uuid4())]}
            await asked(http, "PUT", f"/resource_providers/{child}/aggregates", groups)
            await asked(http, "PUT", f"/allocations/{consumer}", holding(**{root: 1, child: 2}), 204)
            for each in (root, child):
                parts = ("", "/inventories", "/usages", "/traits", "/aggregates", "/allocations")
                paths += [f"/resource_providers/{each}{part}" for part in parts]
            before = [await asked(http, "GET", path) for path in paths]
        again = await World(tmp_path / "again", ledger=world.ledger).start()
        try:
            async with placement(again) as http:
                assert [await asked(http, "GET", path) for path in paths] == before
                await asked(http, "PUT", f"/allocations/{uuid4()}", holding(**{root: 4}), 409)  # 1 of 4 is held
        finally:
            await again.close()

    in_world(tmp_path, play)


@pytest.mark.parametrize("roles", [("member",), ("reader",)])
def test_only_administrators_write(tmp_path: Path, roles: tuple[str, ...]) -> None:
    async def play(world: World) -> None:
        async with placement(world) as http:
            made = await stocked(http)
        writes = [
            ("POST", "/resource_providers", {"name": "x"}),
            ("PUT", f"/resource_providers/{made}", {"name": "x"}),
            ("DELETE", f"/resource_providers/{made}", None),
            ("PUT", f"/resource_providers/{made}/inventories", {"resource_provider_generation": 1, "inventories": {}}),
            ("PUT", f"/allocations/{uuid4()}", holding(**{made: 1})),
            ("POST", "/allocations", {str(uuid4()): holding(**{made: 1})}),
            ("PUT", "/traits/CUSTOM_X", None),
            ("DELETE", f"/resource_classes/{FPGA}", None),
        ]
        async with placement(world, token=token("other", roles, "eve")) as http:
            for verb, path, body in writes:
                await asked(http, verb, path, body, 403)
            await asked(http, "GET", f"/resource_providers/{made}", status=403)

    in_world(tmp_path, play)

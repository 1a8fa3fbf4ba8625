"""Allocations of providers that are no hosts: who may hold what, all of it or none, and who is shown it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from actors.scheduler.providers import provider_id
from tests.api.rest.placement.made import FPGA, OWNER, answered, asked, holding, placement, provider, stocked
from tests.world import World, in_world

HOST = provider_id("node-1")


def test_what_a_consumer_holds_is_shown_everywhere(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        consumer = str(uuid4())
        async with placement(world) as http:
            made = await stocked(http)
            assert await asked(http, "GET", f"/allocations/{consumer}") == {"allocations": {}}
            await asked(http, "PUT", f"/allocations/{consumer}", holding(**{made: 3}), 204)
            shown = await asked(http, "GET", f"/allocations/{consumer}")
            assert shown == OWNER | {
                "allocations": {made: {"generation": 2, "resources": {FPGA: 3}}},
                "consumer_generation": 1,
                "consumer_type": "CARD_USER",
            }
            path = f"/resource_providers/{made}"
            usages = await asked(http, "GET", f"{path}/usages")
            assert usages == {"resource_provider_generation": 2, "usages": {FPGA: 3}}
            held = (await asked(http, "GET", f"{path}/allocations"))["allocations"]
            assert held == {consumer: {"resources": {FPGA: 3}, "consumer_generation": 1}}

            async def able(amount: int) -> list[str]:
                query = f"/resource_providers?resources={FPGA}:{amount}"
                return [each["uuid"] for each in (await asked(http, "GET", query))["resource_providers"]]

            assert await able(1) == [made] and await able(2) == []
            await asked(http, "DELETE", f"/allocations/{consumer}", status=204)
            assert await able(4) == [made]
            assert await asked(http, "GET", f"/allocations/{consumer}") == {"allocations": {}}
            await asked(http, "DELETE", f"/allocations/{consumer}", status=404)
            await asked(http, "PUT", f"/allocations/{consumer}", holding(**{made: 1}), 204)  # new again

    in_world(tmp_path, play)


def test_a_consumers_generation_is_its_own(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        path = f"/allocations/{uuid4()}"
        async with placement(world) as http:
            made = await stocked(http)
            error = await asked(http, "PUT", path, holding(0, **{made: 1}), 409)
            assert error["code"] == "placement.concurrent_update" and "expected null but got 0" in error["detail"]
            await asked(http, "PUT", path, holding(**{made: 1}), 204)
            for wrong in (None, 0, 2):
                assert (await asked(http, "PUT", path, holding(wrong, **{made: 2}), 409))["code"] == (
                    "placement.concurrent_update"
                )
            await asked(http, "PUT", path, holding(1, **{made: 4}), 204)  # in place of what it held
            assert (await asked(http, "GET", path))["consumer_generation"] == 2
            await asked(http, "PUT", path, holding(2), 204)
            assert await asked(http, "GET", path) == {"allocations": {}}

    in_world(tmp_path, play)


@pytest.mark.parametrize(
    ("stock", "amount", "status"),
    [
        ({}, 4, 204),
        ({}, 5, 409),
        ({"reserved": 1}, 4, 409),
        ({"allocation_ratio": 2.0}, 8, 204),
        ({"allocation_ratio": 2.0}, 9, 409),
        ({"min_unit": 2}, 1, 409),
        ({"max_unit": 3}, 4, 409),
        ({"step_size": 2}, 3, 409),
        ({"step_size": 2}, 4, 204),
        ({}, 0, 400),
        ({}, -1, 400),
        ({}, 2**63, 400),
    ],
)
def test_no_more_is_given_than_there_is(tmp_path: Path, stock: dict[str, Any], amount: int, status: int) -> None:
    async def play(world: World) -> None:
        async with placement(world) as http:
            made = await stocked(http, **stock)
            await asked(http, "PUT", f"/allocations/{uuid4()}", holding(**{made: amount}), status)
            used = (await asked(http, "GET", f"/resource_providers/{made}/usages"))["usages"]
            assert used == {FPGA: amount if status == 204 else 0}

    in_world(tmp_path, play)


def test_many_consumers_at_once_are_all_or_none(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        first, second = str(uuid4()), str(uuid4())
        async with placement(world) as http:
            made, other = await stocked(http), await stocked(http, "others", total=1)
            both = {first: holding(**{made: 3}), second: holding(**{made: 2})}
            await asked(http, "POST", "/allocations", both, 409)  # 5 of 4
            await asked(http, "POST", "/allocations", {first: holding(**{made: 1, other: 2})}, 409)
            await asked(http, "POST", "/allocations", {first: holding(**{made: 1}), second: holding(7)}, 409)
            assert await asked(http, "GET", f"/allocations/{first}") == {"allocations": {}}
            for each in (made, other):
                assert (await asked(http, "GET", f"/resource_providers/{each}"))["generation"] == 1
            await asked(http, "POST", "/allocations", {first: holding(**{made: 4})}, 204)
            moved = {first: holding(1), second: holding(**{made: 4})}  # what one gives back, the other takes
            await asked(http, "POST", "/allocations", moved, 204)
            held = (await asked(http, "GET", f"/resource_providers/{made}/allocations"))["allocations"]
            assert set(held) == {second}
            for wrong in ({}, [], {"x": holding()}, {first: []}, {first: holding() | {"colour": "red"}}):
                await asked(http, "POST", "/allocations", wrong, 400)
        async with placement(world, "1.12") as http:
            await asked(http, "POST", "/allocations", moved, 404)

    in_world(tmp_path, play)


def test_fifty_who_ask_at_once_get_what_is_there(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with placement(world) as http:
            made = await stocked(http, total=20)
            wanted = [answered(http, "PUT", f"/allocations/{uuid4()}", holding(**{made: 1})) for _ in range(50)]
            statuses = sorted(answer.status_code for answer in await asyncio.gather(*wanted))
            assert statuses == [204] * 20 + [409] * 30
            assert (await asked(http, "GET", f"/resource_providers/{made}/usages"))["usages"] == {FPGA: 20}

    in_world(tmp_path, play)


def test_bodies_are_those_of_the_version(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with placement(world) as http:
            made = await stocked(http, total=100)
        listed = {"allocations": [{"resource_provider": {"uuid": made}, "resources": {FPGA: 1}}]}
        keyed = OWNER | {"allocations": {made: {"resources": {FPGA: 1}}}}
        counted = keyed | {"consumer_generation": None}
        mapped = counted | {"mappings": {"": [made]}}
        typed = mapped | {"consumer_type": "INSTANCE"}
        since = [(0, listed), (8, OWNER | listed), (12, keyed), (28, counted), (34, mapped), (38, typed)]
        for place, (minor, body) in enumerate(since):
            async with placement(world, f"1.{minor}") as http:
                path = f"/allocations/{uuid4()}"
                await asked(http, "PUT", path, body, 204)
                shown = await asked(http, "GET", path)
                fields = ["allocations", *["project_id", "user_id"] * (minor >= 12)]
                fields += ["consumer_generation"] * (minor >= 28) + ["consumer_type"] * (minor >= 38)
                assert list(shown) == fields
            if place:
                async with placement(world, f"1.{minor - 1}") as http:
                    await asked(http, "PUT", f"/allocations/{uuid4()}", body, 400)
        async with placement(world) as http:
            assert (await asked(http, "GET", f"/resource_providers/{made}/usages"))["usages"] == {FPGA: len(since)}
            for wrong in (typed | {"allocations": {made: {"resources": {}}}}, typed | {"project_id": ""}, [], "x"):
                await asked(http, "PUT", f"/allocations/{uuid4()}", wrong, 400)
            await asked(http, "PUT", "/allocations/nobody", typed, 400)
            unknown = {"allocations": {made: {"resources": {"CUSTOM_UNKNOWN": 1}}}}
            await asked(http, "PUT", f"/allocations/{uuid4()}", typed | unknown, 400)
            none = {"allocations": {made: {"resources": {"VGPU": 1}}}}
            await asked(http, "PUT", f"/allocations/{uuid4()}", typed | none, 409)

    in_world(tmp_path, play)


def test_usages_of_a_project_are_of_servers_and_others(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await world.boot(world.request("vm"))
        async with placement(world) as http:
            made = await stocked(http)
            await asked(http, "PUT", f"/allocations/{uuid4()}", holding(**{made: 2}), 204)
            others = holding(**{made: 1}) | {"project_id": "other", "user_id": "eve"}
            await asked(http, "PUT", f"/allocations/{uuid4()}", others, 204)
        async with placement(world, "1.37", world.member) as http:
            usages = (await asked(http, "GET", "/usages?project_id=demo"))["usages"]
            assert usages == {"VCPU": 1, "MEMORY_MB": 128, "DISK_GB": 1, FPGA: 2}
            assert (await asked(http, "GET", "/usages?project_id=demo&user_id=bob"))["usages"] == {}
            await asked(http, "GET", "/usages?project_id=other", status=403)
        async with placement(world, token=world.member) as http:
            usages = (await asked(http, "GET", "/usages?project_id=demo"))["usages"]
            assert usages["CARD_USER"] == {"consumer_count": 1, FPGA: 2} and set(usages) == {"CARD_USER", "INSTANCE"}
            one = (await asked(http, "GET", "/usages?project_id=demo&consumer_type=CARD_USER"))["usages"]
            assert one == {"CARD_USER": usages["CARD_USER"]}
            every = (await asked(http, "GET", "/usages?project_id=demo&consumer_type=all"))["usages"]
            assert every["all"] == {"consumer_count": 2, "VCPU": 1, "MEMORY_MB": 128, "DISK_GB": 1, FPGA: 2}

    in_world(tmp_path, play)


def test_candidates_may_be_of_several_providers_of_a_tree(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with placement(world) as http:
            alone = await stocked(http, "alone")
            near = await stocked(http, "near", parent=HOST)
            full = await stocked(http, "full", parent=HOST)
            await asked(http, "PUT", f"/allocations/{uuid4()}", holding(**{full: 4}), 204)
            cards = await asked(http, "GET", f"/allocation_candidates?resources={FPGA}:2")
            found = [request["allocations"] for request in cards["allocation_requests"]]
            wanted = {"resources": {FPGA: 2}}
            assert sorted(map(list, found)) == sorted([[alone], [near]]) and all(
                wanted in one.values() for one in found
            )
            summaries = cards["provider_summaries"]
            assert set(summaries) == {alone, near, full, HOST}  # all of each tree
            assert summaries[near]["parent_provider_uuid"] == summaries[near]["root_provider_uuid"] == HOST
            assert summaries[full]["resources"][FPGA] == {"capacity": 4, "used": 4}
            both = f"/allocation_candidates?resources=VCPU:1,{FPGA}:2"
            [request] = (await asked(http, "GET", both))["allocation_requests"]
            assert request == {
                "allocations": {HOST: {"resources": {"VCPU": 1}}, near: wanted},
                "mappings": {"": [HOST, near]},
            }
            named = f"/allocation_candidates?resources=VCPU:1&resources_C={FPGA}:1&in_tree_C={near}"
            [request] = (await asked(http, "GET", named))["allocation_requests"]
            assert request["mappings"] == {"": [HOST], "_C": [near]}
            one = await asked(http, "GET", f"/allocation_candidates?resources={FPGA}:1&limit=1")
            assert len(one["allocation_requests"]) == 1
            hosts = (await asked(http, "GET", "/allocation_candidates?resources=VCPU:1"))["allocation_requests"]
            assert [list(each["allocations"]) for each in hosts] == [[HOST]]
        async with placement(world, "1.28") as http:
            assert (await asked(http, "GET", both))["allocation_requests"] == []
            cards = await asked(http, "GET", f"/allocation_candidates?resources={FPGA}:2")
            assert set(cards["provider_summaries"]) == {alone, near}

    in_world(tmp_path, play)


def test_who_shares_gives_to_the_hosts_of_its_aggregate(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with placement(world) as http:
            [fast] = (await asked(http, "GET", f"/resource_providers/{HOST}/aggregates"))["aggregates"]
            pool = await stocked(http, "pool")
            both = f"/allocation_candidates?resources=VCPU:1,{FPGA}:2"
            traits = {"resource_provider_generation": 1, "traits": ["MISC_SHARES_VIA_AGGREGATE"]}
            await asked(http, "PUT", f"/resource_providers/{pool}/traits", traits)
            assert (await asked(http, "GET", both))["allocation_requests"] == []
            among = {"resource_provider_generation": 2, "aggregates": [fast]}
            await asked(http, "PUT", f"/resource_providers/{pool}/aggregates", among)
            found = await asked(http, "GET", both)
            assert found["allocation_requests"] == [
                {
                    "allocations": {HOST: {"resources": {"VCPU": 1}}, pool: {"resources": {FPGA: 2}}},
                    "mappings": {"": [HOST, pool]},
                }
            ]
            assert set(found["provider_summaries"]) == {HOST, pool}
            alone = (await asked(http, "GET", f"/allocation_candidates?resources={FPGA}:2"))["allocation_requests"]
            assert [list(each["allocations"]) for each in alone] == [[pool]]

    in_world(tmp_path, play, aggregates={"fast": {}})


def test_servers_go_on_as_if_there_were_no_other_providers(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with placement(world) as http:
            made = await provider(http, "cpus", parent_provider_uuid=HOST)
            inventories = {"VCPU": {"total": 1_000}}
            body = {"resource_provider_generation": 0, "inventories": inventories}
            await asked(http, "PUT", f"/resource_providers/{made}/inventories", body)
            [server] = await world.boot(world.request("vm"))
            assert server.host == "node-1"
            held = (await asked(http, "GET", f"/allocations/{server.id}"))["allocations"]
            assert list(held) == [HOST]
            assert (await asked(http, "GET", f"/resource_providers/{made}/allocations"))["allocations"] == {}

    in_world(tmp_path, play)

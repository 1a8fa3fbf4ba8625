"""POST /reshaper: inventories and what is held of them move from one provider to another, together or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

from httpx import AsyncClient

from actors.scheduler.providers import provider_id
from tests.api.rest.placement.made import FPGA, asked, holding, placement, provider, stocked
from tests.world import World, in_world

HOST = provider_id("node-1")
CONSUMER = str(uuid4())


def stock(generation: int, **amounts: int) -> dict[str, Any]:
    inventories = {name: {"total": total} for name, total in amounts.items()}
    return {"resource_provider_generation": generation, "inventories": inventories}


async def family(http: AsyncClient) -> tuple[str, str]:
    """A provider with 4 cards, of which 3 are held, and its child that has nothing yet."""
    parent = await stocked(http)
    child = await provider(http, "child", parent_provider_uuid=parent)
    await asked(http, "PUT", f"/allocations/{CONSUMER}", holding(**{parent: 3}), 204)
    return parent, child


def moving(parent: str, child: str, amount: int = 3, **changes: Any) -> dict[str, Any]:
    """All cards, and what is held of them, from the parent to the child."""
    inventories = {parent: stock(2), child: stock(0, **{FPGA: 4})}
    return {"inventories": inventories, "allocations": {CONSUMER: holding(1, **{child: amount})}} | changes


async def everything(http: AsyncClient) -> list[Any]:
    shown = [await asked(http, "GET", "/resource_providers"), await asked(http, "GET", f"/allocations/{CONSUMER}")]
    for each in shown[0]["resource_providers"]:
        parts = ("inventories", "usages", "allocations")
        shown += [await asked(http, "GET", f"/resource_providers/{each['uuid']}/{one}") for one in parts]
    return shown


def test_inventories_and_allocations_move_together(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with placement(world) as http:
            parent, child = await family(http)
            await asked(http, "POST", "/reshaper", moving(parent, child), 204)
            held = await asked(http, "GET", f"/allocations/{CONSUMER}")
            assert {each: one["resources"] for each, one in held["allocations"].items()} == {child: {FPGA: 3}}
            assert held["consumer_generation"] == 2
            for each, total, used in ((parent, None, None), (child, 4, 3)):
                path = f"/resource_providers/{each}"
                inventories = (await asked(http, "GET", f"{path}/inventories"))["inventories"]
                usages = (await asked(http, "GET", f"{path}/usages"))["usages"]
                assert (inventories.get(FPGA, {}).get("total"), usages.get(FPGA)) == (total, used)
            await world.api.start()  # reads what is on disk
            assert await asked(http, "GET", f"/allocations/{CONSUMER}") == held

    in_world(tmp_path, play)


def test_without_allocations_it_is_inventories_alone(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with placement(world) as http:
            parent, child = await family(http)
        async with placement(world, "1.30") as http:
            body = {"inventories": {parent: stock(2, **{FPGA: 3}), child: stock(0, VCPU=1)}, "allocations": {}}
            await asked(http, "POST", "/reshaper", body, 204)
            shown = await asked(http, "GET", f"/resource_providers/{parent}/inventories")
            assert (shown["inventories"][FPGA]["total"], shown["resource_provider_generation"]) == (3, 3)

    in_world(tmp_path, play)


def test_what_is_wrong_in_one_part_changes_nothing_in_any(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        async with placement(world) as http:
            parent, child = await family(http)
            before, inventories = await everything(http), moving(parent, child)["inventories"]
            nobody = str(uuid4())
            for status, code, changes in (
                (409, "concurrent_update", {"inventories": inventories | {parent: stock(1)}}),
                (409, "concurrent_update", {"allocations": {CONSUMER: holding(7, **{child: 3})}}),
                (409, "inventory.inuse", {"allocations": {}}),
                (409, "inventory.inuse", {"allocations": {str(uuid4()): holding(**{child: 1})}}),
                (409, "undefined_code", moving(parent, child, amount=5)),
                (400, "resource_provider.not_found", {"inventories": inventories | {nobody: stock(0)}}),
                (400, "undefined_code", {"inventories": inventories | {child: stock(0, CUSTOM_NONE=1)}}),
                (400, "undefined_code", {"allocations": {CONSUMER: holding(1, **{nobody: 1})}}),
                (403, "undefined_code", {"inventories": inventories | {HOST: stock(0)}}),
                (403, "undefined_code", {"allocations": {CONSUMER: holding(1, **{HOST: 1})}}),
                (403, "undefined_code", {"allocations": {server.id: holding(**{child: 1})}}),
                (400, "undefined_code", {"inventories": {}}),
                (400, "undefined_code", {"allocations": None}),
            ):
                error = await asked(http, "POST", "/reshaper", moving(parent, child) | changes, status)
                assert error["code"] == f"placement.{code}", (changes, error)
            assert await everything(http) == before
        async with placement(world, "1.29") as http:
            await asked(http, "POST", "/reshaper", moving(parent, child), 404)

    in_world(tmp_path, play)

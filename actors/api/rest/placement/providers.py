"""/resource_providers and what each of them has: this cloud's hosts."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request

from actors.api.rest.answers import Json
from actors.api.rest.context import Rooms
from actors.api.rest.microversions import Spoken
from actors.api.rest.placement import views
from actors.api.rest.placement.asked import (
    Administrator,
    check_parameters,
    group_of,
    identifier,
    no_provider,
    since,
)
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, not_found
from actors.scheduler.messages import CandidateQuery, InventoryView, ProviderView
from actors.scheduler.providers import takes

router = APIRouter(prefix="/resource_providers")

FILTERS = {"name": 0, "uuid": 0, "member_of": 3, "resources": 4, "in_tree": 14, "required": 18}


async def found_provider(rooms: EdgeRooms, provider_id: str) -> ProviderView:
    for each in await rooms.scheduler.providers():
        if each.id == provider_id:
            return each
    raise CallerError(no_provider(provider_id))


@router.get("")
async def list_providers(request: Request, rooms: Rooms, caller: Administrator, spoken: Spoken) -> Json:
    check_parameters(request, spoken, FILTERS)
    query = CandidateQuery(groups={"": group_of(request, spoken)})
    name, wanted = request.query_params.get("name"), request.query_params.get("uuid")
    provider_id = None if wanted is None else identifier(wanted, "uuid")
    found = [
        views.provider(each, spoken)
        for each in await rooms.scheduler.providers()
        if name in (None, each.name) and provider_id in (None, each.id) and takes(each, query)
    ]
    return Json({"resource_providers": found})


@router.get("/{provider_id}")
async def show_provider(provider_id: str, rooms: Rooms, caller: Administrator, spoken: Spoken) -> Json:
    return Json(views.provider(await found_provider(rooms, provider_id), spoken))


@router.get("/{provider_id}/inventories")
async def list_inventories(provider_id: str, rooms: Rooms, caller: Administrator) -> Json:
    each = await found_provider(rooms, provider_id)
    inventories = {name: views.inventory(inventory) for name, inventory in each.inventories.items()}
    return Json({"resource_provider_generation": each.generation, "inventories": inventories})


@router.get("/{provider_id}/inventories/{resource_class}")
async def show_inventory(provider_id: str, resource_class: str, rooms: Rooms, caller: Administrator) -> Json:
    each = await found_provider(rooms, provider_id)
    inventory: InventoryView | None = each.inventories.get(resource_class)
    if inventory is None:
        raise CallerError(not_found("", f"No inventory of class {resource_class[:64]} for {provider_id}"))
    return Json({"resource_provider_generation": each.generation, **views.inventory(inventory)})


@router.get("/{provider_id}/usages")
async def show_usages(provider_id: str, rooms: Rooms, caller: Administrator) -> Json:
    return Json(views.usages(await found_provider(rooms, provider_id)))


@router.get("/{provider_id}/traits", dependencies=[Depends(since(6))])
async def list_traits(provider_id: str, rooms: Rooms, caller: Administrator) -> Json:
    each = await found_provider(rooms, provider_id)
    return Json({"resource_provider_generation": each.generation, "traits": sorted(each.traits)})


@router.get("/{provider_id}/aggregates", dependencies=[Depends(since(1))])
async def list_aggregates(provider_id: str, rooms: Rooms, caller: Administrator, spoken: Spoken) -> Json:
    each = await found_provider(rooms, provider_id)
    body: dict[str, Any] = {"aggregates": sorted(each.aggregates)}
    if spoken >= (1, 19):
        body["resource_provider_generation"] = each.generation
    return Json(body)


@router.get("/{provider_id}/allocations")
async def list_allocations(provider_id: str, rooms: Rooms, caller: Administrator) -> Json:
    each = await found_provider(rooms, provider_id)
    held = await rooms.scheduler.allocations_on(each.name)
    allocations = {one.consumer_id: {"resources": one.resources} for one in held}
    return Json({"resource_provider_generation": each.generation, "allocations": allocations})

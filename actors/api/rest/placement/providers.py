"""/resource_providers and what each of them has: this cloud's hosts, and those that somebody made."""

from __future__ import annotations

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
    since,
)
from actors.api.rest.placement.everything import all_providers, found_provider
from actors.api.rest.placement.names import check_names
from actors.api.rest.placement.trees import in_trees
from actors.errors import CallerError, not_found
from actors.scheduler.messages import CandidateQuery
from actors.scheduler.providers import takes

router = APIRouter(prefix="/resource_providers")

FILTERS = {"name": 0, "uuid": 0, "member_of": 3, "resources": 4, "in_tree": 14, "required": 18}


@router.get("")
async def list_providers(request: Request, rooms: Rooms, caller: Administrator, spoken: Spoken) -> Json:
    check_parameters(request, spoken, FILTERS)
    name, wanted = request.query_params.get("name"), request.query_params.get("uuid")
    provider_id = None if wanted is None else identifier(wanted, "uuid")
    group = group_of(request, spoken)
    await check_names(rooms, caller, [group])
    there = await all_providers(rooms, caller)
    query = in_trees(CandidateQuery(groups={"": group}), there)
    found = [
        views.provider(each, spoken)
        for each in there
        if name in (None, each.name) and provider_id in (None, each.id) and takes(each, query)
    ]
    return Json({"resource_providers": found})


@router.get("/{provider_id}")
async def show_provider(provider_id: str, rooms: Rooms, caller: Administrator, spoken: Spoken) -> Json:
    return Json(views.provider(await found_provider(rooms, caller, provider_id), spoken))


@router.get("/{provider_id}/inventories")
async def list_inventories(provider_id: str, rooms: Rooms, caller: Administrator) -> Json:
    return Json(views.inventories(await found_provider(rooms, caller, provider_id)))


@router.get("/{provider_id}/inventories/{resource_class}")
async def show_inventory(provider_id: str, resource_class: str, rooms: Rooms, caller: Administrator) -> Json:
    each = await found_provider(rooms, caller, provider_id)
    if resource_class not in each.inventories:
        raise CallerError(not_found("", f"No inventory of class {resource_class[:64]} for {provider_id}"))
    return Json(views.one_inventory(each, resource_class))


@router.get("/{provider_id}/usages")
async def show_usages(provider_id: str, rooms: Rooms, caller: Administrator) -> Json:
    return Json(views.usages(await found_provider(rooms, caller, provider_id)))


@router.get("/{provider_id}/traits", dependencies=[Depends(since(6))])
async def list_traits(provider_id: str, rooms: Rooms, caller: Administrator) -> Json:
    return Json(views.traits(await found_provider(rooms, caller, provider_id)))


@router.get("/{provider_id}/aggregates", dependencies=[Depends(since(1))])
async def list_aggregates(provider_id: str, rooms: Rooms, caller: Administrator, spoken: Spoken) -> Json:
    return Json(views.aggregates(await found_provider(rooms, caller, provider_id), spoken))


@router.get("/{provider_id}/allocations")
async def list_allocations(provider_id: str, rooms: Rooms, caller: Administrator, spoken: Spoken) -> Json:
    each = await found_provider(rooms, caller, provider_id)
    servers = [one for one in await rooms.scheduler.allocations_on(each.name) if one.provider_id == each.id]
    others = await rooms.api.consumers_of(caller.token, each.id)
    held = [(one.consumer_id, one.resources, views.GENERATION) for one in servers]
    held += [(one.id, one.allocations[each.id], one.generation) for one in others]
    allocations = {consumer: views.held(resources, generation, spoken) for consumer, resources, generation in held}
    return Json({"resource_provider_generation": each.generation, "allocations": allocations})

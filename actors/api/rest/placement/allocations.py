"""/allocations and /usages: what servers hold of this cloud's hosts, and other consumers of other providers.

A server is a consumer under its own id; what it holds, the scheduler alone writes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, Depends, Request

from actors.api.placement_messages import Allocate, Allocation
from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Rooms
from actors.api.rest.microversions import Spoken, Version
from actors.api.rest.placement import bodies, views
from actors.api.rest.placement.asked import MISSING_VALUE, Administrator, Sent, check_parameters, identifier, since
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, bad_request
from actors.scheduler.messages import AllocationView

router = APIRouter()

SERVERS_TYPE = "INSTANCE"
NOBODY = "00000000-0000-0000-0000-000000000000"  # whose allocations are that were written before 1.8
EACH_TYPE, ALL_TYPES = "", "all"  # how usages are told: by type, or as one
TYPED_SINCE = (1, 38)
PUT_BODIES: tuple[tuple[int, type[bodies.Allocations | bodies.ListedAllocations]], ...] = (  # since which minor
    (38, bodies.TypedAllocations),
    (34, bodies.MappedAllocations),
    (28, bodies.CountedAllocations),
    (12, bodies.SomeAllocations),
    (8, bodies.OwnedListedAllocations),
    (0, bodies.ListedAllocations),
)
CONSUMERS_LIMIT = 1_000  # of one request


@router.get("/allocations/{consumer_id}")
async def show_allocations(consumer_id: str, rooms: Rooms, caller: Administrator, spoken: Spoken) -> Json:
    [held] = await rooms.scheduler.allocations([consumer_id])
    if held is not None:
        generations = {each.id: each.generation for each in await rooms.scheduler.providers()}
        shown = views.consumer_allocations({held.provider_id: held.resources}, generations)
        return Json({"allocations": shown} | await _server(rooms, consumer_id, spoken))
    made = await rooms.api.consumer(caller.token, consumer_id)
    if made is None:
        return Json({"allocations": {}})
    who = made.consumer
    shown = views.consumer_allocations(who.allocations, made.generations)
    return Json({"allocations": shown} | views.consumer(who.project_id, who.user_id, who.generation, who.type, spoken))


async def _server(rooms: EdgeRooms, consumer_id: str, spoken: Version) -> dict[str, Any]:
    """Who holds it; nothing of an instance that is gone by now."""
    try:
        spec = (await rooms.conductor.instance(consumer_id)).spec
    except LookupError:
        return {}
    return views.consumer(spec.project_id, spec.user_id, views.GENERATION, SERVERS_TYPE, spoken)


# ---------------------------------------------------------------- writing


@router.put("/allocations/{consumer_id}")
async def set_allocations(consumer_id: str, sent: Sent, rooms: Rooms, caller: Administrator, spoken: Spoken) -> Json:
    consumer_id = identifier(consumer_id, "consumer_uuid")
    model = next(model for minor, model in PUT_BODIES if spoken >= (1, minor))
    wanted = allocation_of(consumer_id, bodies.parsed(model, sent))
    await rooms.api.allocate(Allocate(token=caller.token, allocations=(wanted,)))
    return Json(None, status_code=204)


@router.post("/allocations", dependencies=[Depends(since(13))])
async def set_many(sent: Sent, rooms: Rooms, caller: Administrator, spoken: Spoken) -> Json:
    """Of several consumers, all or none: what one gives back, another may take."""
    model = next((model for minor, model in PUT_BODIES if minor >= 28 and spoken >= (1, minor)), bodies.Allocations)
    if not isinstance(sent, dict) or not 1 <= len(sent) <= CONSUMERS_LIMIT:
        text = f"JSON does not validate: an object of 1 to {CONSUMERS_LIMIT} consumers is wanted"
        raise CallerError(bad_request("", text))
    wanted = {
        one.consumer_id: one
        for each, body in sent.items()
        for one in [allocation_of(identifier(each, "consumer_uuid"), bodies.parsed(model, body))]
    }
    await rooms.api.allocate(Allocate(token=caller.token, allocations=tuple(wanted.values())))
    return Json(None, status_code=204)


@router.delete("/allocations/{consumer_id}")
async def delete_allocations(consumer_id: str, rooms: Rooms, caller: Administrator) -> Json:
    await rooms.api.release(caller.token, consumer_id)
    return Json(None, status_code=204)


def allocation_of(consumer_id: str, body: bodies.Allocations | bodies.ListedAllocations) -> Allocation:
    if isinstance(body, bodies.ListedAllocations):
        resources = {one.resource_provider.uuid: one.resources for one in body.allocations}
    else:
        resources = {provider_id: one.resources for provider_id, one in body.allocations.items()}
    return Allocation(
        consumer_id=consumer_id,
        project_id=getattr(body, "project_id", NOBODY),
        user_id=getattr(body, "user_id", NOBODY),
        resources=resources,
        generation=getattr(body, "consumer_generation", None),
        checked=isinstance(body, bodies.CountedAllocations),
        type=getattr(body, "consumer_type", None),
    )


# ---------------------------------------------------------------- usages


@router.get("/usages", dependencies=[Depends(since(9))])
async def show_usages(request: Request, rooms: Rooms, caller: Asking, spoken: Spoken) -> Json:
    """Of a project, or of one user of it; a project may see its own."""
    check_parameters(request, spoken, {"project_id": 9, "user_id": 9, "consumer_type": 38})
    project_id, user_id = request.query_params.get("project_id", ""), request.query_params.get("user_id", "")
    if not project_id:
        raise CallerError(bad_request("", "'project_id' is a required property", MISSING_VALUE))
    others = await rooms.api.consumers(caller.token, project_id, user_id)  # and no other project's
    held = [(SERVERS_TYPE, one.resources) for one in await _servers(rooms, project_id, user_id)]
    for one in others:
        held += [(one.type or views.UNKNOWN_TYPE, _total(one.allocations.values()))]
    return Json({"usages": _usages(held, request.query_params.get("consumer_type", EACH_TYPE), spoken)})


async def _servers(rooms: EdgeRooms, project_id: str, user_id: str) -> list[AllocationView]:
    ids = [view.id for view in await rooms.conductor.list_servers(project_id)]
    if user_id:
        ids = [each for each in ids if await _user_of(rooms, each) == user_id]
    return [held for held in await rooms.scheduler.allocations(ids) if held is not None]


async def _user_of(rooms: EdgeRooms, instance_id: str) -> str:
    try:
        return (await rooms.conductor.instance(instance_id)).spec.user_id
    except LookupError:
        return ""


def _total(parts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return dict(total)


def _usages(held: list[tuple[str, dict[str, int]]], kind: str, spoken: Version) -> dict[str, Any]:
    """`kind`: a consumer type, or `ALL_TYPES` as one, or `EACH_TYPE`."""
    if spoken < TYPED_SINCE:
        return _total(resources for _, resources in held)
    by_type: dict[str, list[dict[str, int]]] = {}
    for of_type, resources in held:
        if kind in (EACH_TYPE, ALL_TYPES, of_type):
            by_type.setdefault(kind or of_type, []).append(resources)
    return {of_type: {"consumer_count": len(parts), **_total(parts)} for of_type, parts in by_type.items()}

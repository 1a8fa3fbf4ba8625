"""/allocations/{consumer} and /usages: what instances hold. A consumer is an instance, under its own id."""

from __future__ import annotations

from collections import Counter
from typing import Any

from fastapi import APIRouter, Depends, Request

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.microversions import Spoken, Version
from actors.api.rest.placement import views
from actors.api.rest.placement.asked import MISSING_VALUE, Administrator, check_parameters, since
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, bad_request, forbidden
from actors.scheduler.messages import AllocationView

router = APIRouter()

CONSUMER_TYPE = "INSTANCE"
ALL_TYPES = ("all", CONSUMER_TYPE)
GENERATION = 1  # a claim of ours is made once, and given back whole


@router.get("/allocations/{consumer_id}")
async def show_allocations(consumer_id: str, rooms: Rooms, caller: Administrator, spoken: Spoken) -> Json:
    [held] = await rooms.scheduler.allocations([consumer_id])
    if held is None:
        return Json({"allocations": {}})
    generations = {each.id: each.generation for each in await rooms.scheduler.providers()}
    body: dict[str, Any] = {
        "allocations": views.consumer_allocations([(held, generations.get(held.provider_id, 0))]),
    }
    return Json(body | await _consumer(rooms, consumer_id, spoken))


async def _consumer(rooms: EdgeRooms, consumer_id: str, spoken: Version) -> dict[str, Any]:
    """Who holds it; nothing of an instance that is gone by now."""
    body: dict[str, Any] = {}
    try:
        spec = (await rooms.conductor.instance(consumer_id)).spec
    except LookupError:
        return body
    if spoken >= (1, 12):
        body |= {"project_id": spec.project_id, "user_id": spec.user_id}
    if spoken >= (1, 28):
        body["consumer_generation"] = GENERATION
    if spoken >= (1, 38):
        body["consumer_type"] = CONSUMER_TYPE
    return body


@router.get("/usages", dependencies=[Depends(since(9))])
async def show_usages(request: Request, rooms: Rooms, caller: Asking, spoken: Spoken) -> Json:
    """Of a project, or of one user of it; a project may see its own."""
    check_parameters(request, spoken, {"project_id": 9, "user_id": 9, "consumer_type": 38})
    project_id = request.query_params.get("project_id", "")
    if not project_id:
        raise CallerError(bad_request("", "'project_id' is a required property", MISSING_VALUE))
    _check_project(caller, project_id)
    held = await _held(rooms, project_id, request.query_params.get("user_id", ""))
    kind = request.query_params.get("consumer_type", "all")
    return Json({"usages": _usages(held, kind, spoken)})


def _check_project(caller: Caller, project_id: str) -> None:
    if not caller.context.is_admin and caller.context.project_id != project_id:
        raise CallerError(forbidden("only an administrator sees the usages of another project"))


async def _held(rooms: EdgeRooms, project_id: str, user_id: str) -> list[AllocationView]:
    ids = [view.id for view in await rooms.conductor.list_servers(project_id)]
    if user_id:
        ids = [each for each in ids if await _user_of(rooms, each) == user_id]
    return [held for held in await rooms.scheduler.allocations(ids) if held is not None]


async def _user_of(rooms: EdgeRooms, instance_id: str) -> str:
    try:
        return (await rooms.conductor.instance(instance_id)).spec.user_id
    except LookupError:
        return ""


def _usages(held: list[AllocationView], kind: str, spoken: Version) -> dict[str, Any]:
    total: Counter[str] = Counter()
    for each in held:
        total.update(each.resources)
    if spoken < (1, 38):
        return dict(total)
    if kind not in ALL_TYPES or not held:
        return {}
    return {kind: {"consumer_count": len(held), **total}}

"""/resource_classes and /traits: the names by which hosts are described, OpenStack's own and those of hosts here."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from os_resource_classes import STANDARDS
from os_traits import get_traits

from actors.api.rest.answers import Json
from actors.api.rest.context import Rooms
from actors.api.rest.microversions import Spoken, Version
from actors.api.rest.placement.asked import BAD_VALUE, Administrator, check_parameters, since
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, bad_request, not_found

router = APIRouter()

STANDARD_CLASSES: tuple[str, ...] = tuple(STANDARDS)
STANDARD_TRAITS: frozenset[str] = frozenset(get_traits())


@router.get("/resource_classes", dependencies=[Depends(since(2))])
async def list_classes(rooms: Rooms, caller: Administrator, spoken: Spoken) -> Json:
    names = await _classes(rooms)
    return Json({"resource_classes": [_class(name, spoken) for name in names]})


@router.get("/resource_classes/{name}", dependencies=[Depends(since(2))])
async def show_class(name: str, rooms: Rooms, caller: Administrator, spoken: Spoken) -> Json:
    if name not in await _classes(rooms):
        raise CallerError(not_found("", f"No such resource class {name[:64]}."))
    return Json(_class(name, spoken))


@router.get("/traits", dependencies=[Depends(since(6))])
async def list_traits(request: Request, rooms: Rooms, caller: Administrator, spoken: Spoken) -> Json:
    """`associated`: only those that some host has, or only those that none has."""
    check_parameters(request, spoken, {"name": 6, "associated": 6})
    here = await _traits_of_hosts(rooms)
    names = sorted(STANDARD_TRAITS | here)
    how, _, text = request.query_params.get("name", "startswith:").partition(":")
    if how not in ("in", "startswith"):
        raise CallerError(bad_request("name", "Badly formatted name parameter: in:A,B or startswith:A", BAD_VALUE))
    wanted = [name for name in names if (name in text.split(",") if how == "in" else name.startswith(text))]
    associated = request.query_params.get("associated", "").lower()
    if associated not in ("true", "false") and "associated" in request.query_params:
        raise CallerError(bad_request("associated", "The query parameter associated is true or false", BAD_VALUE))
    if associated:
        wanted = [name for name in wanted if (name in here) == (associated == "true")]
    return Json({"traits": wanted})


@router.get("/traits/{name}", dependencies=[Depends(since(6))])
async def show_trait(name: str, rooms: Rooms, caller: Administrator) -> Json:
    if name not in STANDARD_TRAITS and name not in await _traits_of_hosts(rooms):
        raise CallerError(not_found("", f"No such trait: {name[:64]}."))
    return Json(None, status_code=204)


def _class(name: str, spoken: Version) -> dict[str, object]:
    return {"name": name, "links": [{"rel": "self", "href": f"/placement/resource_classes/{name}"}]}


async def _classes(rooms: EdgeRooms) -> list[str]:
    told = {name for each in await rooms.scheduler.providers() for name in each.inventories}
    return [*STANDARD_CLASSES, *sorted(told.difference(STANDARD_CLASSES))]


async def _traits_of_hosts(rooms: EdgeRooms) -> frozenset[str]:
    return frozenset(name for each in await rooms.scheduler.providers() for name in each.traits)

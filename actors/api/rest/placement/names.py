"""/resource_classes and /traits: the names by which providers are described, OpenStack's own and those made here."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter, Depends, Request
from os_resource_classes import STANDARDS
from os_traits import get_traits

from actors.api.placement_books import CLASS, TRAIT
from actors.api.rest.answers import Json
from actors.api.rest.context import Caller, Rooms
from actors.api.rest.microversions import Spoken
from actors.api.rest.placement.asked import BAD_VALUE, Administrator, Sent, check_parameters, location, since
from actors.api.rest.placement.bodies import ClassBody, parsed
from actors.api.rest.placement.everything import all_providers
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, bad_request, conflict, not_found
from actors.scheduler.messages import CandidateGroup

router = APIRouter()

STANDARD_CLASSES: tuple[str, ...] = tuple(STANDARDS)
STANDARD_TRAITS: frozenset[str] = frozenset(get_traits())
PUT_MAKES_SINCE = (1, 7)


@router.get("/resource_classes", dependencies=[Depends(since(2))])
async def list_classes(rooms: Rooms, caller: Administrator) -> Json:
    return Json({"resource_classes": [_class(name) for name in await _classes(rooms, caller)]})


@router.get("/resource_classes/{name}", dependencies=[Depends(since(2))])
async def show_class(name: str, rooms: Rooms, caller: Administrator) -> Json:
    if name not in await _classes(rooms, caller):
        raise CallerError(not_found("", f"No such resource class {name[:64]}."))
    return Json(_class(name))


@router.post("/resource_classes", dependencies=[Depends(since(2))])
async def create_class(request: Request, sent: Sent, rooms: Rooms, caller: Administrator) -> Json:
    name = parsed(ClassBody, sent).name
    if not await rooms.api.create_name(caller.token, CLASS, name):
        raise CallerError(conflict("", f"Conflicting resource class already exists: {name}"))
    return Json(None, status_code=201, headers=location(request, f"/resource_classes/{name}"))


@router.put("/resource_classes/{name}", dependencies=[Depends(since(2))])
async def put_class(request: Request, name: str, rooms: Rooms, caller: Administrator, spoken: Spoken) -> Json:
    """From 1.7 on it makes sure that the class is there; before, it gave it another name."""
    if spoken >= PUT_MAKES_SINCE:
        is_new = await rooms.api.create_name(caller.token, CLASS, name)
        return Json(None, status_code=201 if is_new else 204, headers=location(request, f"/resource_classes/{name}"))
    try:
        sent = await request.json()
    except ValueError:
        raise CallerError(bad_request("", "The request body is not valid JSON.")) from None
    after = parsed(ClassBody, sent).name
    await rooms.api.rename_class(caller.token, name, after)
    return Json(_class(after))


@router.delete("/resource_classes/{name}", dependencies=[Depends(since(2))])
async def delete_class(name: str, rooms: Rooms, caller: Administrator) -> Json:
    await rooms.api.delete_name(caller.token, CLASS, name)
    return Json(None, status_code=204)


@router.get("/traits", dependencies=[Depends(since(6))])
async def list_traits(request: Request, rooms: Rooms, caller: Administrator, spoken: Spoken) -> Json:
    """`associated`: only those that some provider has, or only those that none has."""
    check_parameters(request, spoken, {"name": 6, "associated": 6})
    here, custom = await _traits(rooms, caller)
    names = sorted(STANDARD_TRAITS | here | custom)
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
    if name not in STANDARD_TRAITS.union(*await _traits(rooms, caller)):
        raise CallerError(not_found("", f"No such trait: {name[:64]}."))
    return Json(None, status_code=204)


@router.put("/traits/{name}", dependencies=[Depends(since(6))])
async def put_trait(request: Request, name: str, rooms: Rooms, caller: Administrator) -> Json:
    of_hosts = {trait for each in await rooms.scheduler.providers() for trait in each.traits}
    is_new = await rooms.api.create_name(caller.token, TRAIT, name) and name not in of_hosts
    return Json(None, status_code=201 if is_new else 204, headers=location(request, f"/traits/{name}"))


@router.delete("/traits/{name}", dependencies=[Depends(since(6))])
async def delete_trait(name: str, rooms: Rooms, caller: Administrator) -> Json:
    await rooms.api.delete_name(caller.token, TRAIT, name)
    return Json(None, status_code=204)


async def check_names(rooms: EdgeRooms, caller: Caller, groups: Iterable[CandidateGroup]) -> None:
    """Raises `CallerError` 400 for a class or a trait that nothing here has or was given. Standard ones are known as
    they stand, so that who asks for these alone, as schedulers do, costs no other room anything."""
    asked = list(groups)
    classes = {name for group in asked for name in group.resources}.difference(STANDARD_CLASSES)
    traits = {name for group in asked for names in (*group.required, group.forbidden) for name in names}
    traits -= STANDARD_TRAITS
    if classes and (unknown := sorted(classes.difference(await _classes(rooms, caller)))):
        text = f"Invalid resource class in resources parameter: No such resource class {unknown[0][:64]}."
        raise CallerError(bad_request("resources", text))
    if traits and (unknown := sorted(traits.difference(*await _traits(rooms, caller)))):
        raise CallerError(bad_request("required", f"No such trait(s): {', '.join(unknown)[:255]}."))


def _class(name: str) -> dict[str, object]:
    return {"name": name, "links": [{"rel": "self", "href": f"/placement/resource_classes/{name}"}]}


async def _classes(rooms: EdgeRooms, caller: Caller) -> list[str]:
    told = {name for each in await rooms.scheduler.providers() for name in each.inventories}
    told.update((await rooms.api.custom_names(caller.token)).classes)
    return [*STANDARD_CLASSES, *sorted(told.difference(STANDARD_CLASSES))]


async def _traits(rooms: EdgeRooms, caller: Caller) -> tuple[frozenset[str], frozenset[str]]:
    """Those that some provider has, and those that were made."""
    here = frozenset(name for each in await all_providers(rooms, caller) for name in each.traits)
    return here, frozenset((await rooms.api.custom_names(caller.token)).traits)

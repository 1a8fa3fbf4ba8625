"""Domains, projects, users, groups, roles, regions, services and endpoints: they are made, listed, shown, changed and
deleted alike, so one table of them makes all their routes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from pydantic import create_model
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.bodies import Lenient
from actors.api.rest.context import Asking, Caller, Rooms, base_url
from actors.api.rest.identity import families
from actors.api.rest.identity.row_bodies import (
    DomainBody,
    EndpointBody,
    GroupBody,
    ProjectBody,
    RegionBody,
    RoleBody,
    ServiceBody,
    UserBody,
)
from actors.api.rest.identity.views import listed, row_view
from actors.api.rest.rooms import EdgeRooms
from actors.api.rest.tag_filters import TAG_FILTERS, tags_pass
from actors.errors import CallerError, CallerFault, bad_request, conflict, value_of
from actors.identity.extras import extra_fault
from actors.identity.messages import Access, Create, Find, Remove, Update, new_id
from actors.records import Project

TRUE = ("true", "1", "yes", "on", "")
ITS_OWN = ("id", "links", "parents", "subtree", "password_expires_at", "original_password")  # what an answer says
INEXACT: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda value, wanted: wanted in value,
    "icontains": lambda value, wanted: wanted.lower() in value.lower(),
    "startswith": str.startswith,
    "istartswith": lambda value, wanted: value.lower().startswith(wanted.lower()),
    "endswith": str.endswith,
    "iendswith": lambda value, wanted: value.lower().endswith(wanted.lower()),
}


@dataclass(frozen=True, slots=True)
class Collection:
    """`filters` are the fields that a list can be asked for, `empty` those of which it shows none but the rows without
    them where it isn't; `required` what a new row can't do without."""

    noun: str
    plural: str
    body: type[Lenient]
    filters: tuple[str, ...]
    required: tuple[str, ...] = ("name",)
    empty: tuple[str, ...] = ()


COLLECTIONS = (
    Collection("domain", "domains", DomainBody, ("name", "enabled")),
    Collection("project", "projects", ProjectBody, ("name", "domain_id", "parent_id", "enabled", "is_domain")),
    Collection("user", "users", UserBody, ("name", "domain_id", "enabled")),
    Collection("group", "groups", GroupBody, ("name", "domain_id")),
    Collection("role", "roles", RoleBody, ("name", "domain_id"), empty=("domain_id",)),
    Collection("region", "regions", RegionBody, ("parent_region_id",), ()),
    Collection("service", "services", ServiceBody, ("type", "name"), ("type",)),
    Collection(
        "endpoint",
        "endpoints",
        EndpointBody,
        ("interface", "service_id", "region_id", "region"),
        ("service_id", "interface", "url"),
    ),
)


def rows_router() -> APIRouter:
    router = APIRouter(prefix="/v3")
    for collection in COLLECTIONS:
        _routes(router, collection)
    return router


def _routes(router: APIRouter, collection: Collection) -> None:
    noun, path = collection.noun, f"/{collection.plural}"
    fields: dict[str, Any] = {noun: (collection.body, ...)}
    whole = create_model(f"{noun.capitalize()}Request", __base__=Lenient, **fields)

    async def create(body: whole, asking: Asking, rooms: Rooms, request: Request) -> Response:  # type: ignore[valid-type]
        given = _given(getattr(body, noun))
        for name in collection.required:
            if not given.get(name):
                raise CallerError(bad_request(name, f"a {noun} needs a {name}"))
        if "id" in given:
            await _check_free(noun, given["id"], asking, rooms)
        password, row_id, region = given.pop("password", None), given.pop("id", None) or new_id(), _region(given)
        wanted = Create(token=asking.token, kind=noun, fields=given, password=password, region=region, id=row_id)
        [reply] = await rooms.identity.create([wanted])
        return _one(noun, value_of(reply), request, 201)

    async def put(row_id: str, body: whole, asking: Asking, rooms: Rooms, request: Request) -> Response:  # type: ignore[valid-type]
        """The same by an id that the path says."""
        if (getattr(body, noun).id or row_id) != row_id:
            raise CallerError(bad_request("id", f"the id of the {noun} is another than that of the path"))
        named = getattr(body, noun).model_copy(update={"id": row_id})
        return await create(whole(**{noun: named}), asking, rooms, request)

    async def index(asking: Asking, rooms: Rooms, request: Request) -> Response:
        [reply] = await rooms.identity.find([Find(token=asking.token, kind=noun)])
        v3 = v3_url(request)
        shown = [row_view(row, v3) for row in value_of(reply)]
        query = dict.fromkeys(collection.empty, "") | dict(request.query_params)
        wanted = [body for body in shown if matches(body, query, collection.filters) and tags_match(body, query)]
        return Json(listed(collection.plural, wanted, f"{v3}{path}"))

    async def show(row_id: str, asking: Asking, rooms: Rooms, request: Request) -> Response:
        [reply] = await rooms.identity.find([Find(token=asking.token, kind=noun, id=row_id)])
        [row] = value_of(reply)
        if isinstance(row, Project) and (wanted := families.asked_for(request.query_params)):
            family = await _family(row, wanted, asking, rooms, v3_url(request))
            return Json({noun: row_view(row, v3_url(request)) | family})
        return _one(noun, row, request, 200)

    async def update(row_id: str, body: whole, asking: Asking, rooms: Rooms, request: Request) -> Response:  # type: ignore[valid-type]
        given = _given(getattr(body, noun))
        if given.pop("id", row_id) != row_id:
            raise CallerError(bad_request("id", "the id of a row can't be changed"))
        password, region = given.pop("password", None), _region(given)
        wanted = Update(token=asking.token, kind=noun, id=row_id, password=password, region=region, fields=given)
        [reply] = await rooms.identity.update([wanted])
        return _one(noun, value_of(reply), request, 200)

    async def delete(row_id: str, asking: Asking, rooms: Rooms) -> Response:
        [fault] = await rooms.identity.remove([Remove(token=asking.token, kind=noun, id=row_id)])
        value_of(fault)
        return Response(status_code=204)

    one = f"{path}/{{row_id}}"
    router.add_api_route(path, create, methods=["POST"], status_code=201, name=f"create {noun}", tags=[noun])
    router.add_api_route(path, index, methods=["GET"], name=f"list {collection.plural}", tags=[noun])
    router.add_api_route(one, show, methods=["GET"], name=f"show {noun}", tags=[noun])
    if "id" in collection.body.model_fields:
        router.add_api_route(one, put, methods=["PUT"], status_code=201, name=f"create {noun} by id", tags=[noun])
    router.add_api_route(one, update, methods=["PATCH"], name=f"update {noun}", tags=[noun])
    router.add_api_route(one, delete, methods=["DELETE"], status_code=204, name=f"delete {noun}", tags=[noun])


async def _check_free(noun: str, row_id: str, asking: Caller, rooms: EdgeRooms) -> None:
    """Raises `CallerError` 409 for an id that a row has, whatever is the same about it: the room itself takes a request
    that it has heard before for a message that came twice."""
    [known] = await rooms.identity.find([Find(token=asking.token, kind=noun, id=row_id)])
    if not isinstance(known, CallerFault):
        text = f"Conflict occurred attempting to store {noun} - Duplicate ID, {row_id}."
        raise CallerError(conflict("id", text))


async def _family(project: Project, wanted: list[str], asking: Caller, rooms: EdgeRooms, v3: str) -> dict[str, Any]:
    """Of the projects that the caller may list, or else of its own."""
    [listed] = await rooms.identity.find([Find(token=asking.token, kind="project")])
    [own] = await rooms.identity.projects_of([Access(token=asking.token)])
    rows = value_of(own) if isinstance(listed, CallerFault) else listed
    there = {row.id: row for row in rows if isinstance(row, Project)}
    found: dict[str, Any] = {}
    for name in wanted:
        match name.split("_as_"):
            case ["parents", "ids"]:
                found["parents"] = families.parent_ids(project, there)
            case ["subtree", "ids"]:
                found["subtree"] = families.subtree_ids(project, there.values())
            case [part, _]:
                rows = (
                    families.parents(project, there) if part == "parents" else families.subtree(project, there.values())
                )
                found[part] = [{"project": row_view(row, v3)} for row in rows]
    return found


def v3_url(request: Request) -> str:
    return f"{base_url(request)}/identity/v3"


def matches(body: dict[str, Any], query: Mapping[str, str], filters: tuple[str, ...]) -> bool:
    """Does a row pass the filters of a list? Filters that aren't known are passed over, as Keystone does."""
    for key, wanted in query.items():
        name, _, how = key.partition("__")
        if name not in filters:
            continue
        value = body.get(name)
        if isinstance(value, bool):
            good = value == (wanted.lower() in TRUE)
        elif how in INEXACT:
            good = INEXACT[how](str(value or ""), wanted)
        else:
            good = str(value or "") == wanted
        if not good:
            return False
    return True


def tags_match(body: dict[str, Any], query: Mapping[str, str]) -> bool:
    """Of projects, which alone have tags. Each filter names several, with commas between them."""
    asked = [(name, query[name].split(",")) for name in TAG_FILTERS if name in query and "tags" in body]
    return all(tags_pass(body["tags"], name, wanted) for name, wanted in asked)


def _given(body: Lenient) -> dict[str, Any]:
    """What the request says; null stands for nothing."""
    empty: dict[str, Any] = {"description": "", "email": "", "default_project_id": "", "parent_region_id": ""}
    said = body.model_dump(exclude_unset=True, include=set(type(body).model_fields))
    found = {name: empty.get(name) if value is None else value for name, value in said.items()}
    if "tags" in found:
        found["tags"] = tuple(dict.fromkeys(found["tags"] or ()))
    if extra := {name: value for name, value in (body.model_extra or {}).items() if name not in ITS_OWN}:
        if fault := extra_fault(extra):
            raise CallerError(fault)
        found["extra"] = extra
    return {name: value for name, value in found.items() if value is not None}


def _region(given: dict[str, Any]) -> str:
    """The region that is to be made with an endpoint. `region_id` is one that is there, and counts where both are."""
    name: str = given.pop("region", "")
    if not name or given.get("region_id"):
        return ""
    given["region_id"] = name
    return name


def _one(noun: str, row: Any, request: Request, status: int) -> Response:
    return Json({noun: row_view(row, v3_url(request))}, status_code=status)

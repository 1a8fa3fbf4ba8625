"""Flavors over HTTP: list, show, create, describe, delete; their extra specs, and who may use them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints
from starlette.responses import Response

from actors.api.messages import ChangeFlavor, CreateFlavor
from actors.api.rest.answers import Json
from actors.api.rest.bodies import Strict
from actors.api.rest.compute.extra_specs import SINCE, specs_fault
from actors.api.rest.compute.queries import flag, known_only, unexpected, whole
from actors.api.rest.compute.server_view import Showing, links
from actors.api.rest.compute.showing import Shown
from actors.api.rest.context import Asking, Rooms
from actors.api.rest.microversions import Spoken, Version
from actors.api.rest.paging import Paging, next_link, page_of
from actors.errors import CallerError, bad_request, forbidden, not_found, value_of
from actors.records import Flavor

router = APIRouter()

LISTED_BY = ("is_public", "minRam", "minDisk", "limit", "marker", "sort_key", "sort_dir")
NUMBER_LIMIT = 0x7FFFFFFF
Number = Annotated[int, Field(ge=0, le=NUMBER_LIMIT)]
Positive = Annotated[int, Field(ge=1, le=NUMBER_LIMIT)]
FlavorName = Annotated[str, StringConstraints(min_length=1, max_length=255, strip_whitespace=True)]
FLAVOR_ID = r"^[a-zA-Z0-9._-]([a-zA-Z0-9. _-]*[a-zA-Z0-9._-])?$"
FlavorId = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=FLAVOR_ID)]
Description = Annotated[str, StringConstraints(max_length=65_535)]
SpecKey = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9-_:. ]+$")]
SpecValue = Annotated[str, StringConstraints(max_length=255)]
SORT: dict[str, Callable[[Flavor], Any]] = {
    "flavorid": lambda flavor: flavor.id,
    "id": lambda flavor: flavor.id,
    "name": lambda flavor: flavor.name,
    "memory_mb": lambda flavor: flavor.ram_mib,
    "root_gb": lambda flavor: flavor.disk_gib,
    "ephemeral_gb": lambda flavor: flavor.ephemeral_gib,
    "swap": lambda flavor: flavor.swap_mib,
    "vcpus": lambda flavor: flavor.vcpus,
    "is_public": lambda flavor: flavor.is_public,
    "rxtx_factor": lambda flavor: flavor.rxtx_factor,
    "disabled": lambda flavor: False,
    "created_at": lambda flavor: 0,
    "updated_at": lambda flavor: 0,
}


class FlavorIn(Strict):
    name: FlavorName
    ram: Positive
    vcpus: Positive
    disk: Number
    id: FlavorId | int | None = None
    swap: Number | Literal[""] = 0
    ephemeral: Number = Field(0, alias="OS-FLV-EXT-DATA:ephemeral")
    rxtx_factor: Annotated[float, Field(gt=0, le=3.40282e38)] = 1.0
    is_public: bool = Field(True, alias="os-flavor-access:is_public")
    description: Description | None = None


class CreateFlavorBody(Strict):
    flavor: FlavorIn


class DescriptionIn(Strict):
    description: Description | None


class ChangeFlavorBody(Strict):
    flavor: DescriptionIn


class SpecsBody(Strict):
    extra_specs: dict[SpecKey, SpecValue]


class ProjectIn(Strict):
    tenant: Annotated[str, StringConstraints(min_length=1, max_length=255)]


class AccessBody(Strict):
    addTenantAccess: ProjectIn | None = None
    removeTenantAccess: ProjectIn | None = None


def flavor_body(flavor: Flavor, showing: Showing) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": flavor.id,
        "name": flavor.name,
        "ram": flavor.ram_mib,
        "disk": flavor.disk_gib,
        "swap": flavor.swap_mib or ("" if showing.version < (2, 75) else 0),
        "OS-FLV-EXT-DATA:ephemeral": flavor.ephemeral_gib,
        "OS-FLV-DISABLED:disabled": False,
        "vcpus": flavor.vcpus,
        "os-flavor-access:is_public": flavor.is_public,
        "rxtx_factor": flavor.rxtx_factor,
        "links": links(showing, "flavors", flavor.id),
    }
    if showing.version >= (2, 55):
        body["description"] = flavor.description or None
    if showing.version >= (2, 61):
        body["extra_specs"] = flavor.extra_specs
    return body


def _summary(flavor: Flavor, showing: Showing) -> dict[str, Any]:
    body: dict[str, Any] = {"id": flavor.id, "name": flavor.name, "links": links(showing, "flavors", flavor.id)}
    return body | ({"description": flavor.description or None} if showing.version >= (2, 55) else {})


# ---------------------------------------------------------------- flavors


@router.get("/flavors", dependencies=[known_only(*LISTED_BY)])
async def index(request: Request, rooms: Rooms, asking: Asking, showing: Shown) -> Response:
    page, more = _page(request, await rooms.api.flavors(asking.token), asking.context.is_admin)
    return _list(request, [_summary(flavor, showing) for flavor in page], more)


@router.get("/flavors/detail", dependencies=[known_only(*LISTED_BY)])
async def index_in_detail(request: Request, rooms: Rooms, asking: Asking, showing: Shown) -> Response:
    page, more = _page(request, await rooms.api.flavors(asking.token), asking.context.is_admin)
    return _list(request, [flavor_body(flavor, showing) for flavor in page], more)


def _page(request: Request, flavors: list[Flavor], is_admin: bool) -> tuple[list[Flavor], str]:
    query = request.query_params
    public = query.get("is_public", "")
    if not is_admin or not public:  # an administrator sees others when he says so
        flavors = [flavor for flavor in flavors if flavor.is_public or not is_admin]
    elif public.lower() != "none":
        wanted = flag("is_public", public)
        flavors = [flavor for flavor in flavors if flavor.is_public == wanted]
    least_disk, least_ram = whole(query, "minDisk") or 0, whole(query, "minRam") or 0
    flavors = [flavor for flavor in flavors if flavor.disk_gib >= least_disk and flavor.ram_mib >= least_ram]
    key, way = query.get("sort_key", "flavorid"), query.get("sort_dir", "asc")
    if key not in SORT or way not in ("asc", "desc"):
        raise CallerError(bad_request("sort_key", "flavors are not sorted by this"))
    paging = Paging(whole(query, "limit"), query.get("marker", ""), [(key, way == "desc"), ("id", False)])
    return page_of(flavors, paging, lambda flavor: flavor.id, lambda flavor, name: SORT[name](flavor))


def _list(request: Request, flavors: list[dict[str, Any]], more: str) -> Response:
    body: dict[str, Any] = {"flavors": flavors}
    if more:
        body["flavors_links"] = [{"rel": "next", "href": next_link(request.url, more)}]
    return Json(body)


@router.get("/flavors/{flavor_id}")
async def show(flavor_id: str, rooms: Rooms, asking: Asking, showing: Shown) -> Response:
    return Json({"flavor": flavor_body(await rooms.api.flavor(asking.token, flavor_id), showing)})


@router.post("/flavors")
async def create(body: CreateFlavorBody, rooms: Rooms, asking: Asking, version: Spoken, showing: Shown) -> Response:
    given = body.flavor
    if "description" in given.model_fields_set and version < (2, 55):
        raise unexpected("description")
    request = CreateFlavor(
        token=asking.token,
        name=given.name,
        vcpus=given.vcpus,
        ram_mib=given.ram,
        disk_gib=given.disk,
        ephemeral_gib=given.ephemeral,
        swap_mib=given.swap or 0,
        is_public=given.is_public,
        description=given.description or "",
        rxtx_factor=given.rxtx_factor,
        id="" if given.id in (None, "auto") else str(given.id),
        repeatable=False,
    )
    return Json({"flavor": flavor_body(value_of(await rooms.api.create_flavor(request)), showing)})


@router.put("/flavors/{flavor_id}")
async def describe(
    flavor_id: str, body: ChangeFlavorBody, rooms: Rooms, asking: Asking, version: Spoken, showing: Shown
) -> Response:
    if version < (2, 55):
        raise CallerError(not_found("", "The resource could not be found."))
    change = ChangeFlavor(token=asking.token, flavor_id=flavor_id, description=body.flavor.description or "")
    return Json({"flavor": flavor_body(value_of(await rooms.api.change_flavor(change)), showing)})


@router.delete("/flavors/{flavor_id}", status_code=202)
async def delete(flavor_id: str, rooms: Rooms, asking: Asking) -> Response:
    await rooms.api.delete_flavor(asking.token, flavor_id)
    return Response(status_code=202)


# ---------------------------------------------------------------- extra specs


@router.get("/flavors/{flavor_id}/os-extra_specs")
async def specs(flavor_id: str, rooms: Rooms, asking: Asking) -> Response:
    return Json({"extra_specs": (await rooms.api.flavor(asking.token, flavor_id)).extra_specs})


@router.post("/flavors/{flavor_id}/os-extra_specs")
async def add_specs(flavor_id: str, body: SpecsBody, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    _check_specs(body.extra_specs, version)
    known = (await rooms.api.flavor(asking.token, flavor_id)).extra_specs
    await _set_specs(rooms, asking, flavor_id, known | body.extra_specs)
    return Json({"extra_specs": body.extra_specs})


@router.get("/flavors/{flavor_id}/os-extra_specs/{key}")
async def spec(flavor_id: str, key: str, rooms: Rooms, asking: Asking) -> Response:
    known = (await rooms.api.flavor(asking.token, flavor_id)).extra_specs
    return Json({key: _known(known, flavor_id, key)})


@router.put("/flavors/{flavor_id}/os-extra_specs/{key}")
async def set_spec(
    flavor_id: str, key: str, body: dict[SpecKey, SpecValue], rooms: Rooms, asking: Asking, version: Spoken
) -> Response:
    if list(body) != [key]:
        raise CallerError(bad_request("", "Request body and URI mismatch"))
    _check_specs(body, version)
    known = (await rooms.api.flavor(asking.token, flavor_id)).extra_specs
    await _set_specs(rooms, asking, flavor_id, known | body)
    return Json(body)


@router.delete("/flavors/{flavor_id}/os-extra_specs/{key}")
async def drop_spec(flavor_id: str, key: str, rooms: Rooms, asking: Asking) -> Response:
    known = (await rooms.api.flavor(asking.token, flavor_id)).extra_specs
    if asking.context.is_admin:
        _known(known, flavor_id, key)
    await _set_specs(rooms, asking, flavor_id, {name: value for name, value in known.items() if name != key})
    return Response(status_code=200)


def _check_specs(specs: dict[str, str], version: Version) -> None:
    if version >= SINCE and (fault := specs_fault(specs)):
        raise CallerError(fault)


async def _set_specs(rooms: Any, asking: Any, flavor_id: str, specs: dict[str, str]) -> None:
    value_of(await rooms.api.change_flavor(ChangeFlavor(token=asking.token, flavor_id=flavor_id, extra_specs=specs)))


def _known(specs: dict[str, str], flavor_id: str, key: str) -> str:
    if key not in specs:
        raise CallerError(not_found("key", f"Flavor {flavor_id} has no extra specs with key {key}."))
    return specs[key]


# ---------------------------------------------------------------- access


@router.get("/flavors/{flavor_id}/os-flavor-access")
async def access(flavor_id: str, rooms: Rooms, asking: Asking) -> Response:
    return Json(_access(flavor_id, await rooms.api.flavor_access(asking.token, flavor_id)))


@router.post("/flavors/{flavor_id}/action")
async def change_access(flavor_id: str, body: AccessBody, rooms: Rooms, asking: Asking) -> Response:
    if (body.addTenantAccess is None) == (body.removeTenantAccess is None):
        raise CallerError(bad_request("", "There is no such action, or there is more than one."))
    if not asking.context.is_admin:
        raise CallerError(forbidden("only an administrator says who may use a flavor"))
    project = body.addTenantAccess or body.removeTenantAccess
    assert project is not None
    granted = body.addTenantAccess is not None
    fault = await rooms.api.set_flavor_access(asking.token, flavor_id, project.tenant, granted)
    if fault is not None:
        raise CallerError(fault)
    return Json(_access(flavor_id, await rooms.api.flavor_access(asking.token, flavor_id)))


def _access(flavor_id: str, projects: list[str]) -> dict[str, Any]:
    return {"flavor_access": [{"flavor_id": flavor_id, "tenant_id": project} for project in projects]}

"""Limits and quotas of projects: /v3/limits, /v3/os-quota-sets."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.microversions import Spoken
from actors.api.rest.rooms import EdgeRooms
from actors.api.rest.volume.bodies import QuotaBody, QuotaClassBody
from actors.api.rest.volume.paths import of_own_project
from actors.api.rest.volume.queries import flag
from actors.api.rest.volume.views import limits_body, quota_body
from actors.errors import CallerError, bad_request, value_of
from actors.volume.messages import QuotaRequest, QuotaView
from actors.volume.quotas import EVERYBODY

NO_LIMITS = ("tenant_id", "force", "class_name", "id")  # what clients send beside them
DEFAULT = "default"
router = APIRouter(prefix="/v3", dependencies=[Depends(of_own_project)])


@router.get("/limits")
async def limits(request: Request, caller: Asking, rooms: Rooms, spoken: Spoken) -> Json:
    project_id = request.query_params.get("project_id", "") if spoken >= (3, 39) else ""
    return Json(limits_body(await _quota(rooms, caller, project_id or caller.context.project_id)))


@router.get("/os-quota-sets/{project_id}")
async def show(project_id: str, request: Request, caller: Asking, rooms: Rooms) -> Json:
    with_usage = flag("usage", request.query_params.get("usage", "false"))
    return Json({"quota_set": quota_body(await _quota(rooms, caller, project_id), with_usage)})


@router.get("/os-quota-sets/{project_id}/defaults")
async def defaults(project_id: str, caller: Asking, rooms: Rooms) -> Json:
    view = await _quota(rooms, caller, project_id)
    return Json({"quota_set": {"id": project_id, **view.defaults}})


@router.get("/os-quota-class-sets/{name}")
async def show_class(name: str, caller: Asking, rooms: Rooms) -> Json:
    view = await _quota(rooms, caller, caller.context.project_id)
    return Json({"quota_class_set": {"id": name, **view.defaults}})


@router.put("/os-quota-class-sets/{name}")
async def change_class(name: str, body: QuotaClassBody, caller: Asking, rooms: Rooms) -> Json:
    """The limits of all projects for which no others are set; it is the one class that there is."""
    if name != DEFAULT:
        raise CallerError(bad_request("name", f"the one class of quotas is {DEFAULT!r}"))
    limits = _limits(body.quota_class_set, "quota_class_set")
    value_of(
        (await rooms.volume.change_quota([QuotaRequest(token=caller.token, project_id=EVERYBODY, limits=limits)]))[0]
    )
    return Json({"quota_class_set": (await _quota(rooms, caller, caller.context.project_id)).defaults})


@router.put("/os-quota-sets/{project_id}")
async def change(project_id: str, body: QuotaBody, caller: Asking, rooms: Rooms) -> Json:
    limits = _limits(body.quota_set, "quota_set")
    request = QuotaRequest(token=caller.token, project_id=project_id, limits=limits)
    value_of((await rooms.volume.change_quota([request]))[0])
    body_of_it: dict[str, Any] = quota_body(await _quota(rooms, caller, project_id), with_usage=False)
    del body_of_it["id"]
    return Json({"quota_set": body_of_it})


@router.delete("/os-quota-sets/{project_id}")
async def reset(project_id: str, caller: Asking, rooms: Rooms) -> Response:
    request = QuotaRequest(token=caller.token, project_id=project_id, reset=True)
    value_of((await rooms.volume.change_quota([request]))[0])
    return Response(status_code=200)


async def _quota(rooms: EdgeRooms, caller: Caller, project_id: str) -> QuotaView:
    return value_of((await rooms.volume.show_quota([QuotaRequest(token=caller.token, project_id=project_id)]))[0])


def _limits(said: dict[str, Any], where: str) -> dict[str, int]:
    limits = {name: _limit(name, value) for name, value in said.items() if name not in NO_LIMITS}
    if not limits:
        raise CallerError(bad_request(where, "names no limit"))
    return limits


def _limit(name: str, value: Any) -> int:
    if isinstance(value, str) and value.removeprefix("-").isascii() and value.removeprefix("-").isdigit():
        value = int(value) if len(value) < 12 else None
    if not isinstance(value, int) or isinstance(value, bool):
        raise CallerError(bad_request(name[:64], "a limit is a whole number"))
    return value

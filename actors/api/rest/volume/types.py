"""Volume types, their extra specs, and who may use those that are not public: /v3/types."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.bodies import Name
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.rooms import EdgeRooms
from actors.api.rest.volume.bodies import CreateTypeBody, Open, SpecsBody, UpdateTypeBody, read
from actors.api.rest.volume.paths import of_own_project
from actors.api.rest.volume.queries import flag
from actors.api.rest.volume.views import type_body
from actors.errors import CallerError, bad_request, not_found, value_of
from actors.records import VolumeType
from actors.volume.messages import CreateVolumeType, UpdateVolumeType, VolumeTypeRequest

router = APIRouter(prefix="/v3/types", dependencies=[Depends(of_own_project)])
ADD, REMOVE = "addProjectAccess", "removeProjectAccess"


class Access(Open):
    project: Name


@router.get("")
async def list_types(request: Request, caller: Asking, rooms: Rooms) -> Json:
    kinds: list[VolumeType] = value_of(await rooms.volume.list_types(caller.token))
    wanted = request.query_params.get("is_public", "true" if not caller.context.is_admin else "none")
    if wanted.lower() != "none":
        is_public = flag("is_public", wanted)
        kinds = [kind for kind in kinds if kind.is_public == is_public or (is_public and not caller.context.is_admin)]
    if name := request.query_params.get("name", ""):
        kinds = [kind for kind in kinds if kind.name == name]
    return Json({"volume_types": [type_body(kind, caller.context.is_admin) for kind in kinds]})


@router.post("")
async def create(body: CreateTypeBody, caller: Asking, rooms: Rooms) -> Json:
    asked = body.volume_type
    wanted = CreateVolumeType(
        token=caller.token,
        name=asked.name,
        description=asked.description or "",
        is_public=asked.is_public,
        extra_specs=asked.extra_specs or {},
    )
    kind = value_of((await rooms.volume.create_type([wanted]))[0])
    return Json({"volume_type": type_body(kind, is_admin=False)})


@router.get("/{type_id}")
async def show(type_id: str, caller: Asking, rooms: Rooms) -> Json:
    return Json({"volume_type": type_body(await _type(rooms, caller, type_id), caller.context.is_admin)})


@router.put("/{type_id}")
async def update(type_id: str, body: UpdateTypeBody, caller: Asking, rooms: Rooms) -> Json:
    asked = body.volume_type
    wanted = UpdateVolumeType(
        token=caller.token,
        type_id=type_id,
        name=asked.name,
        description=asked.description,
        is_public=asked.is_public,
    )
    said = type_body(await _changed(rooms, wanted), is_admin=False)
    del said["os-volume-type-access:is_public"]
    return Json({"volume_type": said})


@router.delete("/{type_id}", status_code=202)
async def delete(type_id: str, caller: Asking, rooms: Rooms) -> Response:
    value_of((await rooms.volume.delete_type([VolumeTypeRequest(token=caller.token, type_id=type_id)]))[0])
    return Response(status_code=202)


# ---------------------------------------------------------------- extra specs


@router.get("/{type_id}/extra_specs")
async def list_specs(type_id: str, caller: Asking, rooms: Rooms) -> Json:
    return Json({"extra_specs": (await _type(rooms, caller, type_id)).extra_specs})


@router.post("/{type_id}/extra_specs")
async def add_specs(type_id: str, body: SpecsBody, caller: Asking, rooms: Rooms) -> Json:
    await _changed(rooms, UpdateVolumeType(token=caller.token, type_id=type_id, extra_specs=body.extra_specs))
    return Json({"extra_specs": body.extra_specs})


@router.get("/{type_id}/extra_specs/{key}")
async def show_spec(type_id: str, key: str, caller: Asking, rooms: Rooms) -> Json:
    specs = (await _type(rooms, caller, type_id)).extra_specs
    if key not in specs:
        raise CallerError(not_found("extra_specs", f"Volume type {type_id} has no extra spec {key[:64]!r}."))
    return Json({key: specs[key]})


@router.put("/{type_id}/extra_specs/{key}")
async def put_spec(
    type_id: str, key: str, body: Annotated[dict[str, Any], Body()], caller: Asking, rooms: Rooms
) -> Json:
    if list(body) != [key]:
        raise CallerError(bad_request("extra_specs", "The body names one extra spec, the same as the path."))
    specs = read(SpecsBody, {"extra_specs": body}, "body").extra_specs
    await _changed(rooms, UpdateVolumeType(token=caller.token, type_id=type_id, extra_specs=specs))
    return Json(specs)


@router.delete("/{type_id}/extra_specs/{key}", status_code=202)
async def delete_spec(type_id: str, key: str, caller: Asking, rooms: Rooms) -> Response:
    await _changed(rooms, UpdateVolumeType(token=caller.token, type_id=type_id, drop_specs=(key,)))
    return Response(status_code=202)


# ---------------------------------------------------------------- access


@router.get("/{type_id}/os-volume-type-access")
async def list_access(type_id: str, caller: Asking, rooms: Rooms) -> Json:
    kind = await _type(rooms, caller, type_id)
    if kind.is_public:
        raise CallerError(not_found("volume_type", "Access list not available for public volume types."))
    return Json({"volume_type_access": [{"volume_type_id": kind.id, "project_id": who} for who in kind.projects]})


@router.post("/{type_id}/action", status_code=202)
async def act(type_id: str, body: Annotated[dict[str, Any], Body()], caller: Asking, rooms: Rooms) -> Response:
    name = next(iter(body), "")
    if len(body) != 1 or name not in (ADD, REMOVE):
        raise CallerError(bad_request("", f"The body names one action: {ADD} or {REMOVE}."))
    project = read(Access, body[name], name).project
    wanted = UpdateVolumeType(
        token=caller.token,
        type_id=type_id,
        add_project=project if name == ADD else "",
        remove_project=project if name == REMOVE else "",
    )
    await _changed(rooms, wanted)
    return Response(status_code=202)


async def _type(rooms: EdgeRooms, caller: Caller, type_id: str) -> VolumeType:
    return value_of((await rooms.volume.show_type([VolumeTypeRequest(token=caller.token, type_id=type_id)]))[0])


async def _changed(rooms: EdgeRooms, wanted: UpdateVolumeType) -> VolumeType:
    return value_of((await rooms.volume.update_type([wanted]))[0])

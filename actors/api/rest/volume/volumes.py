"""Volumes and their metadata: /v3/volumes. What is done to one by name stands in `actions.py`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.microversions import Spoken, Version
from actors.api.rest.volume.bodies import CreateVolumeBody, NewVolume, UpdateVolumeBody, refuse_unknown
from actors.api.rest.volume.paths import links_of, of_own_project, since
from actors.api.rest.volume.queries import VOLUME_FILTERS, flag, page_parts, query_of
from actors.api.rest.volume.views import shown_extras, volume_body
from actors.errors import CallerError, bad_request, not_found, value_of
from actors.messages import ImageRequest
from actors.volume.messages import (
    CreateVolume,
    DeleteVolume,
    ListRows,
    RowQuery,
    UpdateVolume,
    VolumePage,
    VolumeRequest,
    VolumeView,
)

router = APIRouter(prefix="/v3/volumes", dependencies=[Depends(of_own_project)])


@router.post("", status_code=202)
async def create(request: Request, body: CreateVolumeBody, caller: Asking, rooms: Rooms, spoken: Spoken) -> Json:
    if spoken >= (3, 53):
        refuse_unknown(body.volume)
    _refuse_what_is_not_here(body.volume)
    wanted = _wanted(body.volume, caller)
    if wanted.image_id:
        await _check_image(rooms, ImageRequest(token=caller.token, image_id=wanted.image_id))
    volume = value_of((await rooms.volume.create([wanted]))[0])
    view = value_of((await rooms.volume.view([VolumeRequest(token=caller.token, volume_id=volume.id)]))[0])
    links = {"links": links_of(request, caller, f"volumes/{volume.id}")}
    return Json({"volume": volume_body(view, spoken, caller.context.is_admin) | links}, status_code=202)


async def _check_image(rooms: Rooms, asked: ImageRequest) -> None:
    """Raises `CallerError`: 404 for one that isn't there for the caller, 400 for one that has no data."""
    image = value_of((await rooms.image.show([asked]))[0])
    if image.status != "active":
        raise CallerError(bad_request("imageRef", f"Image {image.id} is not active: it is {image.status}"))


def _wanted(asked: NewVolume, caller: Caller) -> CreateVolume:
    image_id = asked.imageRef or asked.image_id or ""
    if asked.size is None and not asked.snapshot_id and not asked.source_volid:
        raise CallerError(bad_request("size", "None is not of type 'integer'"))
    return CreateVolume(
        token=caller.token,
        name=asked.name or asked.display_name or "",
        size_gib=asked.size or 0,
        image_id=image_id,
        snapshot_id=asked.snapshot_id or "",
        source_volume_id=asked.source_volid or "",
        description=asked.description or asked.display_description or "",
        user_metadata=asked.metadata or {},
        volume_type=asked.volume_type or "",
        availability_zone=asked.availability_zone or "",
        request_id=caller.request_id,
    )


def _refuse_what_is_not_here(asked: NewVolume) -> None:
    if asked.multiattach:
        raise CallerError(bad_request("multiattach", "volumes here have one attachment at most"))
    for field in ("consistencygroup_id", "group_id", "backup_id"):
        if getattr(asked, field):
            raise CallerError(not_found(field, f"{field} {getattr(asked, field)[:64]!r} could not be found."))


@router.get("")
async def list_volumes(request: Request, caller: Asking, rooms: Rooms, spoken: Spoken) -> Json:
    page = await _page(request, caller, rooms, spoken)
    rows = [
        {
            "id": view.volume.id,
            "name": view.volume.name or None,
            "links": links_of(request, caller, f"volumes/{view.volume.id}"),
        }
        for view in page.views
    ]
    return Json({"volumes": rows} | _beside(request, caller, page, spoken))


@router.get("/detail")
async def list_details(request: Request, caller: Asking, rooms: Rooms, spoken: Spoken) -> Json:
    page = await _page(request, caller, rooms, spoken)
    rows = [_shown(request, caller, view, spoken) for view in page.views]
    return Json({"volumes": rows} | _beside(request, caller, page, spoken))


@router.get("/summary", dependencies=[Depends(since(12))])
async def summary(request: Request, caller: Asking, rooms: Rooms, spoken: Spoken) -> Json:
    asked = query_of(request.query_params, VOLUME_FILTERS, spoken)
    query = RowQuery(texts=asked.texts, all_projects=asked.all_projects, times=asked.times)
    page = value_of((await rooms.volume.list_views([ListRows(token=caller.token, query=query)]))[0])
    body: dict[str, Any] = {
        "total_size": sum(view.volume.size_gib for view in page.views),
        "total_count": page.total,
    }
    if spoken >= (3, 36):
        metadata: dict[str, list[str]] = {}
        for view in page.views:
            for key, value in view.volume.user_metadata.items():
                known = metadata.setdefault(key, [])
                known.extend([] if value in known else [value])
        body["metadata"] = metadata
    return Json({"volume-summary": body})


async def _page(request: Request, caller: Caller, rooms: Rooms, spoken: Version) -> VolumePage:
    query = query_of(request.query_params, VOLUME_FILTERS, spoken)
    return value_of((await rooms.volume.list_views([ListRows(token=caller.token, query=query)]))[0])


def _beside(request: Request, caller: Caller, page: VolumePage, spoken: Version) -> dict[str, Any]:
    ids = [view.volume.id for view in page.views]
    return page_parts(request, caller, "volumes", (ids, page.total, page.more), spoken)


def _shown(request: Request, caller: Caller, view: VolumeView, spoken: Version) -> dict[str, Any]:
    is_admin = caller.context.is_admin
    links = {"links": links_of(request, caller, f"volumes/{view.volume.id}")}
    return volume_body(view, spoken, is_admin) | shown_extras(view, is_admin) | links


@router.get("/{volume_id}")
async def show(request: Request, volume_id: str, caller: Asking, rooms: Rooms, spoken: Spoken) -> Json:
    view = value_of((await rooms.volume.view([VolumeRequest(token=caller.token, volume_id=volume_id)]))[0])
    return Json({"volume": _shown(request, caller, view, spoken)})


@router.put("/{volume_id}")
async def update(
    request: Request, volume_id: str, body: UpdateVolumeBody, caller: Asking, rooms: Rooms, spoken: Spoken
) -> Json:
    asked = body.volume
    if spoken >= (3, 53) and not asked.model_fields_set:
        raise CallerError(bad_request("volume", "does not have enough properties"))
    wanted = UpdateVolume(
        token=caller.token,
        volume_id=volume_id,
        name=asked.name if asked.name is not None else asked.display_name,
        description=asked.description if asked.description is not None else asked.display_description,
        user_metadata=asked.metadata,
    )
    value_of((await rooms.volume.update([wanted]))[0])
    view = value_of((await rooms.volume.view([VolumeRequest(token=caller.token, volume_id=volume_id)]))[0])
    links = {"links": links_of(request, caller, f"volumes/{volume_id}")}
    return Json({"volume": volume_body(view, spoken, caller.context.is_admin) | links})


@router.delete("/{volume_id}", status_code=202)
async def delete(request: Request, volume_id: str, caller: Asking, rooms: Rooms, spoken: Spoken) -> Response:
    asked = request.query_params
    wanted = DeleteVolume(
        token=caller.token,
        volume_id=volume_id,
        cascade=flag("cascade", asked.get("cascade", "false")),
        force=spoken >= (3, 23) and flag("force", asked.get("force", "false")),
    )
    value_of((await rooms.volume.remove([wanted]))[0])
    return Response(status_code=202)

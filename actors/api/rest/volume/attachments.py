"""Attachments, since 3.27: /v3/attachments."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.microversions import Spoken, Version
from actors.api.rest.volume.bodies import CreateAttachmentBody, UpdateAttachmentBody
from actors.api.rest.volume.paths import of_own_project, since
from actors.api.rest.volume.queries import ATTACHMENT_FILTERS, page_parts, query_of
from actors.api.rest.volume.views import attachment_body
from actors.errors import CallerError, bad_request, value_of
from actors.volume.messages import AttachmentRequest, CreateAttachment, ListRows

COMPLETION = (3, 44)  # before, an update attached
router = APIRouter(prefix="/v3/attachments", dependencies=[Depends(of_own_project), Depends(since(27))])


@router.post("")
async def create(body: CreateAttachmentBody, caller: Asking, rooms: Rooms, spoken: Spoken) -> Json:
    asked = body.attachment
    if not asked.instance_uuid:
        raise CallerError(bad_request("instance_uuid", "is a required property"))
    wanted = CreateAttachment(
        token=caller.token,
        volume_id=asked.volume_uuid,
        instance_id=asked.instance_uuid,
        connector=asked.connector or {},
        mode=(asked.mode if spoken >= (3, 54) else str((asked.connector or {}).get("mode", ""))) or "rw",
        device=str((asked.connector or {}).get("mountpoint") or ""),
        attached=bool(asked.connector) and spoken < COMPLETION,
    )
    view = value_of((await rooms.volume.create_attachment([wanted]))[0])
    return Json({"attachment": attachment_body(view)})


@router.get("")
async def list_attachments(request: Request, caller: Asking, rooms: Rooms, spoken: Spoken) -> Json:
    return await _list(request, caller, rooms, spoken, detailed=False)


@router.get("/detail")
async def list_details(request: Request, caller: Asking, rooms: Rooms, spoken: Spoken) -> Json:
    return await _list(request, caller, rooms, spoken, detailed=True)


async def _list(request: Request, caller: Caller, rooms: Rooms, spoken: Version, *, detailed: bool) -> Json:
    query = query_of(request.query_params, ATTACHMENT_FILTERS, spoken)
    page = value_of((await rooms.volume.page_attachments([ListRows(token=caller.token, query=query)]))[0])
    rows = [attachment_body(view, detailed) for view in page.views]
    ids = [view.id for view in page.views]
    beside = page_parts(request, caller, "attachments", (ids, page.total, page.more), spoken)
    return Json({"attachments": rows} | beside)


@router.get("/{attachment_id}")
async def show(attachment_id: str, caller: Asking, rooms: Rooms) -> Json:
    asked = AttachmentRequest(token=caller.token, attachment_id=attachment_id)
    return Json({"attachment": attachment_body(value_of((await rooms.volume.show_attachment([asked]))[0]))})


@router.put("/{attachment_id}")
async def update(attachment_id: str, body: UpdateAttachmentBody, caller: Asking, rooms: Rooms, spoken: Spoken) -> Json:
    wanted = AttachmentRequest(
        token=caller.token,
        attachment_id=attachment_id,
        connector=body.attachment.connector,
        attached=spoken < COMPLETION,
    )
    return Json({"attachment": attachment_body(value_of((await rooms.volume.update_attachment([wanted]))[0]))})


@router.delete("/{attachment_id}")
async def delete(attachment_id: str, caller: Asking, rooms: Rooms) -> Json:
    asked = AttachmentRequest(token=caller.token, attachment_id=attachment_id)
    value_of((await rooms.volume.delete_attachment([asked]))[0])
    return Json({"attachments": []})


@router.post("/{attachment_id}/action", status_code=204, dependencies=[Depends(since(44))])
async def complete(
    attachment_id: str, body: Annotated[dict[str, Any], Body()], caller: Asking, rooms: Rooms
) -> Response:
    if list(body) != ["os-complete"]:
        raise CallerError(bad_request("", "The body names one action: os-complete."))
    asked = AttachmentRequest(token=caller.token, attachment_id=attachment_id)
    value_of((await rooms.volume.complete_attachment([asked]))[0])
    return Response(status_code=204)

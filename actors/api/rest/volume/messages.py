"""What went wrong with volumes, told to their project: /v3/messages, since 3.3."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.microversions import Spoken
from actors.api.rest.volume.paths import links_of, of_own_project, since
from actors.api.rest.volume.queries import MESSAGE_FILTERS, page_parts, query_of
from actors.api.rest.volume.views import time_of
from actors.errors import value_of
from actors.records import VolumeMessage
from actors.volume.messages import ListRows, MessageRequest
from actors.volume.user_messages import KEPT_S, TEXTS

router = APIRouter(prefix="/v3/messages", dependencies=[Depends(of_own_project), Depends(since(3))])


@router.get("")
async def list_messages(request: Request, caller: Asking, rooms: Rooms, spoken: Spoken) -> Json:
    query = query_of(request.query_params, MESSAGE_FILTERS, spoken)
    page = value_of((await rooms.volume.page_messages([ListRows(token=caller.token, query=query)]))[0])
    ids = [row.id for row in page.rows]
    beside = page_parts(request, caller, "messages", (ids, page.total, page.more), spoken)
    return Json({"messages": [_body(request, caller, row) for row in page.rows]} | beside)


@router.get("/{message_id}")
async def show(request: Request, message_id: str, caller: Asking, rooms: Rooms) -> Json:
    asked = MessageRequest(token=caller.token, message_id=message_id)
    return Json({"message": _body(request, caller, value_of((await rooms.volume.show_message([asked]))[0]))})


@router.delete("/{message_id}", status_code=204)
async def delete(message_id: str, caller: Asking, rooms: Rooms) -> Response:
    asked = MessageRequest(token=caller.token, message_id=message_id)
    value_of((await rooms.volume.delete_message([asked]))[0])
    return Response(status_code=204)


def _body(request: Request, caller: Caller, row: VolumeMessage) -> dict[str, Any]:
    return {
        "id": row.id,
        "event_id": row.event,
        "user_message": TEXTS.get(row.event, row.event),
        "message_level": "ERROR",
        "resource_type": "VOLUME",
        "resource_uuid": row.volume_id,
        "request_id": row.request_id,
        "created_at": time_of(row.created_at),
        "guaranteed_until": time_of(row.created_at + KEPT_S),
        "links": links_of(request, caller, f"messages/{row.id}"),
    }

"""What was done to a server, by whom and how it ended."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha224
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from actors.api.rest.compute.queries import known_only
from actors.api.rest.context import Asking, Rooms
from actors.api.rest.microversions import Spoken, Version
from actors.api.rest.paging import Paging, next_link, page_of
from actors.errors import CallerError, bad_request, not_found
from actors.records import InstanceAction, InstanceActionEvent

router = APIRouter(prefix="/v2.1/servers/{server_id}/os-instance-actions")

DELETED_TOO = (2, 21)
EVENTS_FOR_ALL, PAGED, HOSTED, UNTIL, DETAILED = (2, 51), (2, 58), (2, 62), (2, 66), (2, 84)


@router.get("", dependencies=[known_only("limit", "marker", "changes-since", "changes-before")])
async def list_actions(
    server_id: str,
    request: Request,
    rooms: Rooms,
    caller: Asking,
    version: Spoken,
    limit: Annotated[int | None, Query(ge=0)] = None,
    marker: str = "",
    changes_since: Annotated[str, Query(alias="changes-since")] = "",
    changes_before: Annotated[str, Query(alias="changes-before")] = "",
) -> dict[str, Any]:
    """Newest first; in pages, and of a span of time, from the version that has them."""
    actions = await rooms.api.instance_actions(caller.token, server_id, version >= DELETED_TOO)
    if version < PAGED:
        return {"instanceActions": [_action(one, version) for one in actions]}
    since = _moment("changes-since", changes_since)
    before = _moment("changes-before", changes_before) if version >= UNTIL else 0.0
    span = [one for one in actions if one.updated_at >= since and (not before or one.updated_at <= before)]
    paging = Paging(limit=limit, marker=marker)
    page, more = page_of(span, paging, lambda one: one.request_id, lambda one, _: one.started_at)
    links = {"links": [{"rel": "next", "href": next_link(request.url, more)}]} if more else {}
    return {"instanceActions": [_action(one, version) for one in page]} | links


@router.get("/{request_id}")
async def show_action(server_id: str, request_id: str, rooms: Rooms, caller: Asking, version: Spoken) -> dict[str, Any]:
    for action in await rooms.api.instance_actions(caller.token, server_id, version >= DELETED_TOO):
        if action.request_id == request_id:
            shown = _action(action, version)
            if version >= EVENTS_FOR_ALL or caller.context.is_admin:
                admin = caller.context.is_admin
                shown["events"] = [_event(action, one, version, admin) for one in reversed(action.events)]
            return {"instanceAction": shown}
    raise CallerError(not_found("", f"Action {request_id[:64]} not found"))


def _action(action: InstanceAction, version: Version) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "action": action.name,
        "instance_uuid": action.instance_id,
        "request_id": action.request_id,
        "user_id": action.user_id,
        "project_id": action.project_id,
        "start_time": _time(action.started_at),
        "message": action.message or None,
    }
    return shown | ({"updated_at": _time(action.updated_at)} if version >= PAGED else {})


def _event(action: InstanceAction, event: InstanceActionEvent, version: Version, admin: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "event": event.event,
        "start_time": _time(event.started_at),
        "finish_time": _time(event.finished_at) if event.finished_at else None,
        "result": event.result or None,
    }
    if admin or version < EVENTS_FOR_ALL:
        shown["traceback"] = event.traceback or None
    if version >= HOSTED:
        shown["hostId"] = sha224(f"{action.project_id}{event.host}".encode()).hexdigest() if event.host else ""
        shown |= {"host": event.host} if admin else {}
    if version >= DETAILED:
        shown["details"] = event.traceback or None
    return shown


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def _moment(name: str, text: str) -> float:
    if not text:
        return 0.0
    try:
        said = datetime.fromisoformat(text)
    except ValueError:
        raise CallerError(bad_request("", f"Invalid input for query parameter {name}: it is no time")) from None
    return (said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp()

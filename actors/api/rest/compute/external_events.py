"""Events that other services tell compute of: a network service outside says that a port is plugged."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field, StringConstraints
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.bodies import Strict
from actors.api.rest.context import Asking, Rooms
from actors.errors import CallerError, forbidden, not_found
from actors.messages import PlugEvent

router = APIRouter()

EVENTS_LIMIT = 1_000  # of one request


class EventIn(Strict):
    name: Literal["network-changed", "network-vif-plugged", "network-vif-unplugged", "network-vif-deleted"]
    server_uuid: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    status: Literal["failed", "completed", "in-progress"] = "completed"
    tag: Annotated[str, StringConstraints(max_length=255)] | None = None


class EventsBody(Strict):
    events: Annotated[list[EventIn], Field(min_length=1, max_length=EVENTS_LIMIT)]


@router.post("/os-server-external-events")
async def tell(body: EventsBody, rooms: Rooms, asking: Asking) -> Response:
    """Each event has a code of its own: 404 where there is no such server, 422 where it has no host yet."""
    if not asking.context.is_admin:
        raise CallerError(forbidden("only an administrator tells of events"))
    at = rooms.clock.now()
    told = [PlugEvent(name=e.name, instance_id=e.server_uuid, port_id=e.tag or "", at=at) for e in body.events]
    codes = await rooms.api.tell_plugged(asking.token, told)
    if all(code == 404 for code in codes):
        raise CallerError(not_found("server", "No instances found for any event"))
    shown = [_shown(event, code) for event, code in zip(body.events, codes, strict=True)]
    return Json({"events": shown}, status_code=200 if all(code == 200 for code in codes) else 207)


def _shown(event: EventIn, code: int) -> dict[str, Any]:
    shown = {
        "name": event.name,
        "server_uuid": event.server_uuid,
        "status": event.status if code == 200 else "failed",
        "code": code,
    }
    return shown | ({"tag": event.tag} if event.tag is not None else {})

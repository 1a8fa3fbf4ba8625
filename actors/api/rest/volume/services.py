"""The service of block storage, and whether its host takes new volumes: /v3/os-services. For administrators."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from actors.api.rest.answers import Json
from actors.api.rest.bodies import Strict
from actors.api.rest.context import Asking, Rooms
from actors.api.rest.microversions import Spoken
from actors.api.rest.volume.paths import of_own_project
from actors.api.rest.volume.views import time_of
from actors.errors import CallerError, bad_request, not_found, value_of
from actors.records import VolumeService
from actors.volume.messages import SetService
from actors.volume.rules import BACKEND_HOST, REASON_LIMIT, ZONE

router = APIRouter(prefix="/v3/os-services", dependencies=[Depends(of_own_project)])

BINARY = "cinder-volume"
MACHINE = BACKEND_HOST.partition("@")[0]
ENABLE, DISABLE, DISABLE_AND_SAY = "enable", "disable", "disable-log-reason"
OF_REPLICATION = ("freeze", "thaw", "failover_host")


class Change(Strict):
    host: str
    binary: str = ""
    service: str = ""
    disabled_reason: str | None = Field(default=None, max_length=REASON_LIMIT)
    backend_id: str | None = None


@router.get("")
async def list_services(request: Request, caller: Asking, rooms: Rooms, spoken: Spoken) -> Json:
    """The one that answered just now."""
    said = value_of(await rooms.volume.show_service(caller.token))
    service: dict[str, Any] = {
        "binary": BINARY,
        "host": BACKEND_HOST,
        "zone": ZONE,
        "status": _status(said),
        "state": "up",
        "updated_at": time_of(rooms.clock.now()),
        "disabled_reason": said.disabled_reason or None,
        "replication_status": "disabled",
        "active_backend_id": None,
        "frozen": False,
    }
    if spoken >= (3, 7):
        service["cluster"] = None
    if spoken >= (3, 49):
        service["backend_state"] = "up"
    asked = request.query_params
    fits = asked.get("host", "") in ("", BACKEND_HOST, MACHINE) and asked.get("binary", "") in ("", BINARY)
    return Json({"services": [service] if fits else []})


@router.put("/{act}")
async def change(act: str, body: Change, caller: Asking, rooms: Rooms) -> Json:
    """A disabled one takes no new volumes; those that are there go on."""
    if act in OF_REPLICATION:
        raise CallerError(
            bad_request("host", f"{act} is for a back end with replication, which {body.host[:64]} is not")
        )
    if act not in (ENABLE, DISABLE, DISABLE_AND_SAY):
        raise CallerError(not_found("", f"Unknown action {act[:64]}"))
    if act == DISABLE_AND_SAY and not (body.disabled_reason or "").strip():
        raise CallerError(bad_request("disabled_reason", "is a required property"))
    if body.host != BACKEND_HOST or (body.binary or body.service) not in ("", BINARY):
        raise CallerError(not_found("host", f"Service {(body.binary or body.service)[:64]} could not be found there."))
    reason = body.disabled_reason or "" if act == DISABLE_AND_SAY else ""
    asked = SetService(token=caller.token, disabled=act != ENABLE, reason=reason)
    said = value_of((await rooms.volume.set_service([asked]))[0])
    answer = {
        "host": BACKEND_HOST,
        "service": BINARY,
        "binary": BINARY,
        "disabled": said.disabled,
        "status": _status(said),
    }
    return Json(answer if act == DISABLE else answer | {"disabled_reason": said.disabled_reason or None})


def _status(said: VolumeService) -> str:
    return "disabled" if said.disabled else "enabled"

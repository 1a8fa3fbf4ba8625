"""Remote consoles: a URL that is good for a short time, whose page shows the guest's screen (`screens.py`)."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request

from actors.api.rest.bodies import Strict
from actors.api.rest.context import Asking, Caller, Rooms, base_url
from actors.api.rest.microversions import Spoken
from actors.api.rest.rooms import EdgeRooms
from actors.api.rest.screens import console_url
from actors.errors import CallerError, bad_request, not_found

router = APIRouter(prefix="/v2.1/servers/{server_id}")

SINCE = (2, 6)
SCREENS = ("novnc", "xvpvnc")


class Wanted(Strict):
    protocol: Literal["vnc", "rdp", "serial", "spice", "mks"]
    type: Literal["novnc", "xvpvnc", "rdp-html5", "serial", "spice-html5", "webmks", "spice-direct"]


class Body(Strict):
    remote_console: Wanted


@router.post("/remote-consoles")
async def create_remote_console(
    server_id: str, body: Body, request: Request, rooms: Rooms, caller: Asking, version: Spoken
) -> dict[str, Any]:
    if version < SINCE:
        raise CallerError(not_found("", "The resource could not be found."))
    wanted = body.remote_console
    if wanted.protocol != "vnc" or wanted.type not in SCREENS:
        raise CallerError(bad_request("", f"Unavailable console type {wanted.type}."))
    url = await open_console(rooms, caller, server_id, base_url(request))
    return {"remote_console": {"protocol": wanted.protocol, "type": wanted.type, "url": url}}


async def open_console(rooms: EdgeRooms, caller: Caller, server_id: str, edge_url: str) -> str:
    ticket = await rooms.api.open_console(caller.token, server_id)
    return console_url(edge_url, ticket)

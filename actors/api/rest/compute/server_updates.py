"""PUT /servers/{id}: what a user says anew of a server: its names and its description."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from actors.acts import Edit
from actors.api.act_messages import EditServer
from actors.api.rest.answers import Json
from actors.api.rest.bodies import Strict
from actors.api.rest.compute.server_bodies import HostName, ServerName
from actors.api.rest.compute.server_view import detail
from actors.api.rest.compute.showing import Shown
from actors.api.rest.context import Asking, Rooms
from actors.api.rest.microversions import Spoken, Version
from actors.errors import CallerError, bad_request

router = APIRouter(prefix="/v2.1/servers/{server_id}")

SINCE = {"description": (2, 19), "hostname": (2, 90)}
WHOLE_SINCE = (2, 75)  # before, an answer had only what every server has
EXTENDED = ("OS-EXT-", "OS-SRV-", "os-extended-", "config_drive", "key_name", "security_groups", "host_status")


class Changes(Strict):
    """An address for access is none of what this cloud keeps: only its absence can be said."""

    name: ServerName | None = None
    description: Annotated[str, Field(max_length=255)] | None = None
    hostname: HostName | None = None
    disk_config: Annotated[Literal["AUTO", "MANUAL"] | None, Field(alias="OS-DCF:diskConfig")] = None
    access_v4: Annotated[Literal[""] | None, Field(alias="accessIPv4")] = None
    access_v6: Annotated[Literal[""] | None, Field(alias="accessIPv6")] = None


class Body(Strict):
    server: Changes


@router.put("")
async def update(server_id: str, body: Body, rooms: Rooms, caller: Asking, version: Spoken, showing: Shown) -> Response:
    changes = body.server
    _refuse_strange(changes, version)
    said = changes.model_fields_set
    edit = Edit(
        instance_id="",
        name=changes.name,
        description=(changes.description or "") if "description" in said else None,
        hostname=changes.hostname,
        disk_config=changes.disk_config,
    )
    request = EditServer(token=caller.token, server_id=server_id, edit=edit, request_id=caller.request_id)
    return Json({"server": _shown(detail(await rooms.api.edit(request), showing), version)})


def _refuse_strange(changes: Changes, version: Version) -> None:
    """Raises `CallerError` 400 for what the version has not, and where nothing is said."""
    for name, since in SINCE.items():
        if name in changes.model_fields_set and version < since:
            text = f"Additional properties are not allowed ('{name}' was unexpected)"
            raise CallerError(bad_request("", f"Invalid input for field/attribute server: {text}"))
    if not changes.model_fields_set:
        raise CallerError(bad_request("", "Invalid input for field/attribute server: it says nothing to change"))


def _shown(server: dict[str, Any], version: Version) -> dict[str, Any]:
    if version >= WHOLE_SINCE:
        return server
    return {name: value for name, value in server.items() if not name.startswith(EXTENDED)}

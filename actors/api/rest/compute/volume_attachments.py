"""The volumes of a server: which are attached, attach one, detach one."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID, uuid5

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from actors.api.act_messages import AttachVolumeTo
from actors.api.messages import ServersRequest
from actors.api.rest.bodies import Strict
from actors.api.rest.compute.queries import known_only
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.microversions import Spoken, Version
from actors.api.rest.paging import Paging, page_of
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, CallerFault, bad_request, not_found, value_of
from actors.messages import BlockDevice, ServerView
from actors.records import VolumeAttachment
from actors.volume.messages import shown_id

router = APIRouter(prefix="/v2.1/servers/{server_id}/os-volume_attachments")

TAG_ASKED, TAG_SHOWN, DELETED_WITH, CHANGED_SINCE, NO_ID = (2, 49), (2, 70), (2, 79), (2, 85), (2, 89)
WITH_ID = Version(2, 88)
Text = Annotated[str, Field(max_length=255)]
_MAPPINGS = UUID("5e6d2c0b-56cf-4f2c-8d3c-9b8f5d2a1b77")  # of the ids by which clients know a mapping of a server


class Wanted(Strict):
    volumeId: UUID
    device: Annotated[str, Field(pattern=r"^/dev/[a-zA-Z0-9_./-]{1,64}$")] | None = None
    tag: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^,/]*$")] | None = None
    delete_on_termination: bool | None = None


class Body(Strict):
    volumeAttachment: Wanted


class Changed(Strict):
    """All but what becomes of it is as it was, or isn't said."""

    volumeId: UUID
    delete_on_termination: bool | None = None
    device: Text | None = None
    tag: Text | None = None
    serverId: Text | None = None
    id: Text | None = None


class ChangedBody(Strict):
    volumeAttachment: Changed


def attachment(server_id: str, volume: BlockDevice, version: Version) -> dict[str, Any]:
    """A volume of a server's, with the fields of the version."""
    shown: dict[str, Any] = {
        "device": volume.device_name or None,
        "serverId": server_id,
        "volumeId": volume.source_id,
    }
    if version < NO_ID:
        shown["id"] = volume.source_id
    if version >= TAG_SHOWN:
        shown["tag"] = volume.tag or None
    if version >= DELETED_WITH:
        shown["delete_on_termination"] = volume.delete_on_termination
    if version >= NO_ID:
        shown["attachment_id"] = _attachment_id(volume.source_id, server_id)
        shown["bdm_uuid"] = str(uuid5(_MAPPINGS, f"{server_id}/{volume.source_id}"))
    return shown


def _attachment_id(volume_id: str, server_id: str) -> str:
    """By which block storage knows it."""
    row = f"{volume_id}:{server_id}"
    return shown_id(VolumeAttachment(id=row, volume_id=volume_id, instance_id=server_id, host=""))


@router.get("", dependencies=[known_only("limit", "offset")])
async def list_attachments(
    server_id: str,
    rooms: Rooms,
    caller: Asking,
    version: Spoken,
    limit: Annotated[int | None, Query(ge=0)] = None,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    volumes = (await _server(rooms, caller, server_id)).volumes[offset:]
    page, _ = page_of(volumes, Paging(limit=limit), lambda one: one.source_id, lambda one, _: one.source_id)
    return {"volumeAttachments": [attachment(server_id, volume, version) for volume in page]}


@router.get("/{volume_id}")
async def show_attachment(
    server_id: str, volume_id: str, rooms: Rooms, caller: Asking, version: Spoken
) -> dict[str, Any]:
    for volume in (await _server(rooms, caller, server_id)).volumes:
        if volume.source_id == volume_id:
            return {"volumeAttachment": attachment(server_id, volume, version)}
    raise CallerError(not_found("", f"Instance {server_id} is not attached to volume {volume_id[:64]}."))


@router.post("")
async def attach_volume(server_id: str, body: Body, rooms: Rooms, caller: Asking, version: Spoken) -> dict[str, Any]:
    wanted = body.volumeAttachment
    _check_version(wanted, version)
    device = await rooms.api.attach_volume(
        AttachVolumeTo(
            token=caller.token,
            server_id=server_id,
            volume_id=str(wanted.volumeId),
            device=wanted.device or "",
            delete_on_termination=bool(wanted.delete_on_termination),
            tag=wanted.tag or "",
            request_id=caller.request_id,
        )
    )
    return {"volumeAttachment": attachment(server_id, device, min(version, WITH_ID))}  # which this answer always has


def _check_version(wanted: Wanted, version: Version) -> None:
    for name, since in (("tag", TAG_ASKED), ("delete_on_termination", DELETED_WITH)):
        if name in wanted.model_fields_set and version < since:
            text = f"Additional properties are not allowed ('{name}' was unexpected)"
            raise CallerError(bad_request("", f"Invalid input for field/attribute volumeAttachment: {text}"))


@router.put("/{volume_id}", status_code=202)
async def update_attachment(
    server_id: str, volume_id: str, body: ChangedBody, rooms: Rooms, caller: Asking, version: Spoken
) -> Response:
    server, wanted = await _server(rooms, caller, server_id), body.volumeAttachment
    found = next((one for one in server.volumes if one.source_id == volume_id), None)
    if found is None:
        raise CallerError(not_found("", f"Instance {server_id} is not attached to volume {volume_id[:64]}."))
    if version < CHANGED_SINCE or str(wanted.volumeId) != volume_id:
        raise CallerError(CallerFault(501, "This cloud does not swap volumes of a server."))
    kept = {"device": found.device_name, "tag": found.tag, "serverId": server.id, "id": volume_id}
    for name, has in kept.items():
        if getattr(wanted, name) not in (None, has):
            raise CallerError(bad_request("", f"The {name} of an attached volume can't be changed."))
    if wanted.delete_on_termination is not None:
        await rooms.api.end_volume(caller.token, server.id, volume_id, wanted.delete_on_termination)
    return Response(status_code=202)


@router.delete("/{volume_id}", status_code=202)
async def detach_volume(server_id: str, volume_id: str, rooms: Rooms, caller: Asking) -> Response:
    await rooms.api.detach_volume(caller.token, server_id, volume_id, caller.request_id)
    return Response(status_code=202)


async def _server(rooms: EdgeRooms, caller: Caller, server_id: str) -> ServerView:
    [server] = await rooms.api.show(ServersRequest(token=caller.token, server_ids=(server_id,)))
    return value_of(server)

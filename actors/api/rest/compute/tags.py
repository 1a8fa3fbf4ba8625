"""The tags of a server, since the version that has them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from starlette.responses import Response

from actors.acts import Edit
from actors.api.act_messages import EditServer
from actors.api.messages import ServersRequest
from actors.api.rest.bodies import Strict
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.microversions import Spoken
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, bad_request, not_found, value_of

SINCE = (2, 26)
TAG_LIMIT = 60  # characters
TAGS_LIMIT = 50  # of one server
Tag = Annotated[str, Field(min_length=1, max_length=TAG_LIMIT, pattern=r"^[^,/]*$")]


async def since_tags(version: Spoken) -> None:
    """Raises `CallerError` 404 where the version has no tags."""
    if version < SINCE:
        raise CallerError(not_found("", "The resource could not be found."))


router = APIRouter(prefix="/v2.1/servers/{server_id}/tags", dependencies=[Depends(since_tags)])


class Tags(Strict):
    tags: Annotated[list[Tag], Field(max_length=TAGS_LIMIT)]


@router.get("")
async def list_tags(server_id: str, rooms: Rooms, caller: Asking) -> dict[str, Any]:
    return {"tags": await _tags(rooms, caller, server_id)}


@router.put("")
async def replace_tags(server_id: str, body: Tags, rooms: Rooms, caller: Asking) -> dict[str, Any]:
    await _edit(rooms, caller, server_id, Edit(instance_id="", tags=tuple(body.tags)))
    return {"tags": await _tags(rooms, caller, server_id)}


@router.delete("", status_code=204)
async def delete_tags(server_id: str, rooms: Rooms, caller: Asking) -> Response:
    await _edit(rooms, caller, server_id, Edit(instance_id="", tags=()))
    return Response(status_code=204)


@router.get("/{tag}", status_code=204)
async def has_tag(server_id: str, tag: str, rooms: Rooms, caller: Asking) -> Response:
    if tag not in await _tags(rooms, caller, server_id):
        raise CallerError(not_found("", f"Server {server_id} has no tag '{tag[:TAG_LIMIT]}'"))
    return Response(status_code=204)


@router.put("/{tag}")
async def put_tag(server_id: str, tag: str, request: Request, rooms: Rooms, caller: Asking) -> Response:
    """201 for one that is new."""
    if not tag or len(tag) > TAG_LIMIT or "," in tag:
        raise CallerError(bad_request("", f"A tag has 1 to {TAG_LIMIT} characters, neither a comma nor a slash."))
    if tag in await _tags(rooms, caller, server_id):
        return Response(status_code=204)
    await _edit(rooms, caller, server_id, Edit(instance_id="", tag=tag))
    return Response(status_code=201, headers={"Location": str(request.url)})


@router.delete("/{tag}", status_code=204)
async def delete_tag(server_id: str, tag: str, rooms: Rooms, caller: Asking) -> Response:
    await _edit(rooms, caller, server_id, Edit(instance_id="", tags_without=(tag,)))
    return Response(status_code=204)


async def _tags(rooms: EdgeRooms, caller: Caller, server_id: str) -> tuple[str, ...]:
    [server] = await rooms.api.show(ServersRequest(token=caller.token, server_ids=(server_id,)))
    return value_of(server).tags


async def _edit(rooms: EdgeRooms, caller: Caller, server_id: str, edit: Edit) -> None:
    await rooms.api.edit(EditServer(token=caller.token, server_id=server_id, edit=edit, request_id=caller.request_id))

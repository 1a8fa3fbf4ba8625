"""The metadata of a server, as a whole and item by item."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from actors.acts import Edit
from actors.api.act_messages import EditServer
from actors.api.messages import ServersRequest
from actors.api.rest.bodies import Strict
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, bad_request, not_found, value_of
from actors.messages import ServerView

router = APIRouter(prefix="/v2.1/servers/{server_id}/metadata")

Key = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9-_:. ]+$")]
Text = Annotated[str, Field(max_length=255)]


class Items(Strict):
    metadata: dict[Key, Text]


class Item(Strict):
    meta: Annotated[dict[Key, Text], Field(min_length=1, max_length=1)]


@router.get("")
async def list_metadata(server_id: str, rooms: Rooms, caller: Asking) -> dict[str, Any]:
    return {"metadata": await _metadata(rooms, caller, server_id)}


@router.post("")
async def add_metadata(server_id: str, body: Items, rooms: Rooms, caller: Asking) -> dict[str, Any]:
    server = await _edit(rooms, caller, server_id, Edit(instance_id="", metadata=body.metadata))
    return {"metadata": server.metadata}


@router.put("")
async def replace_metadata(server_id: str, body: Items, rooms: Rooms, caller: Asking) -> dict[str, Any]:
    edit = Edit(instance_id="", metadata=body.metadata, metadata_anew=True)
    return {"metadata": (await _edit(rooms, caller, server_id, edit)).metadata}


@router.get("/{key}")
async def show_item(server_id: str, key: str, rooms: Rooms, caller: Asking) -> dict[str, Any]:
    metadata = await _metadata(rooms, caller, server_id)
    if key not in metadata:
        raise CallerError(not_found("", "Metadata item was not found"))
    return {"meta": {key: metadata[key]}}


@router.put("/{key}")
async def put_item(server_id: str, key: str, body: Item, rooms: Rooms, caller: Asking) -> dict[str, Any]:
    if key not in body.meta:
        raise CallerError(bad_request("", "Request body and URI mismatch"))
    await _edit(rooms, caller, server_id, Edit(instance_id="", metadata=body.meta))
    return {"meta": body.meta}


@router.delete("/{key}", status_code=204)
async def delete_item(server_id: str, key: str, rooms: Rooms, caller: Asking) -> Response:
    await _edit(rooms, caller, server_id, Edit(instance_id="", metadata_without=(key,)))
    return Response(status_code=204)


async def _metadata(rooms: EdgeRooms, caller: Caller, server_id: str) -> dict[str, str]:
    [server] = await rooms.api.show(ServersRequest(token=caller.token, server_ids=(server_id,)))
    return value_of(server).metadata


async def _edit(rooms: EdgeRooms, caller: Caller, server_id: str, edit: Edit) -> ServerView:
    return await rooms.api.edit(
        EditServer(token=caller.token, server_id=server_id, edit=edit, request_id=caller.request_id)
    )

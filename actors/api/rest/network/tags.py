"""/v2.0/{networks, subnets, subnetpools, ports, routers, floatingips, security-groups}/{id}/tags"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.network.asked import Expected, all_made
from actors.api.rest.network.bodies import Tags
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, not_found
from actors.network.messages import EditTags, Reference

router = APIRouter(prefix="/{noun}/{row_id}/tags")


@router.get("")
async def list_tags(noun: str, row_id: str, rooms: Rooms, caller: Asking) -> Json:
    return Json({"tags": await _tags(rooms, caller, noun, row_id)})


@router.put("")
async def replace_tags(noun: str, row_id: str, body: Tags, rooms: Rooms, caller: Asking, revision: Expected) -> Json:
    wanted = EditTags(token=caller.token, id=row_id, noun=noun, revision=revision, replace=tuple(body.tags))
    return Json({"tags": await _edit(rooms, wanted)})


@router.delete("")
async def delete_tags(noun: str, row_id: str, rooms: Rooms, caller: Asking, revision: Expected) -> Json:
    await _edit(rooms, EditTags(token=caller.token, id=row_id, noun=noun, revision=revision, replace=()))
    return Json(None, status_code=204)


@router.get("/{tag}")
async def check_tag(noun: str, row_id: str, tag: str, rooms: Rooms, caller: Asking) -> Json:
    if tag not in await _tags(rooms, caller, noun, row_id):
        raise CallerError(not_found("tags", f"Tag {tag} could not be found.", "TagNotFound"))
    return Json(None, status_code=204)


@router.put("/{tag}")
async def add_tag(noun: str, row_id: str, tag: str, rooms: Rooms, caller: Asking, revision: Expected) -> Json:
    await _edit(rooms, EditTags(token=caller.token, id=row_id, noun=noun, revision=revision, add=(tag,)))
    return Json(None, status_code=201)


@router.delete("/{tag}")
async def remove_tag(noun: str, row_id: str, tag: str, rooms: Rooms, caller: Asking, revision: Expected) -> Json:
    await _edit(rooms, EditTags(token=caller.token, id=row_id, noun=noun, revision=revision, remove=(tag,)))
    return Json(None, status_code=204)


async def _edit(rooms: EdgeRooms, wanted: EditTags) -> tuple[str, ...]:
    [tags] = all_made(await rooms.network.edit_tags([wanted]))
    return tags


async def _tags(rooms: EdgeRooms, caller: Caller, noun: str, row_id: str) -> list[str]:
    room = rooms.network
    show: dict[str, Any] = {
        "networks": room.show_networks,
        "subnets": room.show_subnets,
        "subnetpools": room.show_subnet_pools,
        "ports": room.show_ports,
        "routers": room.show_routers,
        "floatingips": room.show_floating_ips,
        "security-groups": room.show_security_groups,
    }
    if noun not in show:
        raise CallerError(not_found("", "The resource could not be found.", "HTTPNotFound"))
    [row] = all_made(await show[noun]([Reference(token=caller.token, id=row_id)]))
    return list(row.tags)

"""Members of shared images: /v2/images/{id}/members."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.bodies import Lenient, Name
from actors.api.rest.context import Asking, Rooms
from actors.api.rest.image.views import member_body
from actors.errors import value_of
from actors.image.messages import ImageMemberRequest
from actors.messages import ImageRequest

router = APIRouter(prefix="/v2/images/{image_id}/members")


class NewMember(Lenient):
    member: Name


class Answer(Lenient):
    status: Literal["pending", "accepted", "rejected"]


@router.get("")
async def list_members(image_id: str, caller: Asking, rooms: Rooms) -> Json:
    asked = ImageRequest(token=caller.token, image_id=image_id)
    members = value_of((await rooms.image.list_members([asked]))[0])
    return Json({"members": [member_body(member) for member in members], "schema": "/v2/schemas/members"})


@router.post("")
async def add(image_id: str, body: NewMember, caller: Asking, rooms: Rooms) -> Json:
    wanted = ImageMemberRequest(token=caller.token, image_id=image_id, member=body.member)
    return Json(member_body(value_of((await rooms.image.add_member([wanted]))[0])))


@router.get("/{member}")
async def show(image_id: str, member: str, caller: Asking, rooms: Rooms) -> Json:
    asked = ImageMemberRequest(token=caller.token, image_id=image_id, member=member)
    return Json(member_body(value_of((await rooms.image.show_member([asked]))[0])))


@router.put("/{member}")
async def answer(image_id: str, member: str, body: Answer, caller: Asking, rooms: Rooms) -> Json:
    wanted = ImageMemberRequest(token=caller.token, image_id=image_id, member=member, status=body.status)
    return Json(member_body(value_of((await rooms.image.update_member([wanted]))[0])))


@router.delete("/{member}", status_code=204)
async def remove(image_id: str, member: str, caller: Asking, rooms: Rooms) -> Response:
    wanted = ImageMemberRequest(token=caller.token, image_id=image_id, member=member)
    value_of((await rooms.image.remove_member([wanted]))[0])
    return Response(status_code=204)

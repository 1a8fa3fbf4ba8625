"""Kinds of resources, and which of them a namespace is for."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Rooms
from actors.api.rest.image.metadefs.asking import NAMESPACE, changed, shown
from actors.api.rest.image.metadefs.views import association_body, type_body
from actors.errors import value_of
from actors.image.metadefs.forms import association_draft
from actors.image.metadefs.messages import Associate, DropParts

router = APIRouter()
OF_NAMESPACE = f"{NAMESPACE}/resource_types"


@router.get("/v2/metadefs/resource_types")
async def list_types(caller: Asking, rooms: Rooms) -> Json:
    rows = value_of((await rooms.image.metadef_resource_types([caller.token]))[0])
    return Json({"resource_types": [type_body(row) for row in rows]})


@router.get(OF_NAMESPACE)
async def list_associations(namespace: str, caller: Asking, rooms: Rooms) -> Json:
    row = await shown(rooms, caller, namespace)
    return Json({"resource_type_associations": [association_body(one) for one in row.associations]})


@router.post(OF_NAMESPACE, status_code=201)
async def associate(namespace: str, caller: Asking, rooms: Rooms, body: Annotated[Any, Body()]) -> Json:
    row = await changed(rooms, caller, namespace, Associate(draft=association_draft(body)))
    return Json(association_body(row.associations[-1]), status_code=201)


@router.delete(f"{OF_NAMESPACE}/{{resource_type}}", status_code=204)
async def disassociate(namespace: str, resource_type: str, caller: Asking, rooms: Rooms) -> Response:
    await changed(rooms, caller, namespace, DropParts(kind="associations", name=resource_type))
    return Response(status_code=204)

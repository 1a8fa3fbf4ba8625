"""Objects of a namespace: properties that belong together."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Rooms
from actors.api.rest.image.metadefs.asking import NAMESPACE, SCHEMAS, changed, limit_of, shown
from actors.api.rest.image.metadefs.views import object_body
from actors.errors import CallerError, bad_request
from actors.image.metadefs.forms import object_draft
from actors.image.metadefs.listing import TAG_SORT_KEYS, check_order
from actors.image.metadefs.messages import DropParts, PutObject
from actors.image.metadefs.rules import missing, named
from actors.records import MetadefNamespace

router = APIRouter(prefix=f"{NAMESPACE}/objects")


@router.get("")
async def list_objects(namespace: str, request: Request, caller: Asking, rooms: Rooms) -> Json:
    """All of them: Glance checks how many and in which order are asked for, and does not go by it."""
    asked = request.query_params
    limit_of(asked, -1, least=1)
    check_order(TAG_SORT_KEYS[0], asked.get("sort_dir", "asc"), TAG_SORT_KEYS)
    if asked.get("visibility", "public") not in ("public", "private", "shared"):
        raise CallerError(bad_request("visibility", f"Invalid visibility value: {asked['visibility']}"))
    row = await shown(rooms, caller, namespace)
    return Json({"objects": [object_body(row, one) for one in row.objects], "schema": f"{SCHEMAS[1:]}/objects"})


@router.post("", status_code=201)
async def create(namespace: str, caller: Asking, rooms: Rooms, body: Annotated[Any, Body()]) -> Json:
    draft = object_draft(body)
    return Json(_one(await changed(rooms, caller, namespace, PutObject(draft=draft)), draft.name), status_code=201)


@router.delete("", status_code=204)
async def delete_all(namespace: str, caller: Asking, rooms: Rooms) -> Response:
    await changed(rooms, caller, namespace, DropParts(kind="objects"))
    return Response(status_code=204)


@router.get("/{object_name}")
async def show(namespace: str, object_name: str, caller: Asking, rooms: Rooms) -> Json:
    return Json(_one(await shown(rooms, caller, namespace), object_name))


@router.put("/{object_name}")
async def change(namespace: str, object_name: str, caller: Asking, rooms: Rooms, body: Annotated[Any, Body()]) -> Json:
    draft = object_draft(body)
    edit = PutObject(draft=draft, instead_of=object_name)
    return Json(_one(await changed(rooms, caller, namespace, edit), draft.name))


@router.delete("/{object_name}", status_code=204)
async def delete(namespace: str, object_name: str, caller: Asking, rooms: Rooms) -> Response:
    await changed(rooms, caller, namespace, DropParts(kind="objects", name=object_name))
    return Response(status_code=204)


def _one(row: MetadefNamespace, name: str) -> dict[str, Any]:
    found = named(row.objects, name)
    if found is None:
        raise missing("objects", name)
    return object_body(row, found)

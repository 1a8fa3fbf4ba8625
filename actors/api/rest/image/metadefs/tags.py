"""Tags that a namespace proposes."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Request
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Rooms
from actors.api.rest.image.metadefs.asking import NAMESPACE, changed, limit_of, shown
from actors.api.rest.image.metadefs.views import tag_body
from actors.errors import CallerError, bad_request
from actors.image.metadefs.forms import VISIBILITIES, name, tag_name, tag_names
from actors.image.metadefs.listing import tags_of
from actors.image.metadefs.messages import AddTags, DropParts, RenameTag
from actors.image.metadefs.rules import missing, named
from actors.records import MetadefNamespace

TRUE = ("1", "t", "true", "on", "y", "yes")  # of a header, as oslo.utils reads one

router = APIRouter(prefix=f"{NAMESPACE}/tags")


@router.get("")
async def list_tags(namespace: str, request: Request, caller: Asking, rooms: Rooms) -> Json:
    asked = request.query_params
    limit = limit_of(asked, -1)
    if asked.get("visibility", "public") not in (*VISIBILITIES, "shared"):
        raise CallerError(bad_request("visibility", f"Invalid visibility value: {asked['visibility']}"))
    row = await shown(rooms, caller, namespace)
    order = (asked.get("sort_key", "created_at"), asked.get("sort_dir", "desc"))
    tags = tags_of(row, *order, asked.get("marker", ""), limit)
    return Json({"tags": [{"name": tag.name} for tag in tags]})


@router.post("", status_code=201)
async def set_all(
    namespace: str,
    caller: Asking,
    rooms: Rooms,
    body: Annotated[Any, Body()],
    x_openstack_append: Annotated[str, Header()] = "",
) -> Json:
    """Instead of the tags before, or beside them."""
    names = tag_names(body)
    append = x_openstack_append.strip().lower() in TRUE
    await changed(rooms, caller, namespace, AddTags(names=names, append=append))
    return Json({"tags": [{"name": one} for one in names]}, status_code=201)


@router.delete("", status_code=204)
async def delete_all(namespace: str, caller: Asking, rooms: Rooms) -> Response:
    await changed(rooms, caller, namespace, DropParts(kind="tags"))
    return Response(status_code=204)


@router.post("/{tag}", status_code=201)
async def create(namespace: str, tag: str, caller: Asking, rooms: Rooms) -> Json:
    added = name("name", tag)
    row = await changed(rooms, caller, namespace, AddTags(names=(added,)))
    return Json(_one(row, added), status_code=201)


@router.get("/{tag}")
async def show(namespace: str, tag: str, caller: Asking, rooms: Rooms) -> Json:
    return Json(_one(await shown(rooms, caller, namespace), tag))


@router.put("/{tag}")
async def change(namespace: str, tag: str, caller: Asking, rooms: Rooms, body: Annotated[Any, Body()]) -> Json:
    renamed = tag_name(body)
    return Json(_one(await changed(rooms, caller, namespace, RenameTag(tag=tag, name=renamed)), renamed))


@router.delete("/{tag}", status_code=204)
async def delete(namespace: str, tag: str, caller: Asking, rooms: Rooms) -> Response:
    await changed(rooms, caller, namespace, DropParts(kind="tags", name=tag))
    return Response(status_code=204)


def _one(row: MetadefNamespace, wanted: str) -> dict[str, Any]:
    found = named(row.tags, wanted)
    if found is None:
        raise missing("tags", wanted)
    return tag_body(found)

"""Properties of a namespace that belong to no object."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Rooms
from actors.api.rest.image.metadefs.asking import NAMESPACE, changed, shown
from actors.api.rest.image.metadefs.views import property_body
from actors.errors import CallerError, not_found
from actors.image.metadefs.forms import property_draft
from actors.image.metadefs.messages import DropParts, PutProperty
from actors.image.metadefs.rules import missing, named
from actors.records import MetadefNamespace

router = APIRouter(prefix=f"{NAMESPACE}/properties")


@router.get("")
async def list_properties(namespace: str, caller: Asking, rooms: Rooms) -> Json:
    return Json({"properties": (await shown(rooms, caller, namespace)).properties})


@router.post("", status_code=201)
async def create(namespace: str, caller: Asking, rooms: Rooms, body: Annotated[Any, Body()]) -> Json:
    name, schema = property_draft(body)
    await changed(rooms, caller, namespace, PutProperty(name=name, schema=schema))
    return Json(property_body(name, schema), status_code=201)


@router.delete("", status_code=204)
async def delete_all(namespace: str, caller: Asking, rooms: Rooms) -> Response:
    await changed(rooms, caller, namespace, DropParts(kind="properties"))
    return Response(status_code=204)


@router.get("/{property_name}")
async def show(namespace: str, property_name: str, caller: Asking, rooms: Rooms, resource_type: str = "") -> Json:
    """With a resource type the name that is asked for has its prefix, and the one in the answer has not."""
    row = await shown(rooms, caller, namespace)
    name = _bare(row, property_name, resource_type) if resource_type else property_name
    if name not in row.properties:
        raise missing("properties", property_name)
    return Json(property_body(name, row.properties[name]))


def _bare(row: MetadefNamespace, name: str, resource_type: str) -> str:
    found = named(row.associations, resource_type)
    if found is None:
        raise missing("associations", resource_type)
    if not found.prefix or not name.startswith(found.prefix):
        said = f"Property {name} does not start with the expected resource type association prefix of"
        raise CallerError(not_found("property_name", f"{said} '{found.prefix}'."))
    return name.removeprefix(found.prefix)


@router.put("/{property_name}")
async def change(
    namespace: str, property_name: str, caller: Asking, rooms: Rooms, body: Annotated[Any, Body()]
) -> Json:
    name, schema = property_draft(body)
    await changed(rooms, caller, namespace, PutProperty(name=name, schema=schema, instead_of=property_name))
    return Json(property_body(name, schema))


@router.delete("/{property_name}", status_code=204)
async def delete(namespace: str, property_name: str, caller: Asking, rooms: Rooms) -> Response:
    await changed(rooms, caller, namespace, DropParts(kind="properties", name=property_name))
    return Response(status_code=204)

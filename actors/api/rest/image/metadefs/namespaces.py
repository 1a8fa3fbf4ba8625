"""Namespaces of definitions: /v2/metadefs/namespaces."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Body, Request
from starlette.datastructures import QueryParams
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Rooms, base_url
from actors.api.rest.image.metadefs.asking import NAMESPACES, SCHEMAS, changed, limit_of, shown
from actors.api.rest.image.metadefs.views import listed_body, prefixed, short_body, whole_body
from actors.api.rest.image.queries import DEFAULT_LIMIT
from actors.errors import value_of
from actors.image.metadefs.forms import namespace_draft
from actors.image.metadefs.messages import CreateMetadef, ListMetadefs, MetadefQuery, MetadefRequest, Redescribe

router = APIRouter(prefix=NAMESPACES)


@router.get("")
async def list_namespaces(request: Request, caller: Asking, rooms: Rooms) -> Json:
    query = query_of(request.query_params)
    rows = value_of((await rooms.image.list_metadefs([ListMetadefs(token=caller.token, query=query)]))[0])
    first = request.url.remove_query_params("marker")
    body = {
        "namespaces": [listed_body(row) for row in rows],
        "first": _link(first.query),
        "schema": f"{SCHEMAS}/namespaces",
    }
    if rows and len(rows) == query.limit:
        body["next"] = _link(first.include_query_params(marker=rows[-1].namespace).query)
    return Json(body)


def query_of(asked: QueryParams) -> MetadefQuery:
    types = asked.get("resource_types")
    return MetadefQuery(
        visibility=asked.get("visibility", ""),
        resource_types=None if types is None else tuple(types.split(",")),
        sort_key=asked.get("sort_key", "created_at"),
        sort_dir=asked.get("sort_dir", "desc"),
        marker=asked.get("marker", ""),
        limit=limit_of(asked, DEFAULT_LIMIT),
    )


def _link(query: str) -> str:
    return f"{NAMESPACES}?{query}" if query else NAMESPACES


@router.post("", status_code=201)
async def create(request: Request, caller: Asking, rooms: Rooms, body: Annotated[Any, Body()]) -> Json:
    asked = CreateMetadef(token=caller.token, draft=namespace_draft(body))
    row = value_of((await rooms.image.create_metadefs([asked]))[0])
    location = f"{base_url(request)}/image{NAMESPACES}/{quote(row.namespace)}"
    return Json(whole_body(row), status_code=201, headers={"Location": location})


@router.get("/{namespace}")
async def show(namespace: str, caller: Asking, rooms: Rooms, resource_type: str = "") -> Json:
    return Json(whole_body(prefixed(await shown(rooms, caller, namespace), resource_type)))


@router.put("/{namespace}")
async def change(namespace: str, caller: Asking, rooms: Rooms, body: Annotated[Any, Body()]) -> Json:
    return Json(short_body(await changed(rooms, caller, namespace, Redescribe(draft=namespace_draft(body)))))


@router.delete("/{namespace}", status_code=204)
async def delete(namespace: str, caller: Asking, rooms: Rooms) -> Response:
    value_of((await rooms.image.delete_metadefs([MetadefRequest(token=caller.token, namespace=namespace)]))[0])
    return Response(status_code=204)

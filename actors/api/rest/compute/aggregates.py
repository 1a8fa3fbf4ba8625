"""Host aggregates over HTTP, for administrators."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field, StringConstraints
from starlette.background import BackgroundTask
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.bodies import Strict
from actors.api.rest.compute.dates import micro
from actors.api.rest.context import Asking, Rooms
from actors.api.rest.microversions import Spoken, Version
from actors.errors import CallerError, bad_request, not_found, value_of
from actors.image.messages import PrecacheImage
from actors.records import Aggregate
from actors.scheduler.hints import ZONE

router = APIRouter()

Text = Annotated[str, StringConstraints(min_length=1, max_length=255)]
IMAGES_LIMIT = 100  # of one request to cache them


class AggregateIn(Strict):
    name: Text
    availability_zone: Text | None = None


class CreateAggregateBody(Strict):
    aggregate: AggregateIn


class AggregateChange(Strict):
    name: Text | None = None
    availability_zone: Text | None = None


class ChangeAggregateBody(Strict):
    aggregate: AggregateChange


class HostIn(Strict):
    host: Text


class MetadataIn(Strict):
    metadata: dict[Text, Annotated[str, StringConstraints(max_length=255)] | None]


class ActionBody(Strict):
    add_host: HostIn | None = None
    remove_host: HostIn | None = None
    set_metadata: MetadataIn | None = None


class ImageIn(Strict):
    id: Text


class CacheBody(Strict):
    cache: Annotated[list[ImageIn], Field(min_length=1, max_length=IMAGES_LIMIT)]


def aggregate_body(row: Aggregate, version: Version) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": row.number,
        "name": row.name,
        "availability_zone": row.properties.get(ZONE),
        "hosts": list(row.hosts),
        "metadata": row.properties,
        "created_at": micro(row.created_at),
        "updated_at": micro(row.updated_at),
        "deleted": False,
        "deleted_at": None,
    }
    return body | ({"uuid": row.id} if version >= (2, 41) else {})


@router.get("/os-aggregates")
async def index(rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    return Json({"aggregates": [aggregate_body(row, version) for row in await rooms.api.aggregates(asking.token)]})


@router.post("/os-aggregates")
async def create(body: CreateAggregateBody, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    """The answer lacks hosts and metadata, as it always did in Nova."""
    given = body.aggregate
    row = value_of(await rooms.api.create_aggregate(asking.token, given.name, given.availability_zone or ""))
    shown = aggregate_body(row, version)
    return Json({"aggregate": {name: value for name, value in shown.items() if name not in ("hosts", "metadata")}})


@router.get("/os-aggregates/{key}")
async def show(key: str, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    return Json({"aggregate": aggregate_body(await rooms.api.aggregate(asking.token, key), version)})


@router.put("/os-aggregates/{key}")
async def change(key: str, body: ChangeAggregateBody, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    given = body.aggregate
    if not given.model_fields_set:
        raise CallerError(bad_request("", "An aggregate is changed in its name or its availability zone."))
    row = await rooms.api.change_aggregate(asking.token, key, given.name or "", given.availability_zone)
    return Json({"aggregate": aggregate_body(value_of(row), version)})


@router.delete("/os-aggregates/{key}")
async def delete(key: str, rooms: Rooms, asking: Asking) -> Response:
    fault = await rooms.api.delete_aggregate(asking.token, key)
    if fault is not None:
        raise CallerError(fault)
    return Response(status_code=200)


@router.post("/os-aggregates/{key}/action")
async def act(key: str, body: ActionBody, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    if len(body.model_fields_set) != 1:
        raise CallerError(bad_request("", "There is one action in a request."))
    if body.set_metadata is not None:
        row = await rooms.api.set_aggregate_metadata(asking.token, key, body.set_metadata.metadata)
    else:
        host = body.add_host or body.remove_host
        if host is None:
            raise CallerError(bad_request("", "There is one action in a request."))
        row = await rooms.api.put_host(asking.token, key, host.host, body.add_host is not None)
    return Json({"aggregate": aggregate_body(value_of(row), version)})


@router.post("/os-aggregates/{key}/images", status_code=202)
async def cache(key: str, body: CacheBody, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    """Its hosts fetch these images ahead of time."""
    if version < (2, 81):
        raise CallerError(not_found("", "The resource could not be found."))
    row = await rooms.api.aggregate(asking.token, key)
    reports = [seen.report for seen in await rooms.api.hosts(asking.token)]
    nodes = tuple({report.node for report in reports if {report.host, report.node} & set(row.hosts)})
    wanted = [PrecacheImage(token=asking.token, image_id=image.id, hosts=nodes) for image in body.cache]
    background = BackgroundTask(rooms.image.precache, wanted)
    return Response(status_code=202, background=background)

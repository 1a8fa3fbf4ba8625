"""Images through compute, as clients asked for them before they knew of Glance: until 2.35, their metadata until 2.38.

Nothing is kept here: each request is the image room's, told in Nova's older words. libcloud's default version uses it.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.compute.dates import parsed
from actors.api.rest.compute.metadata import Item, Items
from actors.api.rest.compute.queries import whole
from actors.api.rest.compute.server_view import Showing, bookmark, links
from actors.api.rest.compute.showing import Shown
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.image.views import time_of
from actors.api.rest.microversions import gone_since
from actors.api.rest.paging import PAGE_LIMIT, next_link
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, bad_request, forbidden, not_found, value_of
from actors.image.messages import ImageChange, ImageQuery, ListImages, PatchImage, TimeBound
from actors.image.patch import CORE, READ_ONLY
from actors.messages import ImageRequest
from actors.records import Image

router = APIRouter()

GONE, METADATA_GONE = [gone_since(2, 36)], [gone_since(2, 39)]
STATUSES = {"active": "ACTIVE", "queued": "SAVING", "saving": "SAVING", "importing": "SAVING", "uploading": "SAVING"}
PROGRESS = {"active": 100, "saving": 50, "queued": 25}
SERVER = "instance_uuid"  # the property that names the server of which an image was made
Body = dict[str, Any]


def summary(image: Image, showing: Showing) -> Body:
    glance = showing.url.removesuffix("/compute") + f"/image/images/{image.id}"
    alternate = {"rel": "alternate", "type": "application/vnd.openstack.image", "href": glance}
    return {"id": image.id, "name": image.name or None, "links": [*links(showing, "images", image.id), alternate]}


def detail(image: Image, showing: Showing) -> Body:
    body = summary(image, showing) | {
        "minRam": image.min_ram_mib,
        "minDisk": image.min_disk_gib,
        "metadata": dict(image.properties),
        "created": time_of(image.created_at),
        "updated": time_of(image.updated_at or image.created_at),
        "status": STATUSES.get(image.status, "UNKNOWN"),
        "progress": PROGRESS.get(image.status, 0),
        "OS-EXT-IMG-SIZE:size": image.size,
    }
    server = image.properties.get(SERVER)
    if server:
        body["server"] = {
            "id": server,
            "links": links(showing, "servers", server)[:1] + bookmark(showing, "servers", server),
        }
    return body


# ---------------------------------------------------------------- images


@router.get("/images", dependencies=GONE)
async def index(request: Request, rooms: Rooms, asking: Asking, showing: Shown) -> Response:
    return await _listed(request, rooms, asking, lambda image: summary(image, showing))


@router.get("/images/detail", dependencies=GONE)
async def index_in_detail(request: Request, rooms: Rooms, asking: Asking, showing: Shown) -> Response:
    return await _listed(request, rooms, asking, lambda image: detail(image, showing))


async def _listed(request: Request, rooms: EdgeRooms, asking: Caller, show: Any) -> Response:
    query = query_of(request)
    images = value_of((await rooms.image.list_images([ListImages(token=asking.token, query=query)]))[0])
    body: Body = {"images": [show(image) for image in images]}
    if images and len(images) == query.limit:
        body["images_links"] = [{"rel": "next", "href": next_link(request.url, images[-1].id)}]
    return Json(body)


def query_of(request: Request) -> ImageQuery:
    """Raises `CallerError` 400. Other names than these filter nothing, as with Nova."""
    asked = request.query_params
    limit = whole(asked, "limit")
    texts: dict[str, tuple[str, ...]] = {"name": (asked["name"],)} if "name" in asked else {}
    if "status" in asked:
        wanted = asked["status"].upper()
        texts["status"] = tuple(one for one, shown in STATUSES.items() if shown == wanted) or (asked["status"].lower(),)
    properties = {name.removeprefix("property-"): text for name, text in asked.items() if name.startswith("property-")}
    if "server" in asked:
        properties[SERVER] = asked["server"].rpartition("/")[2]
    if "type" in asked:
        properties["image_type"] = asked["type"]
    since = asked.get("changes-since", "")
    return ImageQuery(
        texts=texts,
        properties=properties,
        times=(TimeBound("updated_at", "gte", parsed("changes-since", since)),) if since else (),
        marker=asked.get("marker", ""),
        limit=PAGE_LIMIT if limit is None else min(limit, PAGE_LIMIT),
    )


@router.get("/images/{image_id}", dependencies=GONE)
async def show(image_id: str, rooms: Rooms, asking: Asking, showing: Shown) -> Response:
    return Json({"image": detail(await _image(rooms, asking, image_id), showing)})


@router.delete("/images/{image_id}", status_code=204, dependencies=GONE)
async def delete(image_id: str, rooms: Rooms, asking: Asking) -> Response:
    value_of((await rooms.image.delete([ImageRequest(token=asking.token, image_id=image_id)]))[0])
    return Response(status_code=204)


# ---------------------------------------------------------------- their metadata


@router.get("/images/{image_id}/metadata", dependencies=METADATA_GONE)
async def list_metadata(image_id: str, rooms: Rooms, asking: Asking) -> Response:
    return Json({"metadata": (await _image(rooms, asking, image_id)).properties})


@router.post("/images/{image_id}/metadata", dependencies=METADATA_GONE)
async def add_metadata(image_id: str, body: Items, rooms: Rooms, asking: Asking) -> Response:
    return Json({"metadata": await _changed(rooms, asking, image_id, body.metadata)})


@router.put("/images/{image_id}/metadata", dependencies=METADATA_GONE)
async def replace_metadata(image_id: str, body: Items, rooms: Rooms, asking: Asking) -> Response:
    known = (await _image(rooms, asking, image_id)).properties
    return Json({"metadata": await _changed(rooms, asking, image_id, body.metadata, known.keys() - body.metadata)})


@router.get("/images/{image_id}/metadata/{key}", dependencies=METADATA_GONE)
async def show_item(image_id: str, key: str, rooms: Rooms, asking: Asking) -> Response:
    return Json({"meta": {key: _item(await _image(rooms, asking, image_id), key)}})


@router.put("/images/{image_id}/metadata/{key}", dependencies=METADATA_GONE)
async def put_item(image_id: str, key: str, body: Item, rooms: Rooms, asking: Asking) -> Response:
    if key not in body.meta:
        raise CallerError(bad_request("", "Request body and URI mismatch"))
    await _changed(rooms, asking, image_id, body.meta)
    return Json({"meta": body.meta})


@router.delete("/images/{image_id}/metadata/{key}", status_code=204, dependencies=METADATA_GONE)
async def delete_item(image_id: str, key: str, rooms: Rooms, asking: Asking) -> Response:
    _item(await _image(rooms, asking, image_id), key)
    await _changed(rooms, asking, image_id, {}, {key})
    return Response(status_code=204)


async def _image(rooms: EdgeRooms, asking: Caller, image_id: str) -> Image:
    return value_of((await rooms.image.show([ImageRequest(token=asking.token, image_id=image_id)]))[0])


def _item(image: Image, key: str) -> str:
    if key not in image.properties:
        raise CallerError(not_found("key", "Metadata item was not found"))
    return image.properties[key]


async def _changed(
    rooms: EdgeRooms, asking: Caller, image_id: str, items: dict[str, str], without: set[str] | None = None
) -> dict[str, str]:
    """The image's metadata afterwards. Raises `CallerError` 403 for the name of what every image has."""
    own = sorted(name for name in items if name in CORE or name in READ_ONLY)
    if own:
        raise CallerError(forbidden(f"{own[0]} is no metadata of an image"))
    changes = [ImageChange(act="remove", name=name) for name in sorted(without or ())]
    changes += [ImageChange(act="add", name=name, value=value) for name, value in items.items()]
    if not changes:
        return (await _image(rooms, asking, image_id)).properties
    wanted = PatchImage(token=asking.token, image_id=image_id, changes=tuple(changes))
    return value_of((await rooms.image.patch([wanted]))[0]).properties

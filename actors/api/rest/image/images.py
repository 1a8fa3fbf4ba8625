"""Images, their tags, and whether they are active: /v2/images."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Rooms, base_url
from actors.api.rest.image.bodies import PATCH_TYPE, changes_of, create_request
from actors.api.rest.image.queries import query_of
from actors.api.rest.image.views import STORE, image_body
from actors.errors import CallerError, CallerFault, conflict, value_of
from actors.image.messages import ListImages, PatchImage, SetImageActive, TagImage
from actors.messages import ImageRequest

IMPORT_METHODS = {"OpenStack-image-import-methods": "glance-direct", "OpenStack-image-store-ids": STORE}
PATCH_SCHEMA = {"requestBody": {"content": {PATCH_TYPE: {"schema": {"type": "array", "items": {"type": "object"}}}}}}

router = APIRouter(prefix="/v2/images")


@router.post("", status_code=201)
async def create(request: Request, caller: Asking, rooms: Rooms, body: Annotated[dict[str, Any], Body()]) -> Json:
    wanted = create_request(caller.token, body)
    if "id" in body:
        await _check_free(rooms, ImageRequest(token=caller.token, image_id=wanted.image_id))
    image = value_of((await rooms.image.create([wanted]))[0])
    location = f"{base_url(request)}/image/v2/images/{image.id}"
    return Json(image_body(image), status_code=201, headers={"Location": location, **IMPORT_METHODS})


async def _check_free(rooms: Rooms, asked: ImageRequest) -> None:
    [known] = await rooms.image.show([asked])
    if not isinstance(known, CallerFault):
        raise CallerError(conflict("id", f"Image ID {asked.image_id} already exists!"))


@router.get("")
async def list_images(request: Request, caller: Asking, rooms: Rooms) -> Json:
    query = query_of(request.query_params)
    images = value_of((await rooms.image.list_images([ListImages(token=caller.token, query=query)]))[0])
    first = request.url.remove_query_params("marker")
    body = {
        "images": [image_body(image) for image in images],
        "schema": "/v2/schemas/images",
        "first": _link(first.query),
    }
    if images and len(images) == query.limit:
        body["next"] = _link(first.include_query_params(marker=images[-1].id).query)
    return Json(body)


def _link(query: str) -> str:
    return f"/v2/images?{query}" if query else "/v2/images"


@router.get("/{image_id}")
async def show(image_id: str, caller: Asking, rooms: Rooms) -> Json:
    asked = ImageRequest(token=caller.token, image_id=image_id)
    return Json(image_body(value_of((await rooms.image.show([asked]))[0])))


@router.get("/{image_id}/tasks")
async def tasks(image_id: str, caller: Asking, rooms: Rooms) -> Json:
    """Of what is imported, which Glance does in tasks and this service at once: there are never any."""
    value_of((await rooms.image.show([ImageRequest(token=caller.token, image_id=image_id)]))[0])
    return Json({"tasks": []})


@router.patch("/{image_id}", openapi_extra=PATCH_SCHEMA)
async def change(image_id: str, request: Request, caller: Asking, rooms: Rooms) -> Json:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    changes = changes_of(media_type, await request.body())
    wanted = PatchImage(token=caller.token, image_id=image_id, changes=changes)
    return Json(image_body(value_of((await rooms.image.patch([wanted]))[0])))


@router.delete("/{image_id}", status_code=204)
async def delete(image_id: str, caller: Asking, rooms: Rooms) -> Response:
    value_of((await rooms.image.delete([ImageRequest(token=caller.token, image_id=image_id)]))[0])
    return Response(status_code=204)


# ---------------------------------------------------------------- tags, activity


@router.put("/{image_id}/tags/{tag}", status_code=204)
async def add_tag(image_id: str, tag: str, caller: Asking, rooms: Rooms) -> Response:
    value_of((await rooms.image.tag([TagImage(token=caller.token, image_id=image_id, tag=tag)]))[0])
    return Response(status_code=204)


@router.delete("/{image_id}/tags/{tag}", status_code=204)
async def remove_tag(image_id: str, tag: str, caller: Asking, rooms: Rooms) -> Response:
    wanted = TagImage(token=caller.token, image_id=image_id, tag=tag, remove=True)
    value_of((await rooms.image.tag([wanted]))[0])
    return Response(status_code=204)


@router.post("/{image_id}/actions/deactivate", status_code=204)
async def deactivate(image_id: str, caller: Asking, rooms: Rooms) -> Response:
    return await _set_active(rooms, SetImageActive(token=caller.token, image_id=image_id, active=False))


@router.post("/{image_id}/actions/reactivate", status_code=204)
async def reactivate(image_id: str, caller: Asking, rooms: Rooms) -> Response:
    return await _set_active(rooms, SetImageActive(token=caller.token, image_id=image_id, active=True))


async def _set_active(rooms: Rooms, wanted: SetImageActive) -> Response:
    value_of((await rooms.image.set_active([wanted]))[0])
    return Response(status_code=204)

"""`/v3/projects/{project_id}/tags`: what a project's owners call it, all at once or one by one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi import Path as InPath
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.bodies import Lenient
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.identity.row_bodies import TAG, Tags
from actors.api.rest.identity.rows import v3_url
from actors.api.rest.identity.views import listed
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, not_found, value_of
from actors.identity.messages import Find, Retag, Update
from actors.records import Project

router = APIRouter(prefix="/v3/projects/{project_id}/tags", tags=["project"])
Tag = Annotated[str, InPath(min_length=1, max_length=255, pattern=TAG)]


class TagsBody(Lenient):
    tags: Tags


@router.get("")
async def list_tags(project_id: str, asking: Asking, rooms: Rooms, request: Request) -> Response:
    return _all(await _project(asking, rooms, project_id), request)


@router.put("")
async def replace_tags(project_id: str, body: TagsBody, asking: Asking, rooms: Rooms, request: Request) -> Response:
    fields = {"tags": tuple(body.tags)}
    [reply] = await rooms.identity.update([Update(token=asking.token, kind="project", id=project_id, fields=fields)])
    return _all(value_of(reply), request)


@router.delete("", status_code=204)
async def delete_tags(project_id: str, asking: Asking, rooms: Rooms) -> Response:
    wanted = Update(token=asking.token, kind="project", id=project_id, fields={"tags": ()})
    [reply] = await rooms.identity.update([wanted])
    value_of(reply)
    return Response(status_code=204)


@router.api_route("/{tag}", methods=["GET", "HEAD"], status_code=204)
async def has_tag(project_id: str, tag: Tag, asking: Asking, rooms: Rooms) -> Response:
    if tag not in (await _project(asking, rooms, project_id)).tags:
        raise CallerError(not_found("tag", f"Could not find project tag: {tag}."))
    return Response(status_code=204)


@router.put("/{tag}", status_code=201)
async def add_tag(project_id: str, tag: Tag, asking: Asking, rooms: Rooms, request: Request) -> Response:
    [reply] = await rooms.identity.retag([Retag(token=asking.token, project=project_id, add=(tag,))])
    value_of(reply)
    return Response(status_code=201, headers={"Location": str(request.url)})


@router.delete("/{tag}", status_code=204)
async def delete_tag(project_id: str, tag: Tag, asking: Asking, rooms: Rooms) -> Response:
    [reply] = await rooms.identity.retag([Retag(token=asking.token, project=project_id, drop=(tag,))])
    value_of(reply)
    return Response(status_code=204)


async def _project(asking: Caller, rooms: EdgeRooms, project_id: str) -> Project:
    [reply] = await rooms.identity.find([Find(token=asking.token, kind="project", id=project_id)])
    [row] = value_of(reply)
    assert isinstance(row, Project)
    return row


def _all(project: Any, request: Request) -> Response:
    return Json(listed("tags", list(project.tags), f"{v3_url(request)}/projects/{project.id}/tags"))

"""Migrations over HTTP: servers stay on the host that they were booted on, so there are none to list."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Rooms
from actors.api.rest.microversions import Spoken
from actors.errors import CallerError, forbidden, not_found

router = APIRouter()


@router.get("/os-migrations")
async def index(asking: Asking) -> Response:
    if not asking.context.is_admin:
        raise CallerError(forbidden("only an administrator sees migrations"))
    return Json({"migrations": []})


@router.get("/servers/{server_id}/migrations")
async def of_server(server_id: str, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    if version < (2, 23):
        raise CallerError(not_found("", "The resource could not be found."))
    await rooms.api.server(asking.token, server_id)
    return Json({"migrations": []})


@router.get("/servers/{server_id}/migrations/{number}")
async def show(server_id: str, number: str, rooms: Rooms, asking: Asking) -> Response:
    await rooms.api.server(asking.token, server_id)
    text = f"In-progress live migration {number[:64]} is not found for server {server_id}."
    raise CallerError(not_found("migration", text))

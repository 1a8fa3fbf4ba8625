"""Migrations over HTTP, as Nova lists them: resizes, cold migrations and evacuations of servers, newest first.

What Nova shows of one server is its live migrations that are under way, of which this cloud has none.
"""

from __future__ import annotations

from math import inf
from typing import Any
from zlib import crc32

from fastapi import APIRouter, Request
from starlette.datastructures import QueryParams
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.compute.dates import micro, parsed
from actors.api.rest.compute.queries import in_order, unexpected
from actors.api.rest.context import Asking, Rooms
from actors.api.rest.microversions import Spoken, Version
from actors.api.rest.paging import next_link, page_of
from actors.errors import CallerError, bad_request, not_found
from actors.records import Move

router = APIRouter()

TYPED, PAGED, UNTIL, OWNED = (2, 23), (2, 59), (2, 66), (2, 80)
FILTERS = {
    "status": "status",
    "source_compute": "source_host",
    "instance_uuid": "instance_id",
    "migration_type": "kind",
}  # by the field of a move
OWNERS = {"user_id": "user_id", "project_id": "project_id"}
NUMBERS = 2**31  # of flavors, at most
MICRO = 6  # digits of a second that an answer says of a time


@router.get("/os-migrations")
async def index(request: Request, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    """As many as an answer may have, and where the next ones are, from the version that has pages."""
    query = request.query_params
    if version >= PAGED:
        _refuse_strange(query, version)
    found = [move for move in await rooms.api.migrations(asking.token) if _matches(move, query, version)]
    if version < PAGED:
        return Json({"migrations": [_shown(move, version) for move in found]})
    since, before = _span(query, version)
    span = [move for move in found if since <= round(move.updated_at, MICRO) <= before]
    page, more = page_of(span, in_order(query), lambda move: move.id, lambda move, _: move.number)
    links = {"migrations_links": [{"rel": "next", "href": next_link(request.url, more)}]} if more else {}
    return Json({"migrations": [_shown(move, version) for move in page]} | links)


def _refuse_strange(query: QueryParams, version: Version) -> None:
    known = {*FILTERS, "host", "hidden", "limit", "marker", "changes-since"}
    known |= {"changes-before"} if version >= UNTIL else set()
    known |= OWNERS.keys() if version >= OWNED else set()
    for field in query:
        if field not in known:
            raise unexpected(field[:64])


def _matches(move: Move, query: QueryParams, version: Version) -> bool:
    filters = FILTERS | (OWNERS if version >= OWNED else {})
    if any(query[name] != getattr(move, field) for name, field in filters.items() if name in query):
        return False
    return query.get("host") in (None, move.source_host, move.target_host)


def _span(query: QueryParams, version: Version) -> tuple[float, float]:
    """From and until when a move may have changed last."""
    names = ("changes-since", "changes-before") if version >= UNTIL else ("changes-since",)
    given = {name: round(parsed(name, query[name]), MICRO) for name in names if name in query}
    since, before = given.get("changes-since", 0.0), given.get("changes-before", inf)
    if before < since:
        raise CallerError(bad_request("", "The value of changes-since must be less than or equal to changes-before."))
    return since, before


def _shown(move: Move, version: Version) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": move.number,
        "instance_uuid": move.instance_id,
        "status": move.status,
        "source_compute": move.source_host,
        "source_node": move.source_host,
        "dest_compute": move.target_host or None,
        "dest_node": move.target_host or None,
        "dest_host": None,
        "old_instance_type_id": _numbered(move.old_flavor),
        "new_instance_type_id": _numbered(move.new_flavor),
        "created_at": micro(move.created_at),
        "updated_at": micro(move.updated_at),
    }
    shown |= {"migration_type": move.kind} if version >= TYPED else {}
    shown |= {"uuid": move.id} if version >= PAGED else {}
    return shown | ({"user_id": move.user_id, "project_id": move.project_id} if version >= OWNED else {})


def _numbered(flavor_id: str) -> int:
    """Nova shows its database's own number of a flavor, which no client can use for anything else."""
    if flavor_id.isascii() and flavor_id.isdecimal() and len(flavor_id) < 10:
        return int(flavor_id)
    return crc32(flavor_id.encode()) % NUMBERS


@router.get("/servers/{server_id}/migrations")
async def of_server(server_id: str, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    if version < TYPED:
        raise CallerError(not_found("", "The resource could not be found."))
    await rooms.api.server(asking.token, server_id)
    return Json({"migrations": []})


@router.get("/servers/{server_id}/migrations/{number}")
async def show(server_id: str, number: str, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    """Nova refuses a move of another kind with words of its own."""
    if version < TYPED:
        raise CallerError(not_found("", "The resource could not be found."))
    server = await rooms.api.server(asking.token, server_id)
    there = asking.context.is_admin and any(
        number in (str(move.number), move.id) and move.instance_id == server.id
        for move in await rooms.api.migrations(asking.token)
    )
    text = f"In-progress live migration {number[:64]} is not found for server {server_id}."
    if there:
        text = f"Migration {number[:64]} for server {server_id} is not live-migration."
    raise CallerError(not_found("migration", text))

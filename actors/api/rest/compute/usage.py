"""What projects use over HTTP: simple tenant usage, of the servers that there are and were. Pure but for the routes.

A server counts from its launch to its end, within the time that is asked about. Of deleted servers the newest are
remembered (`conductor/deleted.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.compute.dates import micro, parsed
from actors.api.rest.compute.queries import NOT_OF_EMPTY_ID, in_order, known_only
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.microversions import Spoken, Version
from actors.api.rest.paging import next_link, page_of
from actors.errors import CallerError, bad_request, forbidden
from actors.messages import ServerView
from actors.records import Flavor

router = APIRouter()

SPAN = ("start", "end", "limit", "marker")
PERIOD_S = 28 * 24 * 3600.0  # where no start is said
HOUR_S = 3600.0
Body = dict[str, Any]


def counted(views: Iterable[ServerView], start: float, stop: float) -> list[ServerView]:
    """Those that ran between two moments, in the order in which pages hold them: Nova's, by project and id."""
    launched = (view for view in views if view.launched_at and view.launched_at < stop)
    ran = (view for view in launched if not view.deleted_at or view.deleted_at > start)
    return sorted(ran, key=lambda view: (view.project_id, view.id))


def usage(project_id: str, views: list[ServerView], start: float, stop: float, now: float) -> Body:
    """Of one project's servers between two moments, as `counted` gives them."""
    found = [_of_server(view, start, stop, now) for view in views]
    return {
        "tenant_id": project_id,
        "start": micro(start),
        "stop": micro(stop),
        "total_hours": sum(one["hours"] for one in found),
        "total_vcpus_usage": sum(one["hours"] * one["vcpus"] for one in found),
        "total_memory_mb_usage": sum(one["hours"] * one["memory_mb"] for one in found),
        "total_local_gb_usage": sum(one["hours"] * one["local_gb"] for one in found),
        "server_usages": found,
    }


def _of_server(view: ServerView, start: float, stop: float, now: float) -> Body:
    flavor = view.embedded_flavor or Flavor(id="", name=view.flavor, vcpus=0, ram_mib=0, disk_gib=0)
    until = view.deleted_at or now
    return {
        "instance_id": view.id,
        "name": view.name,
        "hours": max(0.0, min(stop, until) - max(start, view.launched_at)) / HOUR_S,
        "flavor": flavor.name,
        "tenant_id": view.project_id,
        "vcpus": flavor.vcpus,
        "memory_mb": flavor.ram_mib,
        "local_gb": flavor.disk_gib + flavor.ephemeral_gib,
        "started_at": micro(view.launched_at),
        "ended_at": micro(view.deleted_at),
        "state": "terminated" if view.deleted_at else view.vm_state,
        "uptime": int(until - view.launched_at),
    }


@router.get("/os-simple-tenant-usage", dependencies=[NOT_OF_EMPTY_ID, known_only(*SPAN, "detailed")])
async def index(request: Request, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    if not asking.context.is_admin:
        raise CallerError(forbidden("only an administrator sees what all projects use"))
    start, stop, now = _period(request, rooms.clock.now())
    page, links = _page(request, version, counted(await _all(rooms, asking, True), start, stop), "tenant_usages_links")
    by_project = groupby(page, key=lambda view: view.project_id)
    found = [usage(project, list(views), start, stop, now) for project, views in by_project]
    if request.query_params.get("detailed") not in ("1", "True", "true"):
        found = [{name: value for name, value in one.items() if name != "server_usages"} for one in found]
    return Json({"tenant_usages": found} | links)


@router.get("/os-simple-tenant-usage/{project_id}", dependencies=[known_only(*SPAN)])
async def show(project_id: str, request: Request, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    if project_id != asking.context.project_id and not asking.context.is_admin:
        raise CallerError(forbidden("only an administrator sees what other projects use"))
    start, stop, now = _period(request, rooms.clock.now())
    views = await _all(rooms, asking, asking.context.is_admin)
    own = counted((view for view in views if view.project_id == project_id), start, stop)
    page, links = _page(request, version, own, "tenant_usage_links")
    return Json({"tenant_usage": usage(project_id, page, start, stop, now) if page else {}} | links)


def _page(request: Request, version: Version, views: list[ServerView], name: str) -> tuple[list[ServerView], Body]:
    """From 2.40 on the servers that are counted come in pages, a project's on several of them; before, all at once."""
    if version < (2, 40):
        return views, {}
    page, more = page_of(views, in_order(request.query_params), lambda view: view.id, lambda view, _: 0)
    return page, {name: [{"rel": "next", "href": next_link(request.url, more)}]} if more else {}


async def _all(rooms: Any, asking: Caller, everybody: bool) -> list[ServerView]:
    there: list[ServerView] = await rooms.api.list_servers(asking.token, everybody)
    gone: list[ServerView] = await rooms.api.list_deleted(asking.token, everybody)
    return there + gone


def _period(request: Request, now: float) -> tuple[float, float, float]:
    query = request.query_params
    stop = parsed("end", query["end"]) if query.get("end") else now
    start = parsed("start", query["start"]) if query.get("start") else now - PERIOD_S
    if start >= stop:
        raise CallerError(bad_request("", "Invalid start time. The start time cannot occur after the end time."))
    return start, stop, now

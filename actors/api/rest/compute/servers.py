"""Servers over HTTP: launch, list, show, delete, and their addresses.

What is done to a server that is there has routers of its own (`actions.py` and its neighbours).
"""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response
from starlette.routing import Route

from actors.acts import Edit
from actors.api.act_messages import EditServer
from actors.api.rest.answers import Json
from actors.api.rest.compute import server_filters
from actors.api.rest.compute.host_status import HostStatuses, host_statuses
from actors.api.rest.compute.server_bodies import ChangeServer, CreateServer, refuse_strange, refuse_strange_change
from actors.api.rest.compute.server_request import Given, boot_request
from actors.api.rest.compute.server_view import Showing, addresses, after_change, detail, links, summary
from actors.api.rest.compute.showing import Shown, showing_of
from actors.api.rest.context import Asking, Rooms, caller_of
from actors.api.rest.microversions import Spoken
from actors.api.rest.paging import next_link, page_of
from actors.errors import CallerError, bad_request, not_found
from actors.messages import ServerView

router = APIRouter()

Statuses = Annotated[HostStatuses, Depends(host_statuses)]


async def show(request: Request) -> Response:
    """`GET /servers/{server_id}`, which clients ask again and again: without what FastAPI does for each request."""
    request.scope["route"] = SHOW  # by which policy knows what is asked
    caller = await caller_of(request)
    view = await request.app.state.rooms.api.server(caller.token, str(request.path_params["server_id"]))
    showing = await showing_of(request, caller)
    statuses = await host_statuses(request)
    status = await statuses.of(caller, view) if showing.is_admin and showing.version >= (2, 16) else ""
    return Json({"server": detail(view, showing, status)})


SHOW = Route("/v2.1/servers/{server_id}", show, methods=["GET"])


@router.post("/servers", status_code=202)
async def create(body: CreateServer, rooms: Rooms, asking: Asking, version: Spoken, showing: Shown) -> Response:
    refuse_strange(body.server, version)
    password = body.server.adminPass or secrets.token_urlsafe(9)
    given = Given(asking.token, asking.request_id, password, f"r-{secrets.token_hex(4)}")
    wanted = boot_request(body, given)
    await _refuse_unknown_zone(rooms, asking, wanted.availability_zone)
    if asking.context.is_admin:  # others are refused for choosing at all
        await _refuse_unknown_host(rooms, asking, body.server.host, body.server.hypervisor_hostname)
    try:
        server_ids = await rooms.api.launch(wanted)
    except CallerError as error:  # what a body names and nobody has is a bad body
        fault = error.fault
        raise CallerError(bad_request("", fault.message) if fault.status == 404 else fault) from None
    if body.server.return_reservation_id:
        return Json({"reservation_id": given.reservation_id}, status_code=202)
    return _accepted(server_ids[0], wanted.security_groups, body.server.disk_config, password, showing)


def _accepted(server_id: str, groups: tuple[str, ...], disk_config: str, password: str, showing: Showing) -> Response:
    server = {
        "id": server_id,
        "links": links(showing, "servers", server_id),
        "OS-DCF:diskConfig": disk_config,
        "security_groups": [{"name": name} for name in groups or ("default",)],
        "adminPass": password,
    }
    location = {"Location": f"{showing.url}/v2.1/servers/{server_id}"}
    return Json({"server": server}, status_code=202, headers=location)


async def _refuse_unknown_zone(rooms: Any, asking: Any, wanted: str) -> None:
    zone = wanted.partition(":")[0]
    if zone and zone not in await rooms.api.zones(asking.token):
        raise CallerError(bad_request("", "The requested availability zone is not available"))


async def _refuse_unknown_host(rooms: Any, asking: Any, host: str | None, hypervisor: str | None) -> None:
    """Raises `CallerError` 400. Case does not matter, as where hosts are chosen."""
    if not host and not hypervisor:
        return
    hosts = {each.report.host.lower() for each in await rooms.api.hosts(asking.token)}
    for name in filter(None, (host, hypervisor)):
        if name.lower() not in hosts:
            raise CallerError(bad_request("", f"Compute host {name} could not be found."))


@router.get("/servers")
async def index(request: Request, rooms: Rooms, asking: Asking, showing: Shown) -> Response:
    page, more = await _page(request, rooms, asking, showing)
    return _list(request, [summary(view, showing) for view in page], more)


@router.get("/servers/detail")
async def index_in_detail(
    request: Request, rooms: Rooms, asking: Asking, showing: Shown, statuses: Statuses
) -> Response:
    page, more = await _page(request, rooms, asking, showing)
    found = [detail(v, showing, await statuses.of(asking, v) if showing.is_admin else "", alone=False) for v in page]
    return _list(request, found, more)


async def _page(request: Request, rooms: Any, asking: Any, showing: Showing) -> tuple[list[ServerView], str]:
    query = request.query_params
    everybody = server_filters.wants_all(query, showing.is_admin)
    paging = server_filters.paging_of(query)
    shown = server_filters.shown_of(query, showing.is_admin)
    views: list[ServerView] = []
    if shown.living:
        views += await rooms.api.list_servers(asking.token, everybody)
    if shown.deleted:
        views += await rooms.api.list_deleted(asking.token, everybody)
    found = server_filters.select(views, query, showing.version, showing.is_admin)
    return page_of(found, paging, lambda view: view.id, lambda view, key: server_filters.SORT[key](view))


def _list(request: Request, servers: list[dict[str, Any]], more: str) -> Response:
    body: dict[str, Any] = {"servers": servers}
    if more:
        body["servers_links"] = [{"rel": "next", "href": next_link(request.url, more)}]
    return Json(body)


@router.get("/servers/{server_id}")
async def show_any(server_id: str, request: Request) -> Response:
    """Whatever is no UUID: there is no such server."""
    return await show(request)


@router.delete("/servers/{server_id}", status_code=204)
async def delete(server_id: str, rooms: Rooms, asking: Asking) -> Response:
    await rooms.api.delete_one(asking.token, server_id, asking.request_id)
    return Response(status_code=204)


@router.put("/servers/{server_id}")
async def change(
    server_id: str, body: ChangeServer, rooms: Rooms, asking: Asking, showing: Shown, statuses: Statuses
) -> Response:
    """Its names and what is said of it. Until 2.74 the answer has only what was there in 2.1."""
    refuse_strange_change(body.server, showing.version)
    given, sent = body.server, body.server.model_fields_set
    edit = Edit(
        instance_id="",
        name=given.name,
        description=(given.description or "") if "description" in sent else None,
        hostname=given.hostname,
        disk_config=given.disk_config,
        access_ip_v4=(given.accessIPv4 or "") if "accessIPv4" in sent else None,
        access_ip_v6=(given.accessIPv6 or "") if "accessIPv6" in sent else None,
    )
    asked = EditServer(token=asking.token, server_id=server_id, edit=edit, request_id=asking.request_id)
    view = await rooms.api.edit(asked)
    status = await statuses.of(asking, view) if showing.is_admin and showing.version >= (2, 75) else ""
    return Json({"server": after_change(view, showing, status)})


@router.get("/servers/{server_id}/ips")
async def ips(server_id: str, rooms: Rooms, asking: Asking) -> Response:
    view = await rooms.api.server(asking.token, server_id)
    return Json({"addresses": addresses(view, short=True)})


@router.get("/servers/{server_id}/ips/{network}")
async def ips_of_network(server_id: str, network: str, rooms: Rooms, asking: Asking) -> Response:
    found = addresses(await rooms.api.server(asking.token, server_id), short=True)
    if network not in found:
        raise CallerError(not_found("network", "Instance does not have the network"))
    return Json({network: found[network]})

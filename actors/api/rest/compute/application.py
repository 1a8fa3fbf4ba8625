"""Compute's application: its version documents and its routers."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.applications import Starlette

from actors.api.rest.compute import (
    actions,
    aggregates,
    consoles,
    diagnostics,
    extensions,
    external_events,
    flavors,
    hosts,
    hypervisors,
    images,
    instance_actions,
    interfaces,
    keypairs,
    metadata,
    migrations,
    quota_sets,
    security_groups,
    server_groups,
    servers,
    services,
    tags,
    usage,
    usage_audit_log,
    volume_attachments,
    zones,
)
from actors.api.rest.compute.host_status import HostStatuses
from actors.api.rest.compute.legacy import Legacy
from actors.api.rest.compute.proxies import floating_ips as floating_ip_proxies
from actors.api.rest.compute.proxies import networks as network_proxies
from actors.api.rest.compute.proxies import security_groups as security_group_proxies
from actors.api.rest.compute.proxies import volumes as volume_proxies
from actors.api.rest.compute.proxies.targets import target_of
from actors.api.rest.compute.quick_show import QuickShow
from actors.api.rest.context import Caller
from actors.api.rest.faults import nova_form
from actors.api.rest.microversions import Microversions, Version
from actors.api.rest.rooms import EdgeRooms
from actors.api.rest.services import new_service
from actors.api.rest.versions import UPDATED, links, serve_document

NOUNS = (
    servers,
    flavors,
    keypairs,
    server_groups,
    quota_sets,
    zones,
    aggregates,
    hypervisors,
    services,
    migrations,
    usage,
    usage_audit_log,
    external_events,
    extensions,
    images,
    hosts,
)
PROXIES = (
    security_group_proxies.router,
    security_group_proxies.rules_router,
    network_proxies.router,
    network_proxies.tenant_router,
    floating_ip_proxies.router,
    floating_ip_proxies.pools_router,
    volume_proxies.router,
    volume_proxies.snapshots_router,
)
MICROVERSIONS = Microversions("compute", Version(2, 1), Version(2, 96), "X-OpenStack-Nova-API-Version")
SERVER_PARTS = (
    actions,
    consoles,
    diagnostics,
    instance_actions,
    interfaces,
    metadata,
    security_groups,
    tags,
    volume_attachments,
)
LEGACY_MEDIA = [{"base": "application/json", "type": "application/vnd.openstack.compute+json;version=2"}]
MEDIA = [{"base": "application/json", "type": "application/vnd.openstack.compute+json;version=2.1"}]


def application(rooms: EdgeRooms) -> FastAPI:
    app = new_service("Compute v2.1", rooms, nova_form, MICROVERSIONS)
    app.add_middleware(Legacy, microversions=MICROVERSIONS)
    serve_document(app, "/", lambda url: {"versions": [_legacy_version(url), _version(url)]})
    serve_document(app, "/v2", lambda url: {"version": _legacy_version(url) | {"media-types": LEGACY_MEDIA}})
    serve_document(app, "/v2.1", lambda url: {"version": _version(url) | {"media-types": MEDIA}})
    app.state.host_statuses = HostStatuses(rooms)
    app.state.secrets = {"server_id": _seen}
    app.state.target_of = target_of
    app.add_route("/v2.1/servers/{server_id:uuid}", servers.show, methods=["GET"])  # first: it is asked most
    for noun in NOUNS:
        app.include_router(noun.router, prefix="/v2.1")
    for proxy in PROXIES:
        app.include_router(proxy, prefix="/v2.1")
    for part in SERVER_PARTS:
        app.include_router(part.router)
    return app


def quick(app: Starlette) -> QuickShow:
    """The application, and before it what needs no framework."""
    return QuickShow(app, app.state.rooms, app.state.policy, MICROVERSIONS, app.state.host_statuses)


async def _seen(rooms: EdgeRooms, caller: Caller, server_id: str) -> None:
    """Raises `CallerError` 404 for whoever may not know of the server."""
    await rooms.api.server(caller.token, server_id)


def _legacy_version(url: str) -> dict[str, Any]:
    """As it is served without microversions."""
    return {
        "id": "v2.0",
        "status": "SUPPORTED",
        "version": "",
        "min_version": "",
        "updated": UPDATED,
        "links": links(f"{url}/v2/"),
    }


def _version(url: str) -> dict[str, Any]:
    return {
        "id": "v2.1",
        "status": "CURRENT",
        "version": str(MICROVERSIONS.maximum),
        "min_version": str(MICROVERSIONS.minimum),
        "updated": UPDATED,
        "links": links(f"{url}/v2.1/"),
    }

"""Network's application: its version documents and its routers."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from actors.api.rest.faults import neutron_form
from actors.api.rest.network import (
    agents,
    extensions,
    floating_ips,
    networks,
    ports,
    quotas,
    routers,
    security_groups,
    subnet_pools,
    subnets,
    tags,
)
from actors.api.rest.network.targets import target_of
from actors.api.rest.rooms import EdgeRooms
from actors.api.rest.services import new_service
from actors.api.rest.versions import UPDATED, links, serve_document

RESOURCES = {  # what there is under /v2.0: collection → one of it
    "networks": "network",
    "subnets": "subnet",
    "subnetpools": "subnetpool",
    "ports": "port",
    "routers": "router",
    "floatingips": "floatingip",
    "security-groups": "security_group",
    "security-group-rules": "security_group_rule",
    "agents": "agent",
    "availability_zones": "availability_zone",
    "quotas": "quota",
    "extensions": "extension",
}

ROUTERS = (
    networks.router,
    subnets.router,
    subnet_pools.router,
    ports.router,
    routers.router,
    floating_ips.router,
    security_groups.router,
    security_groups.rules_router,
    agents.router,
    agents.zones_router,
    quotas.router,
    extensions.router,
    tags.router,  # the last: its first path segment is any noun
)


def application(rooms: EdgeRooms) -> FastAPI:
    app = new_service("Network v2.0", rooms, neutron_form)
    serve_document(app, "/", _versions)
    serve_document(app, "/v2.0", _resources)
    app.state.target_of = target_of
    for router in ROUTERS:
        app.include_router(router, prefix="/v2.0")
    return app


def _versions(url: str) -> dict[str, Any]:
    return {
        "versions": [{"id": "v2.0", "status": "CURRENT", "updated": UPDATED, "links": links(f"{url}/v2.0/")}],
    }


def _resources(url: str) -> dict[str, Any]:
    return {
        "resources": [
            {"name": name, "collection": collection, "links": links(f"{url}/v2.0/{collection}")}
            for collection, name in RESOURCES.items()
        ]
    }

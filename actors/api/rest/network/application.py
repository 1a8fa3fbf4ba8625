"""Network's application: its version documents and its routers."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from actors.api.rest.faults import neutron_form
from actors.api.rest.rooms import EdgeRooms
from actors.api.rest.services import new_service
from actors.api.rest.versions import UPDATED, links, serve_document

RESOURCES = {  # what there is under /v2.0: collection → one of it
    "networks": "network",
    "subnets": "subnet",
    "ports": "port",
    "security-groups": "security_group",
    "security-group-rules": "security_group_rule",
}


def application(rooms: EdgeRooms) -> FastAPI:
    app = new_service("Network v2.0", rooms, neutron_form)
    serve_document(app, "/", _versions)
    serve_document(app, "/v2.0", _resources)
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

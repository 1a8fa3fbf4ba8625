"""Placement's application: its version document and its routers.

Of this cloud's hosts it is a view of what the scheduler holds, which alone writes that; providers that are no hosts are
written here, and the compute API's room has them. Whoever asks is an administrator, but for a project's own usages.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from actors.api.rest.faults import placement_form
from actors.api.rest.microversions import Microversions, Version
from actors.api.rest.placement import allocations, candidates, names, provider_writes, providers, reshaper
from actors.api.rest.rooms import EdgeRooms
from actors.api.rest.services import new_service
from actors.api.rest.versions import links, serve_document

MICROVERSIONS = Microversions("placement", Version(1, 0), Version(1, 39))


def application(rooms: EdgeRooms) -> FastAPI:
    app = new_service("Placement", rooms, placement_form, MICROVERSIONS)
    serve_document(app, "/", _versions)
    for part in (providers, provider_writes, allocations, candidates, names, reshaper):
        app.include_router(part.router)
    return app


def _versions(url: str) -> dict[str, Any]:
    version = {
        "id": "v1.0",
        "status": "CURRENT",
        "max_version": str(MICROVERSIONS.maximum),
        "min_version": str(MICROVERSIONS.minimum),
        "links": links(url),
    }
    return {"versions": [version]}

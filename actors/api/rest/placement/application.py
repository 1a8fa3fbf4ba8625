"""Placement's application: its version document and its routers.

What is here is a view of what the scheduler holds; it alone writes that. Whoever asks is an administrator, but for a
project's own usages.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from actors.api.rest.faults import placement_form
from actors.api.rest.microversions import Microversions, Version
from actors.api.rest.placement import allocations, candidates, names, providers, refusals
from actors.api.rest.rooms import EdgeRooms
from actors.api.rest.services import new_service
from actors.api.rest.versions import links, serve_document

MICROVERSIONS = Microversions("placement", Version(1, 0), Version(1, 39))


def application(rooms: EdgeRooms) -> FastAPI:
    app = new_service("Placement", rooms, placement_form, MICROVERSIONS)
    serve_document(app, "/", _versions)
    for router in (providers.router, allocations.router, candidates.router, names.router, refusals.router):
        app.include_router(router)
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

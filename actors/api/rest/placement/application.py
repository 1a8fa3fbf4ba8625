"""Placement's application: its version document and its routers."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from actors.api.rest.faults import placement_form
from actors.api.rest.microversions import Microversions, Version
from actors.api.rest.rooms import EdgeRooms
from actors.api.rest.services import new_service
from actors.api.rest.versions import links, serve_document

MICROVERSIONS = Microversions("placement", Version(1, 0), Version(1, 29))


def application(rooms: EdgeRooms) -> FastAPI:
    app = new_service("Placement", rooms, placement_form, MICROVERSIONS)
    serve_document(app, "/", _versions)
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

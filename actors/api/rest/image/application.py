"""Image's application: its version documents and its routers."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from actors.api.rest.context import Caller
from actors.api.rest.faults import glance_form
from actors.api.rest.image import data, images, members, metadefs, schemas
from actors.api.rest.image.metadefs.asking import shown
from actors.api.rest.rooms import EdgeRooms
from actors.api.rest.services import new_service
from actors.api.rest.versions import links, serve_document

MINORS = (16, 15, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)  # of v2, the newest first


def application(rooms: EdgeRooms) -> FastAPI:
    app = new_service("Image v2", rooms, glance_form)
    serve_document(app, "/", _versions, status=300)
    serve_document(app, "/versions", _versions)
    for module in (data, members, images, schemas):
        app.include_router(module.router)
    for router in metadefs.ROUTERS:
        app.include_router(router)
    app.state.secrets = {"namespace": _seen}
    return app


async def _seen(rooms: EdgeRooms, caller: Caller, namespace: str) -> None:
    """Raises `CallerError` 404 for whoever may not know of the namespace of definitions."""
    await shown(rooms, caller, namespace)


def _versions(url: str) -> dict[str, Any]:
    return {
        "versions": [
            {
                "id": f"v2.{minor}",
                "status": "CURRENT" if minor == MINORS[0] else "SUPPORTED",
                "links": links(f"{url}/v2/"),
            }
            for minor in MINORS
        ]
    }

"""Identity's application: its version documents and its routers."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from actors.api.rest.faults import keystone_form
from actors.api.rest.identity import credentials, grants, tags, tokens, trusts, users
from actors.api.rest.identity.rows import rows_router
from actors.api.rest.identity.targets import target_of
from actors.api.rest.rooms import EdgeRooms
from actors.api.rest.services import new_service
from actors.api.rest.versions import UPDATED, links, serve_document

MEDIA = [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}]


def application(rooms: EdgeRooms) -> FastAPI:
    app = new_service("Identity v3", rooms, keystone_form)
    serve_document(app, "/", lambda url: {"versions": {"values": [_version(url)]}}, status=300)
    serve_document(app, "/v3", lambda url: {"version": _version(url)})
    app.state.takes_unscoped = True
    app.state.target_of = target_of
    own = (tokens, users, grants, tags, credentials, trusts)
    for router in (*(part.router for part in own), rows_router()):
        app.include_router(router)
    return app


def _version(url: str) -> dict[str, Any]:
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": UPDATED,
        "links": links(f"{url}/v3/"),
        "media-types": MEDIA,
    }

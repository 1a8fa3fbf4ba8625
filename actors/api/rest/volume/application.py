"""Block storage's application: its version documents and its routers."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from actors.api.rest.context import Caller
from actors.api.rest.faults import nova_form
from actors.api.rest.microversions import Microversions, Version
from actors.api.rest.rooms import EdgeRooms
from actors.api.rest.services import new_service
from actors.api.rest.versions import UPDATED, links, serve_document
from actors.api.rest.volume import (
    actions,
    attachments,
    cloud,
    encryption,
    extensions,
    hosts,
    messages,
    metadata,
    qos,
    quotas,
    services,
    snapshots,
    transfers,
    types,
    volumes,
)
from actors.api.rest.volume.paths import ProjectPaths
from actors.errors import value_of
from actors.volume.messages import MessageRequest, SnapshotRequest, TransferRequest, VolumeRequest

MICROVERSIONS = Microversions("volume", Version(3, 0), Version(3, 71), aliases=("volumev3", "volumev2"))
MEDIA = [{"base": "application/json", "type": "application/vnd.openstack.volume+json;version=3"}]


def application(rooms: EdgeRooms) -> FastAPI:
    app = new_service("Block storage v3", rooms, nova_form, MICROVERSIONS)
    serve_document(app, "/", _versions, status=300)
    serve_document(app, "/v3", _versions)
    for module in (metadata, actions, volumes, snapshots, attachments, types, quotas, hosts, extensions, cloud):
        app.include_router(module.router)
    for module in (encryption, qos, messages, services):
        app.include_router(module.router)
    app.include_router(transfers.older)
    app.include_router(transfers.newer)
    app.state.secrets = {
        "volume_id": _seen,
        "snapshot_id": _seen_snapshot,
        "transfer_id": _seen_transfer,
        "message_id": _seen_message,
    }
    app.add_middleware(ProjectPaths)
    return app


async def _seen(rooms: EdgeRooms, caller: Caller, volume_id: str) -> None:
    """Raises `CallerError` 404 for whoever may not know of the volume."""
    value_of((await rooms.volume.show([VolumeRequest(token=caller.token, volume_id=volume_id)]))[0])


async def _seen_snapshot(rooms: EdgeRooms, caller: Caller, snapshot_id: str) -> None:
    value_of((await rooms.volume.show_snapshot([SnapshotRequest(token=caller.token, snapshot_id=snapshot_id)]))[0])


async def _seen_transfer(rooms: EdgeRooms, caller: Caller, transfer_id: str) -> None:
    value_of((await rooms.volume.show_transfer([TransferRequest(token=caller.token, transfer_id=transfer_id)]))[0])


async def _seen_message(rooms: EdgeRooms, caller: Caller, message_id: str) -> None:
    value_of((await rooms.volume.show_message([MessageRequest(token=caller.token, message_id=message_id)]))[0])


def _versions(url: str) -> dict[str, Any]:
    version = {
        "id": "v3.0",
        "status": "CURRENT",
        "version": str(MICROVERSIONS.maximum),
        "min_version": str(MICROVERSIONS.minimum),
        "updated": UPDATED,
        "links": links(f"{url}/v3/"),
        "media-types": MEDIA,
    }
    return {"versions": [version]}

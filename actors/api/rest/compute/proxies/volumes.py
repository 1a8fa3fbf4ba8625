"""/os-volumes and /os-snapshots, until 2.35: the volume room's, in Nova's words."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.bodies import Strict
from actors.api.rest.compute.proxies.pages import limited
from actors.api.rest.compute.queries import NOT_OF_EMPTY_ID
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.microversions import gone_since
from actors.api.rest.rooms import EdgeRooms
from actors.api.rest.volume.bodies import Flag, Metadata, Size
from actors.api.rest.volume.views import time_of
from actors.errors import value_of
from actors.records import VolumeSnapshot
from actors.volume.messages import (
    CreateSnapshot,
    CreateVolume,
    DeleteVolume,
    ListRows,
    SnapshotRequest,
    VolumeRequest,
    VolumeView,
)

GONE = [gone_since(2, 36)]
router = APIRouter(prefix="/os-volumes", dependencies=GONE)
snapshots_router = APIRouter(prefix="/os-snapshots", dependencies=GONE)

Text = Annotated[str, StringConstraints(max_length=255)]


class VolumeIn(Strict):
    size: Size
    display_name: Text | None = None
    display_description: Text | None = None
    volume_type: Text | None = None
    metadata: Metadata | None = None
    availability_zone: Text | None = None
    snapshot_id: Text | None = None


class VolumeBody(Strict):
    volume: VolumeIn


class SnapshotIn(Strict):
    volume_id: Annotated[str, Field(min_length=1, max_length=255)]
    display_name: Text | None = None
    display_description: Text | None = None
    force: Flag = False


class SnapshotBody(Strict):
    snapshot: SnapshotIn


# ---------------------------------------------------------------- volumes


def volume_body(view: VolumeView) -> dict[str, Any]:
    volume, held = view.volume, view.attachment
    is_held = held is not None and held.attach_status == "attached"
    return {
        "id": volume.id,
        "status": volume.status,
        "size": volume.size_gib,
        "availabilityZone": volume.availability_zone,
        "createdAt": time_of(volume.created_at),
        "displayName": volume.name or None,
        "displayDescription": volume.description or None,
        "volumeType": view.type.name,
        "snapshotId": volume.snapshot_id or None,
        "metadata": volume.user_metadata,
        "attachments": [
            {"id": volume.id, "volumeId": volume.id, "serverId": held.instance_id, "device": held.device}
            if held is not None and is_held
            else {}
        ],
    }


@router.get("", dependencies=[NOT_OF_EMPTY_ID])
@router.get("/detail")  # the same: Nova's lists of volumes had all details in both
async def list_volumes(request: Request, rooms: Rooms, caller: Asking) -> Json:
    page = value_of((await rooms.volume.list_views([ListRows(token=caller.token)]))[0])
    return Json({"volumes": [volume_body(view) for view in limited(page.views, request.query_params)]})


@router.post("")
async def create_volume(body: VolumeBody, rooms: Rooms, caller: Asking) -> Json:
    given = body.volume
    wanted = CreateVolume(
        token=caller.token,
        name=given.display_name or "",
        size_gib=given.size,
        snapshot_id=given.snapshot_id or "",
        description=given.display_description or "",
        user_metadata=given.metadata or {},
        volume_type=given.volume_type or "",
        availability_zone=given.availability_zone or "",
    )
    made = value_of((await rooms.volume.create([wanted]))[0])
    return Json({"volume": volume_body(await _volume(rooms, caller, made.id))})


@router.get("/{volume_id}")
async def show_volume(volume_id: str, rooms: Rooms, caller: Asking) -> Json:
    return Json({"volume": volume_body(await _volume(rooms, caller, volume_id))})


@router.delete("/{volume_id}", status_code=202)
async def delete_volume(volume_id: str, rooms: Rooms, caller: Asking) -> Response:
    value_of((await rooms.volume.remove([DeleteVolume(token=caller.token, volume_id=volume_id)]))[0])
    return Response(status_code=202)


async def _volume(rooms: EdgeRooms, caller: Caller, volume_id: str) -> VolumeView:
    return value_of((await rooms.volume.view([VolumeRequest(token=caller.token, volume_id=volume_id)]))[0])


# ---------------------------------------------------------------- snapshots


def snapshot_body(row: VolumeSnapshot) -> dict[str, Any]:
    return {
        "id": row.id,
        "volumeId": row.volume_id,
        "status": row.status,
        "size": row.size_gib,
        "createdAt": time_of(row.created_at),
        "displayName": row.name or None,
        "displayDescription": row.description or None,
    }


@snapshots_router.get("", dependencies=[NOT_OF_EMPTY_ID])
@snapshots_router.get("/detail")
async def list_snapshots(request: Request, rooms: Rooms, caller: Asking) -> Json:
    page = value_of((await rooms.volume.page_snapshots([ListRows(token=caller.token)]))[0])
    return Json({"snapshots": [snapshot_body(row) for row in limited(page.rows, request.query_params)]})


@snapshots_router.post("")
async def create_snapshot(body: SnapshotBody, rooms: Rooms, caller: Asking) -> Json:
    given = body.snapshot
    wanted = CreateSnapshot(
        token=caller.token,
        volume_id=given.volume_id,
        name=given.display_name or "",
        description=given.display_description or "",
        force=given.force,
    )
    return Json({"snapshot": snapshot_body(value_of((await rooms.volume.create_snapshot([wanted]))[0]))})


@snapshots_router.get("/{snapshot_id}")
async def show_snapshot(snapshot_id: str, rooms: Rooms, caller: Asking) -> Json:
    asked = SnapshotRequest(token=caller.token, snapshot_id=snapshot_id)
    return Json({"snapshot": snapshot_body(value_of((await rooms.volume.show_snapshot([asked]))[0]))})


@snapshots_router.delete("/{snapshot_id}", status_code=202)
async def delete_snapshot(snapshot_id: str, rooms: Rooms, caller: Asking) -> Response:
    asked = SnapshotRequest(token=caller.token, snapshot_id=snapshot_id)
    value_of((await rooms.volume.delete_snapshot([asked]))[0])
    return Response(status_code=202)

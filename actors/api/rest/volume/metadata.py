"""The metadata of volumes and of snapshots: /v3/{volumes,snapshots}/{id}/metadata, alike for both."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.rooms import EdgeRooms
from actors.api.rest.volume.bodies import ItemBody, MetadataBody
from actors.api.rest.volume.paths import of_own_project
from actors.errors import CallerError, bad_request, not_found, value_of
from actors.records import Volume, VolumeSnapshot
from actors.volume.messages import ChangeMetadata, SnapshotRequest, UpdateSnapshot, UpdateVolume, VolumeRequest

router = APIRouter(prefix="/v3", dependencies=[Depends(of_own_project)])


@router.get("/{noun}/{row_id}/metadata")
async def show(noun: str, row_id: str, caller: Asking, rooms: Rooms) -> Json:
    return Json({"metadata": (await _row(rooms, caller, noun, row_id)).user_metadata})


@router.post("/{noun}/{row_id}/metadata")
async def add(noun: str, row_id: str, body: MetadataBody, caller: Asking, rooms: Rooms) -> Json:
    change = ChangeMetadata(token=caller.token, id=row_id, put=body.metadata)
    return Json({"metadata": (await _changed(rooms, noun, change)).user_metadata})


@router.put("/{noun}/{row_id}/metadata")
async def replace(noun: str, row_id: str, body: MetadataBody, caller: Asking, rooms: Rooms) -> Json:
    row: Volume | VolumeSnapshot
    if _is_volume(noun):
        wanted = UpdateVolume(token=caller.token, volume_id=row_id, user_metadata=body.metadata)
        row = value_of((await rooms.volume.update([wanted]))[0])
    else:
        asked = UpdateSnapshot(token=caller.token, snapshot_id=row_id, user_metadata=body.metadata)
        row = value_of((await rooms.volume.update_snapshot([asked]))[0])
    return Json({"metadata": row.user_metadata})


@router.get("/{noun}/{row_id}/metadata/{key}")
async def show_item(noun: str, row_id: str, key: str, caller: Asking, rooms: Rooms) -> Json:
    items = (await _row(rooms, caller, noun, row_id)).user_metadata
    if key not in items:
        raise CallerError(not_found("metadata", f"Metadata item {key[:64]!r} was not found."))
    return Json({"meta": {key: items[key]}})


@router.put("/{noun}/{row_id}/metadata/{key}")
async def put_item(noun: str, row_id: str, key: str, body: ItemBody, caller: Asking, rooms: Rooms) -> Json:
    if list(body.meta) != [key]:
        raise CallerError(bad_request("meta", "The body names one item, the same as the path."))
    await _changed(rooms, noun, ChangeMetadata(token=caller.token, id=row_id, put=body.meta))
    return Json({"meta": body.meta})


@router.delete("/{noun}/{row_id}/metadata/{key}")
async def delete_item(noun: str, row_id: str, key: str, caller: Asking, rooms: Rooms) -> Response:
    await _changed(rooms, noun, ChangeMetadata(token=caller.token, id=row_id, drop=(key,)))
    return Response(status_code=200)


async def _row(rooms: EdgeRooms, caller: Caller, noun: str, row_id: str) -> Volume | VolumeSnapshot:
    if _is_volume(noun):
        return value_of((await rooms.volume.show([VolumeRequest(token=caller.token, volume_id=row_id)]))[0])
    asked = SnapshotRequest(token=caller.token, snapshot_id=row_id)
    return value_of((await rooms.volume.show_snapshot([asked]))[0])


async def _changed(rooms: EdgeRooms, noun: str, change: ChangeMetadata) -> Volume | VolumeSnapshot:
    if _is_volume(noun):
        return value_of((await rooms.volume.change_metadata([change]))[0])
    return value_of((await rooms.volume.change_snapshot_metadata([change]))[0])


def _is_volume(noun: str) -> bool:
    if noun not in ("volumes", "snapshots"):
        raise CallerError(not_found("", "The resource could not be found."))
    return noun == "volumes"

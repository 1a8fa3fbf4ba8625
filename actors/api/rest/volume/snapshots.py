"""Snapshots of volumes: /v3/snapshots."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request
from pydantic import StringConstraints
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.microversions import Spoken, Version
from actors.api.rest.volume.bodies import CreateSnapshotBody, Open, UpdateSnapshotBody, read
from actors.api.rest.volume.paths import of_own_project
from actors.api.rest.volume.queries import SNAPSHOT_FILTERS, page_parts, query_of
from actors.api.rest.volume.views import snapshot_body
from actors.errors import CallerError, bad_request, forbidden, value_of
from actors.volume.messages import (
    CreateSnapshot,
    ListRows,
    ReportSnapshot,
    ResetVolume,
    SnapshotPage,
    SnapshotRequest,
    UpdateSnapshot,
)

ACTIONS = ("os-reset_status", "os-force_delete", "os-update_snapshot_status")
router = APIRouter(prefix="/v3/snapshots", dependencies=[Depends(of_own_project)])


class Reset(Open):
    status: str


class Report(Open):
    status: str
    progress: Annotated[str, StringConstraints(pattern="^([0-9]|[1-9][0-9]|100)%$")] | None = None


@router.post("", status_code=202)
async def create(body: CreateSnapshotBody, caller: Asking, rooms: Rooms, spoken: Spoken) -> Json:
    asked = body.snapshot
    if spoken >= (3, 66) and asked.force is False:
        raise CallerError(bad_request("force", "is not valid since 3.66: a volume in use needs none"))
    wanted = CreateSnapshot(
        token=caller.token,
        volume_id=asked.volume_id or "",
        name=asked.name or asked.display_name or "",
        description=asked.description or asked.display_description or "",
        user_metadata=asked.metadata or {},
        force=spoken >= (3, 66) or bool(asked.force),
    )
    snapshot = value_of((await rooms.volume.create_snapshot([wanted]))[0])
    return Json({"snapshot": snapshot_body(snapshot, spoken)}, status_code=202)


@router.get("")
async def list_snapshots(request: Request, caller: Asking, rooms: Rooms, spoken: Spoken) -> Json:
    return await _list(request, caller, rooms, spoken, detailed=False)


@router.get("/detail")
async def list_details(request: Request, caller: Asking, rooms: Rooms, spoken: Spoken) -> Json:
    return await _list(request, caller, rooms, spoken, detailed=True)


async def _list(request: Request, caller: Caller, rooms: Rooms, spoken: Version, *, detailed: bool) -> Json:
    query = query_of(request.query_params, SNAPSHOT_FILTERS, spoken)
    page: SnapshotPage = value_of((await rooms.volume.page_snapshots([ListRows(token=caller.token, query=query)]))[0])
    rows = [snapshot_body(row, spoken, detailed) for row in page.rows]
    ids = [row.id for row in page.rows]
    return Json({"snapshots": rows} | page_parts(request, caller, "snapshots", (ids, page.total, page.more), spoken))


@router.get("/{snapshot_id}")
async def show(snapshot_id: str, caller: Asking, rooms: Rooms, spoken: Spoken) -> Json:
    asked = SnapshotRequest(token=caller.token, snapshot_id=snapshot_id)
    row = value_of((await rooms.volume.show_snapshot([asked]))[0])
    return Json({"snapshot": snapshot_body(row, spoken, detailed=True)})


@router.put("/{snapshot_id}")
async def update(snapshot_id: str, body: UpdateSnapshotBody, caller: Asking, rooms: Rooms, spoken: Spoken) -> Json:
    asked = body.snapshot
    wanted = UpdateSnapshot(
        token=caller.token,
        snapshot_id=snapshot_id,
        name=asked.name if asked.name is not None else asked.display_name,
        description=asked.description if asked.description is not None else asked.display_description,
    )
    return Json({"snapshot": snapshot_body(value_of((await rooms.volume.update_snapshot([wanted]))[0]), spoken)})


@router.delete("/{snapshot_id}", status_code=202)
async def delete(snapshot_id: str, caller: Asking, rooms: Rooms) -> Response:
    asked = SnapshotRequest(token=caller.token, snapshot_id=snapshot_id)
    value_of((await rooms.volume.delete_snapshot([asked]))[0])
    return Response(status_code=202)


@router.post("/{snapshot_id}/action", status_code=202)
async def act(snapshot_id: str, body: Annotated[dict[str, Any], Body()], caller: Asking, rooms: Rooms) -> Response:
    """An administrator resets a status, or deletes whatever the status is; its maker says how far a snapshot is."""
    asked = SnapshotRequest(token=caller.token, snapshot_id=snapshot_id)
    value_of((await rooms.volume.show_snapshot([asked]))[0])
    if list(body) == ["os-reset_status"]:
        status = read(Reset, body["os-reset_status"], "os-reset_status").status
        wanted = ResetVolume(token=caller.token, id=snapshot_id, status=status)
        value_of((await rooms.volume.reset_snapshot([wanted]))[0])
    elif list(body) == ["os-update_snapshot_status"]:
        said = read(Report, body["os-update_snapshot_status"], "os-update_snapshot_status")
        report = ReportSnapshot(
            token=caller.token, snapshot_id=snapshot_id, status=said.status, progress=said.progress or ""
        )
        value_of((await rooms.volume.report_snapshot([report]))[0])
    elif list(body) == ["os-force_delete"]:
        if not caller.context.is_admin:
            raise CallerError(forbidden("only an administrator may do that"))
        value_of((await rooms.volume.delete_snapshot([asked]))[0])
    else:
        raise CallerError(bad_request("", f"The body names one action: one of {', '.join(ACTIONS)}."))
    return Response(status_code=202)

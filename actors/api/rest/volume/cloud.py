"""What the cloud says of its block storage: zones, services, pools, filters, and lists of what there is none of."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Caller
from actors.api.rest.volume.paths import of_own_project, since
from actors.api.rest.volume.queries import ATTACHMENT_FILTERS, SNAPSHOT_FILTERS, VOLUME_FILTERS, flag
from actors.api.rest.volume.views import POOL
from actors.errors import CallerError, forbidden, not_found
from actors.volume.capabilities import CAPABILITIES
from actors.volume.rules import BACKEND_HOST, ZONE

router = APIRouter(prefix="/v3", dependencies=[Depends(of_own_project)])

SHOWN = ("volume_backend_name", "storage_protocol", "vendor_name", "driver_version", "pool_name")

NONE_OF: dict[str, tuple[str, int]] = {
    "backups": ("backups", 0),
    "backups/detail": ("backups", 0),
    "consistencygroups": ("consistencygroups", 0),
    "consistencygroups/detail": ("consistencygroups", 0),
    "group_types": ("group_types", 11),
    "groups": ("groups", 13),
    "groups/detail": ("groups", 13),
    "group_snapshots": ("group_snapshots", 14),
    "group_snapshots/detail": ("group_snapshots", 14),
    "default-types": ("default_types", 62),
}
"""Path → (the list that is empty, the minor version since which the interface has it)."""


@router.get("/os-availability-zone")
async def zones(_: Asking) -> Json:
    return Json({"availabilityZoneInfo": [{"zoneName": ZONE, "zoneState": {"available": True}}]})


@router.get("/scheduler-stats/get_pools")
async def pools(request: Request, caller: Asking) -> Json:
    _administrator(caller)
    pool: dict[str, Any] = {"name": POOL}
    if flag("detail", request.query_params.get("detail", "false")):
        pool["capabilities"] = CAPABILITIES
    return Json({"pools": [pool]})


@router.get("/capabilities/{host}")
async def capabilities(host: str, caller: Asking) -> Json:
    _administrator(caller)
    if host not in (BACKEND_HOST, POOL):
        raise CallerError(not_found("host", f"Service {host[:64]} could not be found."))
    said: dict[str, Any] = {
        "namespace": f"OS::Storage::Capabilities::{BACKEND_HOST}",
        "display_name": "Local qcow2 files",
        "description": "qcow2 files on one machine, exported over NBD",
        "visibility": None,
        "properties": {},
        "replication_targets": [],
    }
    return Json(said | {name: CAPABILITIES[name] for name in SHOWN})


@router.get("/resource_filters", dependencies=[Depends(since(33))])
async def filters(request: Request, _: Asking) -> Json:
    known = {"volume": VOLUME_FILTERS, "snapshot": SNAPSHOT_FILTERS, "attachment": ATTACHMENT_FILTERS}
    wanted = request.query_params.get("resource", "")
    rows = [
        {"resource": resource, "filters": list(names)} for resource, names in known.items() if wanted in ("", resource)
    ]
    return Json({"resource_filters": rows})


def _serve_none(path: str, name: str, minor: int) -> None:
    async def answer(_: Asking) -> Json:
        return Json({name: []})

    dependencies = [Depends(since(minor))] if minor else []
    router.add_api_route(f"/{path}", answer, methods=["GET"], name=f"none of {path}", dependencies=dependencies)


for _path, (_name, _minor) in NONE_OF.items():
    _serve_none(_path, _name, _minor)


def _administrator(caller: Caller) -> None:
    if not caller.context.is_admin:
        raise CallerError(forbidden("Policy doesn't allow this to be performed."))

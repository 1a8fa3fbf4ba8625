"""/v3/os-hosts: the host of the one back end, and how much of it each project has. For administrators."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from fastapi import APIRouter, Depends

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Rooms
from actors.api.rest.volume.paths import of_own_project
from actors.api.rest.volume.views import time_of
from actors.errors import CallerError, not_found, value_of
from actors.records import Volume, VolumeSnapshot
from actors.volume.messages import ListVolumes
from actors.volume.rules import BACKEND_HOST, ZONE

router = APIRouter(prefix="/v3/os-hosts", dependencies=[Depends(of_own_project)])

ALL = "(total)"  # what Cinder calls the projects together


@router.get("")
async def list_hosts(caller: Asking, rooms: Rooms) -> Json:
    said = value_of(await rooms.volume.show_service(caller.token))
    host = {
        "service-status": "available",
        "service": "cinder-volume",
        "zone": ZONE,
        "service-state": "disabled" if said.disabled else "enabled",
        "host_name": BACKEND_HOST,
        "last-update": time_of(rooms.clock.now()),
    }
    return Json({"hosts": [host]})


@router.get("/{host}")
async def show_host(host: str, caller: Asking, rooms: Rooms) -> Json:
    if host != BACKEND_HOST:
        raise CallerError(not_found("host", f"Host {host[:64]} could not be found."))
    asked = [ListVolumes(token=caller.token)]
    volumes = value_of((await rooms.volume.list_volumes(asked))[0])
    snapshots = value_of((await rooms.volume.list_snapshots(asked))[0])
    return Json({"host": resources(volumes, snapshots)})


def resources(volumes: list[Volume], snapshots: list[VolumeSnapshot]) -> list[dict[str, Any]]:
    """What all projects have, and then each. Numbers are texts, as Cinder has it."""
    volumes_of: defaultdict[str, list[Volume]] = defaultdict(list, {ALL: volumes})
    snapshots_of: defaultdict[str, list[VolumeSnapshot]] = defaultdict(list, {ALL: snapshots})
    for volume in volumes:
        volumes_of[volume.project_id].append(volume)
    for snapshot in snapshots:
        snapshots_of[snapshot.project_id].append(snapshot)
    return [
        {
            "resource": {
                "host": BACKEND_HOST,
                "project": project,
                "volume_count": str(len(volumes_of[project])),
                "total_volume_gb": str(sum(volume.size_gib for volume in volumes_of[project])),
                "snapshot_count": str(len(snapshots_of[project])),
                "total_snapshot_gb": str(sum(snapshot.size_gib for snapshot in snapshots_of[project])),
            }
        }
        for project in dict.fromkeys((*volumes_of, *snapshots_of))
    ]

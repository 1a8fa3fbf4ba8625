"""Availability zones over HTTP: for everybody which there are, for administrators also who is in them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.compute.dates import micro
from actors.api.rest.context import Asking, Rooms
from actors.messages import HostSeen

router = APIRouter()

INTERNAL = "internal"


@router.get("/os-availability-zone")
async def index(rooms: Rooms, asking: Asking) -> Response:
    zones = await rooms.api.zones(asking.token)
    return Json({"availabilityZoneInfo": [_body(zone, available, None) for zone, available in zones.items()]})


@router.get("/os-availability-zone/detail")
async def index_in_detail(rooms: Rooms, asking: Asking) -> Response:
    hosts: dict[str, dict[str, Any]] = {}
    for seen in await rooms.api.hosts(asking.token):
        hosts.setdefault(seen.zone, {})[seen.report.host] = _service(seen, rooms.clock.now())
    zones = await rooms.api.zones(asking.token)
    at_head = {"active": True, "available": True, "updated_at": micro(rooms.clock.now())}
    internal = _body(INTERNAL, True, {"head": {"nova-conductor": at_head, "nova-scheduler": at_head}})
    found = [_body(zone, available, hosts.get(zone, {})) for zone, available in zones.items()]
    return Json({"availabilityZoneInfo": [internal, *found]})


def _body(zone: str, available: bool, hosts: dict[str, Any] | None) -> dict[str, Any]:
    return {"zoneName": zone, "zoneState": {"available": available}, "hosts": hosts}


def _service(seen: HostSeen, now: float) -> dict[str, Any]:
    state = {
        "active": seen.report.enabled,
        "available": seen.up,
        "updated_at": micro(now if seen.up else seen.report.at),
    }
    return {"nova-compute": state}

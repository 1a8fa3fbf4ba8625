"""/os-hosts, until 2.42: the services' hosts, and what is taken of one by whom. Since then there are hypervisors.

An administrator enables and disables a host here too; no hypervisor of this cloud powers machines, or empties them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from actors.api.messages import SetNode
from actors.api.rest.answers import Json
from actors.api.rest.bodies import Strict
from actors.api.rest.compute.services import AT_HEAD, HEAD
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.microversions import gone_since
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, CallerFault, bad_request, not_found
from actors.messages import HostSeen

router = APIRouter(prefix="/os-hosts", dependencies=[gone_since(2, 43)])

INTERNAL = "internal"
TOTAL, NOW, MOST = "(total)", "(used_now)", "(used_max)"
Use = Counter[str]  # cpu, memory_mb, disk_gb


def _word(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


Word = Annotated[Literal["enable", "disable"], BeforeValidator(_word)]


class HostChange(Strict):
    status: Word | None = None
    maintenance_mode: Word | None = None


@router.get("")
async def index(request: Request, rooms: Rooms, caller: Asking) -> Response:
    zones: dict[str, str] = {}
    for seen in await rooms.api.hosts(caller.token):
        zones.setdefault(seen.report.node, seen.zone)
    found = [_line(HEAD, binary.removeprefix("nova-"), INTERNAL) for binary in AT_HEAD]
    found += [_line(node, "compute", zone) for node, zone in zones.items()]
    wanted = request.query_params.get("zone", "")
    return Json({"hosts": [one for one in found if wanted in ("", one["zone"])]})


def _line(host: str, service: str, zone: str) -> dict[str, str]:
    return {"host_name": host, "service": service, "zone": zone}


@router.get("/{host}")
async def show(host: str, rooms: Rooms, caller: Asking) -> Response:
    """What it has, what is claimed of it, and what its servers may use, together and by project."""
    hosts = await _of(rooms, caller, host)
    total = _sum((seen.report.vcpus, seen.report.ram_mib, seen.report.disk_gib) for seen in hosts)
    now = _sum((seen.vcpus_used, seen.ram_used_mib, seen.disk_used_gib) for seen in hosts)
    projects: defaultdict[str, Use] = defaultdict(Counter)
    for view in await rooms.api.list_servers(caller.token, True):
        if view.node == host and (flavor := view.embedded_flavor):
            projects[view.project_id] += _use(flavor.vcpus, flavor.ram_mib, flavor.disk_gib + flavor.ephemeral_gib)
    most: Use = sum(projects.values(), Counter())
    lines = [(TOTAL, total), (NOW, now), (MOST, most), *sorted(projects.items())]
    return Json({"host": [{"resource": _resource(host, project, use)} for project, use in lines]})


def _use(vcpus: int, ram_mib: int, disk_gib: int) -> Use:
    return Counter(cpu=vcpus, memory_mb=ram_mib, disk_gb=disk_gib)


def _sum(each: Any) -> Use:
    return sum((_use(*one) for one in each), Counter())


def _resource(host: str, project: str, use: Use) -> dict[str, Any]:
    return {
        "host": host,
        "project": project,
        "cpu": use["cpu"],
        "memory_mb": use["memory_mb"],
        "disk_gb": use["disk_gb"],
    }


@router.put("/{host}")
async def change(host: str, body: HostChange, rooms: Rooms, caller: Asking) -> Response:
    if not body.model_fields_set or (body.status is None and body.maintenance_mode is None):
        raise CallerError(bad_request("", "Neither 'status' nor 'maintenance_mode' is said."))
    await _of(rooms, caller, host)
    if body.maintenance_mode is not None:
        raise CallerError(CallerFault(501, "Virt driver does not implement host maintenance mode."))
    enabled = body.status == "enable"
    fault = await rooms.api.set_node(SetNode(token=caller.token, node=host, enabled=enabled))
    if fault is not None:
        raise CallerError(fault)
    return Json({"host": host, "status": "enabled" if enabled else "disabled"})


@router.get("/{host}/startup")
@router.get("/{host}/shutdown")
@router.get("/{host}/reboot")
async def power(host: str, rooms: Rooms, caller: Asking) -> Response:
    await _of(rooms, caller, host)
    raise CallerError(CallerFault(501, "Virt driver does not implement host power management."))


async def _of(rooms: EdgeRooms, caller: Caller, host: str) -> list[HostSeen]:
    """The hypervisors of a service's host. Raises `CallerError` 404."""
    found = [seen for seen in await rooms.api.hosts(caller.token) if seen.report.node == host]
    if not found:
        raise CallerError(not_found("host", f"Compute host {host[:64]} could not be found."))
    return found

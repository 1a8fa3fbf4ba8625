"""Hypervisors over HTTP: the cloud's hosts as administrators see them, and what is taken of them."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.compute.host_ids import HYPERVISOR, UUIDS_SINCE, id_of
from actors.api.rest.compute.queries import flag, in_order, known_only
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.microversions import Spoken, Version, gone_since
from actors.api.rest.paging import next_link, page_of
from actors.errors import CallerError, CallerFault, bad_request, not_found
from actors.messages import HostSeen

router = APIRouter()

LISTED_BY = ("hypervisor_hostname_pattern", "with_servers", "limit", "marker")
PAGES_SINCE, LEAN_SINCE = (2, 33), (2, 88)
Body = dict[str, Any]


def summary(seen: HostSeen, version: Version) -> Body:
    return {
        "id": id_of(HYPERVISOR, seen.report.host, version),
        "hypervisor_hostname": seen.report.host,
        "state": "up" if seen.up else "down",
        "status": "enabled" if seen.report.enabled else "disabled",
    }


def detail(seen: HostSeen, version: Version, reason: str | None, uptime: str | None) -> Body:
    report = seen.report
    body = summary(seen, version) | {
        "hypervisor_type": report.hypervisor,
        "hypervisor_version": report.hypervisor_version,
        "host_ip": report.host_ip,
        "service": {"id": id_of("service", report.node, version), "host": report.node, "disabled_reason": reason},
    }
    return body | ({"uptime": uptime} if version >= LEAN_SINCE else _use(seen, version))


def _use(seen: HostSeen, version: Version) -> Body:
    """Until 2.87; since then placement is asked."""
    report = seen.report
    cpu: Any = {"arch": report.architecture}
    return {
        "vcpus": report.vcpus,
        "memory_mb": report.ram_mib,
        "local_gb": report.disk_gib,
        "vcpus_used": seen.vcpus_used,
        "memory_mb_used": seen.ram_used_mib,
        "local_gb_used": seen.disk_used_gib,
        "free_ram_mb": report.ram_mib - seen.ram_used_mib,
        "free_disk_gb": report.disk_gib - seen.disk_used_gib,
        "disk_available_least": report.disk_gib - seen.disk_used_gib,
        "current_workload": report.io_ops,
        "running_vms": seen.instances,
        "cpu_info": cpu if version >= (2, 28) else f'{{"arch": "{report.architecture}"}}',
    }


@router.get("/os-hypervisors", dependencies=[known_only(*LISTED_BY)])
async def index(request: Request, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    return await _listed(request, rooms, asking, version, lambda seen: summary(seen, version))


@router.get("/os-hypervisors/detail", dependencies=[known_only(*LISTED_BY)])
async def index_in_detail(request: Request, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    reasons = await _reasons(rooms, asking)
    uptimes = await _uptimes(rooms, asking, await rooms.api.hosts(asking.token)) if version >= LEAN_SINCE else {}

    def show(seen: HostSeen) -> Body:
        return detail(seen, version, reasons.get(seen.report.node), uptimes.get(seen.report.node))

    return await _listed(request, rooms, asking, version, show)


async def _listed(request: Request, rooms: Any, asking: Caller, version: Version, show: Any) -> Response:
    hosts, query = await rooms.api.hosts(asking.token), request.query_params
    pattern = query.get("hypervisor_hostname_pattern", "") if version >= UUIDS_SINCE else ""
    if pattern:
        hosts = _matching(hosts, pattern)
    with_servers = version >= UUIDS_SINCE and flag("with_servers", query.get("with_servers", "false"))
    more = ""
    if version >= PAGES_SINCE:
        hosts, more = page_of(
            hosts, in_order(query), lambda seen: str(id_of(HYPERVISOR, seen.report.host, version)), lambda seen, _: 0
        )
    servers = await _servers(rooms, asking) if with_servers else {}
    found = [show(seen) | (_with(servers, seen, version) if with_servers else {}) for seen in hosts]
    body: Body = {"hypervisors": found}
    if more:
        body["hypervisors_links"] = [{"rel": "next", "href": next_link(request.url, more)}]
    return Json(body)


def _matching(hosts: list[HostSeen], pattern: str) -> list[HostSeen]:
    found = [seen for seen in hosts if pattern in seen.report.host]
    if not found:
        raise CallerError(not_found("hypervisor", f"No hypervisor matching '{pattern[:64]}' could be found."))
    return found


async def _servers(rooms: Any, asking: Caller) -> dict[str, list[Body]]:
    found: defaultdict[str, list[Body]] = defaultdict(list)
    for view in await rooms.api.list_servers(asking.token, True):
        if view.host:
            found[view.host].append({"name": view.name, "uuid": view.id})
    return found


def _with(servers: dict[str, list[Body]], seen: HostSeen, version: Version) -> Body:
    here = servers.get(seen.report.host, [])
    return {"servers": here} if here or version >= (2, 75) else {}


async def _uptimes(rooms: Any, asking: Caller, hosts: list[HostSeen]) -> dict[str, str]:
    """By node; those that are away are not asked."""
    nodes = sorted({seen.report.node for seen in hosts if seen.up})
    found: dict[str, str] = await rooms.api.uptimes(asking.token, nodes)
    return found


async def _reasons(rooms: Any, asking: Caller) -> dict[str, str | None]:
    """By node, why it is disabled."""
    return {node.id: node.disabled_reason or None for node in await rooms.api.nodes(asking.token)}


@router.get("/os-hypervisors/statistics", dependencies=[gone_since(*LEAN_SINCE)])
async def statistics(rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    up = [_use(seen, version) for seen in await rooms.api.hosts(asking.token) if seen.report.enabled]
    fields = [
        "vcpus", "memory_mb", "local_gb", "vcpus_used", "memory_mb_used", "local_gb_used", "free_ram_mb",
        "free_disk_gb", "disk_available_least", "current_workload", "running_vms",
    ]  # fmt: skip
    return Json({"hypervisor_statistics": {"count": len(up)} | {name: sum(one[name] for one in up) for name in fields}})


@router.get("/os-hypervisors/{key}")
async def show(key: str, request: Request, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    seen = await _one(rooms, asking, key, version)
    uptimes = await _uptimes(rooms, asking, [seen]) if version >= LEAN_SINCE else {}
    reason = (await _reasons(rooms, asking)).get(seen.report.node)
    body = detail(seen, version, reason, uptimes.get(seen.report.node))
    if version >= UUIDS_SINCE and flag("with_servers", request.query_params.get("with_servers", "false")):
        body |= _with(await _servers(rooms, asking), seen, version)
    return Json({"hypervisor": body})


@router.get("/os-hypervisors/{key}/uptime", dependencies=[gone_since(*LEAN_SINCE)])
async def uptime(key: str, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    seen = await _one(rooms, asking, key, version)
    if not seen.up:
        raise CallerError(bad_request("", f"Compute service of {seen.report.node} is unavailable at this time."))
    said = (await _uptimes(rooms, asking, [seen])).get(seen.report.node)
    if said is None:
        raise CallerError(CallerFault(501, "Virt driver does not implement uptime function."))
    return Json({"hypervisor": summary(seen, version) | {"uptime": said}})


@router.get("/os-hypervisors/{pattern:path}/search", dependencies=[gone_since(*UUIDS_SINCE)])
async def search(pattern: str, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    hosts = _matching(await rooms.api.hosts(asking.token), pattern)
    return Json({"hypervisors": [summary(seen, version) for seen in hosts]})


@router.get("/os-hypervisors/{pattern:path}/servers", dependencies=[gone_since(*UUIDS_SINCE)])
async def servers_of(pattern: str, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    hosts = _matching(await rooms.api.hosts(asking.token), pattern)
    servers = await _servers(rooms, asking)
    return Json({"hypervisors": [summary(seen, version) | _with(servers, seen, version) for seen in hosts]})


async def _one(rooms: Any, asking: Caller, key: str, version: Version) -> HostSeen:
    """Raises `CallerError`: 400 for what is no UUID where one is meant, 404 else."""
    for seen in await rooms.api.hosts(asking.token):
        if str(id_of(HYPERVISOR, seen.report.host, version)) == key:
            found: HostSeen = seen
            return found
    if version >= UUIDS_SINCE and not _UUID.fullmatch(key):
        raise CallerError(bad_request("", f"Invalid uuid {key[:64]}"))
    raise CallerError(not_found("hypervisor", f"Compute host {key[:64]} could not be found."))


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

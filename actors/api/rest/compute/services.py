"""Compute's services over HTTP: one nova-compute a worker node, and what stands at the head.

An administrator enables and disables a node, or says that it is down.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import StringConstraints
from starlette.responses import Response

from actors.api.messages import ForceDown, SetNode
from actors.api.rest.answers import Json
from actors.api.rest.bodies import Strict
from actors.api.rest.compute.dates import micro
from actors.api.rest.compute.host_ids import UUIDS_SINCE, id_of, uuid_of
from actors.api.rest.compute.queries import known_only, missing, unexpected
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.microversions import Spoken, Version
from actors.errors import CallerError, CallerFault, bad_request, not_found
from actors.messages import HostSeen
from actors.records import ComputeNode

router = APIRouter()

COMPUTE, HEAD = "nova-compute", "head"
AT_HEAD = ("nova-conductor", "nova-scheduler")
Body = dict[str, Any]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=255)]
HostName = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class ChangeBody(Strict):
    """Until 2.52 it names the service by its host and its binary; since then it has the status instead."""

    host: HostName | None = None
    binary: HostName | None = None
    status: Literal["enabled", "disabled"] | None = None
    disabled_reason: Reason | None = None
    forced_down: bool | None = None


@router.get("/os-services", dependencies=[known_only("host", "binary")])
async def index(request: Request, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    found = [*_at_head(rooms.clock.now(), version), *await _of_nodes(rooms, asking, version)]
    for field in ("host", "binary"):
        wanted = request.query_params.get(field)
        found = [one for one in found if wanted in (None, one[field])]
    return Json({"services": found})


async def _of_nodes(rooms: Any, asking: Caller, version: Version) -> list[Body]:
    hosts: dict[str, list[HostSeen]] = {}
    for seen in await rooms.api.hosts(asking.token):
        hosts.setdefault(seen.report.node, []).append(seen)
    now = rooms.clock.now()
    return [_body(node, hosts.get(node.id, []), version, now) for node in await rooms.api.nodes(asking.token)]


def _body(node: ComputeNode, hosts: list[HostSeen], version: Version, now: float) -> Body:
    """A node that is up has been heard just now, even where its hosts had nothing new to report."""
    up = any(seen.up for seen in hosts) and not node.forced_down
    body: Body = {
        "id": id_of("service", node.id, version),
        "binary": COMPUTE,
        "host": node.id,
        "zone": hosts[0].zone if hosts else "nova",
        "status": "enabled" if node.enabled else "disabled",
        "state": "up" if up else "down",
        "updated_at": micro(now if up else max((seen.report.at for seen in hosts), default=0.0)),
        "disabled_reason": node.disabled_reason or None,
    }
    return body | ({"forced_down": node.forced_down} if version >= (2, 11) else {})


def _at_head(now: float, version: Version) -> list[Body]:
    """Those without which this question would have no answer."""
    found = []
    for binary in AT_HEAD:
        body: Body = {
            "id": id_of(binary, HEAD, version),
            "binary": binary,
            "host": HEAD,
            "zone": "internal",
            "status": "enabled",
            "state": "up",
            "updated_at": micro(now),
            "disabled_reason": None,
        }
        found.append(body | ({"forced_down": False} if version >= (2, 11) else {}))
    return found


@router.put("/os-services/{key}")
async def change(key: str, body: ChangeBody, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    """By UUID since 2.53; before, `key` is what is to be done, and the body names the service."""
    if version < UUIDS_SINCE:
        return await _change_old(key, _named(body), rooms, asking, version)
    if body.host is not None or body.binary is not None:
        raise unexpected("host" if body.host is not None else "binary")
    given = body
    if not given.model_fields_set:
        raise CallerError(bad_request("", "Neither 'status' nor 'forced_down' is said, so there is nothing to change."))
    if given.disabled_reason is not None and given.status != "disabled":
        text = "Specifying disabled_reason requires that status is 'disabled'."
        raise CallerError(bad_request("", text))
    for node in await rooms.api.nodes(asking.token):
        if uuid_of("service", node.id) == key:
            if given.status is not None:
                await _enable(rooms, asking, node.id, given.status == "enabled", given.disabled_reason)
            if given.forced_down is not None:
                await _force(rooms, asking, node.id, given.forced_down)
            return Json({"service": await _now(rooms, asking, node.id, version)})
    raise CallerError(not_found("service", f"Service {key[:64]} could not be found."))


def _named(body: ChangeBody) -> ChangeBody:
    """Raises `CallerError` 400 where it does not say which service is meant, or says what came later."""
    for field in ("host", "binary"):
        if getattr(body, field) is None:
            raise missing("service", field)
    if body.status is not None:
        raise unexpected("status")
    return body


async def _change_old(act: str, given: ChangeBody, rooms: Any, asking: Caller, version: Version) -> Response:
    host = given.host or ""
    if given.binary != COMPUTE:
        raise CallerError(not_found("host", f"Could not find binary {given.binary} on host {host}."))
    body: Body = {"host": host, "binary": given.binary}
    match act:
        case "enable" | "disable":
            await _enable(rooms, asking, host, act == "enable", None)
            body["status"] = f"{act}d"
        case "disable-log-reason":
            if given.disabled_reason is None:
                raise CallerError(bad_request("", "Missing disabled reason field"))
            await _enable(rooms, asking, host, False, given.disabled_reason)
            body |= {"status": "disabled", "disabled_reason": given.disabled_reason}
        case "force-down" if version >= (2, 11):
            if given.forced_down is None:
                raise CallerError(bad_request("", "Missing forced_down field"))
            await _force(rooms, asking, host, given.forced_down)
            body["forced_down"] = given.forced_down
        case _:
            raise CallerError(not_found("", "Unknown action"))
    return Json({"service": body})


async def _enable(rooms: Any, asking: Caller, node: str, enabled: bool, reason: str | None) -> None:
    change = SetNode(token=asking.token, node=node, enabled=enabled, reason=reason or "")
    _refuse(await rooms.api.set_node(change), node)


async def _force(rooms: Any, asking: Caller, node: str, down: bool) -> None:
    _refuse(await rooms.api.force_down(ForceDown(token=asking.token, node=node, down=down)), node)


def _refuse(fault: CallerFault | None, node: str) -> None:
    if fault is not None and fault.status == 404:
        raise CallerError(not_found("host", f"Host '{node}' is not mapped to any cell"))
    if fault is not None:
        raise CallerError(fault)


async def _now(rooms: Any, asking: Caller, node: str, version: Version) -> Body:
    return next(one for one in await _of_nodes(rooms, asking, version) if one["host"] == node)

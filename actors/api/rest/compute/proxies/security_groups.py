"""/os-security-groups and /os-security-group-rules, until 2.35: the network room's groups, of what comes in alone."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import StringConstraints
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.bodies import Strict, Whole
from actors.api.rest.compute.proxies.pages import limited
from actors.api.rest.compute.queries import NOT_OF_EMPTY_ID, flag
from actors.api.rest.compute.security_groups import group_body, rule_body
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.microversions import gone_since
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, CallerFault, bad_request, value_of
from actors.network.messages import (
    CreateSecurityGroup,
    CreateSecurityGroupRule,
    PortQuery,
    Reference,
    UpdateSecurityGroup,
)
from actors.records import SecurityGroup

GONE = [gone_since(2, 36)]
router = APIRouter(prefix="/os-security-groups", dependencies=GONE)
rules_router = APIRouter(prefix="/os-security-group-rules", dependencies=GONE)

PORTED, ICMP = ("tcp", "udp"), "icmp"
PORTS, CODES = (1, 65_535), (-1, 255)
IN_CONFLICT = 409  # which Nova told as 400
Text = Annotated[str, StringConstraints(max_length=255)]
Made = TypeVar("Made")


class GroupIn(Strict):
    name: Text
    description: Text | None


class GroupBody(Strict):
    security_group: GroupIn


class RuleIn(Strict):
    parent_group_id: Text
    ip_protocol: Text | None = None
    from_port: Whole | None = None
    to_port: Whole | None = None
    cidr: Text | None = None
    group_id: Text | None = None


class RuleBody(Strict):
    security_group_rule: RuleIn


# ---------------------------------------------------------------- groups


@router.get("", dependencies=[NOT_OF_EMPTY_ID])
async def list_groups(request: Request, rooms: Rooms, caller: Asking) -> Json:
    """The caller's project's; an administrator may ask for all."""
    groups = await rooms.network.list_security_groups(caller.token)
    everybody = caller.context.is_admin and flag("all_tenants", request.query_params.get("all_tenants", "false"))
    theirs = [group for group in groups if everybody or group.project_id == caller.context.project_id]
    found = limited(theirs, request.query_params)
    rules = await rooms.network.list_security_group_rules(caller.token)
    known = {group.id: group for group in groups}
    return Json({"security_groups": [group_body(group, rules, known) for group in found]})


@router.post("")
async def create_group(body: GroupBody, rooms: Rooms, caller: Asking) -> Json:
    given = body.security_group
    wanted = CreateSecurityGroup(token=caller.token, name=given.name, description=given.description or "")
    return await _shown(rooms, caller, _told((await rooms.network.create_security_groups([wanted]))[0]))


@router.get("/{group_id}")
async def show_group(group_id: str, rooms: Rooms, caller: Asking) -> Json:
    reference = Reference(token=caller.token, id=group_id)
    return await _shown(rooms, caller, _told((await rooms.network.show_security_groups([reference]))[0]))


@router.put("/{group_id}")
async def change_group(group_id: str, body: GroupBody, rooms: Rooms, caller: Asking) -> Json:
    given = body.security_group
    wanted = UpdateSecurityGroup(token=caller.token, id=group_id, name=given.name, description=given.description or "")
    group = _told((await rooms.network.update_security_groups([wanted]))[0])
    ports = await rooms.network.list_ports(PortQuery(token=caller.token))  # servers say their groups by name
    await rooms.api.ports_changed([port for port in ports if group_id in port.security_groups])
    return await _shown(rooms, caller, group)


@router.delete("/{group_id}", status_code=202)
async def delete_group(group_id: str, rooms: Rooms, caller: Asking) -> Response:
    _told((await rooms.network.delete_security_groups([Reference(token=caller.token, id=group_id)]))[0])
    return Response(status_code=202)


async def _shown(rooms: EdgeRooms, caller: Caller, group: SecurityGroup) -> Json:
    rules = await rooms.network.list_security_group_rules(caller.token)
    return Json({"security_group": group_body(group, rules, await _known(rooms, caller))})


async def _known(rooms: EdgeRooms, caller: Caller) -> Mapping[str, SecurityGroup]:
    return {group.id: group for group in await rooms.network.list_security_groups(caller.token)}


# ---------------------------------------------------------------- rules


@rules_router.post("")
async def create_rule(body: RuleBody, rooms: Rooms, caller: Asking) -> Json:
    wanted = new_rule(body.security_group_rule, caller.token)
    for group_id in filter(None, (wanted.security_group_id, wanted.remote_group_id)):
        _told((await rooms.network.show_security_groups([Reference(token=caller.token, id=group_id)]))[0])
    rule = _told((await rooms.network.create_security_group_rules([wanted]))[0])
    return Json({"security_group_rule": rule_body(rule, await _known(rooms, caller))})


@rules_router.delete("/{rule_id}", status_code=202)
async def delete_rule(rule_id: str, rooms: Rooms, caller: Asking) -> Response:
    _told((await rooms.network.delete_security_group_rules([Reference(token=caller.token, id=rule_id)]))[0])
    return Response(status_code=202)


def new_rule(given: RuleIn, token: str) -> CreateSecurityGroupRule:
    """Of a group's members, or of an address range, '0.0.0.0/0' by default. Raises `CallerError` 400."""
    _check_uuid("parent_group_id", given.parent_group_id)
    if given.group_id:
        _check_uuid("group_id", given.group_id)
    protocol = (given.ip_protocol or "").lower()
    if protocol not in ("", *PORTED, ICMP):
        raise CallerError(bad_request("", f"Invalid IP protocol {protocol[:64]}."))
    low, high = _range(given, protocol)
    cidr = "" if given.group_id else given.cidr or "0.0.0.0/0"
    return CreateSecurityGroupRule(
        token=token,
        security_group_id=given.parent_group_id,
        direction="ingress",
        ethertype=_ethertype(cidr),
        protocol=protocol,
        port_min=low,
        port_max=high,
        remote_ip_prefix=cidr,
        remote_group_id=given.group_id or "",
    )


def _range(given: RuleIn, protocol: str) -> tuple[int, int]:
    """Ports, or an ICMP type and code. Of a group everything may come in, of a range what is said."""
    low, high = given.from_port, given.to_port
    if not protocol or low is None or high is None:
        if not given.group_id:
            raise CallerError(bad_request("", "Not enough parameters to build a valid rule."))
        return PORTS if protocol in PORTED else (-1, -1)
    least, most = PORTS if protocol in PORTED else CODES
    if not (least <= low <= most and least <= high <= most) or (protocol in PORTED and low > high):
        text = f"Invalid port range {low}:{high}. Of {protocol} it is from {least} to {most}, the smaller one first."
        raise CallerError(bad_request("", text))
    return low, high


def _ethertype(cidr: str) -> str:
    if not cidr:
        return "IPv4"
    try:
        return f"IPv{ip_network(cidr, strict=False).version}"
    except ValueError:
        raise CallerError(bad_request("", f"Invalid cidr {cidr[:64]}.")) from None


def _check_uuid(field: str, text: str) -> None:
    try:
        UUID(text)
    except ValueError:
        raise CallerError(bad_request("", f"Security group id should be uuid, in {field}")) from None


def _told(reply: Made | CallerFault) -> Made:
    """As `value_of`, with Nova's status where the network refuses because of what there is."""
    if isinstance(reply, CallerFault) and reply.status == IN_CONFLICT:
        raise CallerError(bad_request("", reply.message))
    return value_of(reply)

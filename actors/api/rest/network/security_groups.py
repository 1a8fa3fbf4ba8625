"""/v2.0/security-groups and /v2.0/security-group-rules"""

from __future__ import annotations

from collections import defaultdict

from fastapi import APIRouter, Request

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.network import views
from actors.api.rest.network.asked import Expected, all_made, created, deleted, items, listing
from actors.api.rest.network.bodies import EditedGroup, GroupNew, NewGroups, NewRules, RuleNew
from actors.api.rest.network.listing import Body, only
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, bad_request
from actors.network.messages import (
    CreateSecurityGroup,
    CreateSecurityGroupRule,
    PortQuery,
    Reference,
    UpdateSecurityGroup,
)
from actors.records import SecurityGroup, SecurityGroupRule

router = APIRouter(prefix="/security-groups")
rules_router = APIRouter(prefix="/security-group-rules")

# ---------------------------------------------------------------- groups


@router.get("")
async def list_groups(request: Request, rooms: Rooms, caller: Asking) -> Json:
    """The first look makes the project's default group."""
    rows = await rooms.network.list_security_groups(caller.token)
    return Json(listing(request, views.GROUP).answer("security_groups", await _bodies(rooms, caller, rows)))


@router.post("")
async def create_groups(body: NewGroups, rooms: Rooms, caller: Asking) -> Json:
    wanted = [_new_group(item, caller) for item in items(body.security_group, body.security_groups, "security_group")]
    rows = all_made(await rooms.network.create_security_groups(wanted, True))
    bodies = await _bodies(rooms, caller, rows)
    return created("security_group", "security_groups", bodies, body.security_group is not None)


@router.get("/{group_id}")
async def show_group(group_id: str, request: Request, rooms: Rooms, caller: Asking) -> Json:
    rows = all_made(await rooms.network.show_security_groups([Reference(token=caller.token, id=group_id)]))
    [body] = await _bodies(rooms, caller, rows)
    return Json({"security_group": only(body, request.query_params.getlist("fields"))})


@router.put("/{group_id}")
async def update_group(group_id: str, body: EditedGroup, rooms: Rooms, caller: Asking, revision: Expected) -> Json:
    fields = body.security_group.given("stateful")
    wanted = UpdateSecurityGroup(token=caller.token, id=group_id, revision=revision, **fields)
    [answer] = await _bodies(rooms, caller, all_made(await rooms.network.update_security_groups([wanted])))
    if "name" in fields:
        ports = await rooms.network.list_ports(PortQuery(token=caller.token))
        await rooms.api.ports_changed([port for port in ports if group_id in port.security_groups])
    return Json({"security_group": answer})


@router.delete("/{group_id}")
async def delete_group(group_id: str, rooms: Rooms, caller: Asking, revision: Expected) -> Json:
    reference = Reference(token=caller.token, id=group_id, revision=revision)
    return deleted(await rooms.network.delete_security_groups([reference]))


def _new_group(item: GroupNew, caller: Caller) -> CreateSecurityGroup:
    return CreateSecurityGroup(token=caller.token, name=item.name, project_id=item.owner, description=item.description)


async def _bodies(rooms: EdgeRooms, caller: Caller, rows: list[SecurityGroup]) -> list[Body]:
    rules: defaultdict[str, list[SecurityGroupRule]] = defaultdict(list)
    for rule in await rooms.network.list_security_group_rules(caller.token):
        rules[rule.security_group_id].append(rule)
    return [views.security_group(row, rules[row.id]) for row in rows]


# ---------------------------------------------------------------- rules


@rules_router.get("")
async def list_rules(request: Request, rooms: Rooms, caller: Asking) -> Json:
    bodies = [views.security_group_rule(row) for row in await rooms.network.list_security_group_rules(caller.token)]
    return Json(listing(request, views.RULE).answer("security_group_rules", bodies))


@rules_router.post("")
async def create_rules(body: NewRules, rooms: Rooms, caller: Asking) -> Json:
    noun = "security_group_rule"
    wanted = [_new_rule(item, caller) for item in items(body.security_group_rule, body.security_group_rules, noun)]
    rows = all_made(await rooms.network.create_security_group_rules(wanted, True))
    bodies = [views.security_group_rule(row) for row in rows]
    return created(noun, "security_group_rules", bodies, body.security_group_rule is not None)


@rules_router.get("/{rule_id}")
async def show_rule(rule_id: str, request: Request, rooms: Rooms, caller: Asking) -> Json:
    [row] = all_made(await rooms.network.show_security_group_rules([Reference(token=caller.token, id=rule_id)]))
    return Json({"security_group_rule": only(views.security_group_rule(row), request.query_params.getlist("fields"))})


@rules_router.delete("/{rule_id}")
async def delete_rule(rule_id: str, rooms: Rooms, caller: Asking, revision: Expected) -> Json:
    reference = Reference(token=caller.token, id=rule_id, revision=revision)
    return deleted(await rooms.network.delete_security_group_rules([reference]))


def _new_rule(item: RuleNew, caller: Caller) -> CreateSecurityGroupRule:
    protocol = "" if item.protocol is None else str(item.protocol)
    low, high = item.port_range_min, item.port_range_max
    for given in (low, high):
        if given is not None and given < 0:
            text = f"Invalid value for port {given}"
            raise CallerError(bad_request("port_range_min", text, "SecurityGroupInvalidPortValue"))
    if high is None and protocol.lower() not in views.ICMP:
        high = low
    return CreateSecurityGroupRule(
        token=caller.token,
        security_group_id=item.security_group_id,
        direction=item.direction,
        ethertype=item.ethertype or "IPv4",
        protocol=protocol,
        port_min=-1 if low is None else low,
        port_max=-1 if high is None else high,
        remote_ip_prefix=item.remote_ip_prefix or "",
        remote_group_id=item.remote_group_id or "",
        description=item.description,
    )

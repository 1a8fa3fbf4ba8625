"""The security groups of a server, with their rules in the words that Nova had for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import APIRouter

from actors.api.rest.context import Asking, Rooms
from actors.records import SecurityGroup, SecurityGroupRule

router = APIRouter(prefix="/v2.1/servers/{server_id}/os-security-groups")

WITH_PORTS = ("tcp", "udp")
ALL_PORTS = (1, 65_535)


@router.get("")
async def list_groups(server_id: str, rooms: Rooms, caller: Asking) -> dict[str, Any]:
    groups = await rooms.api.security_groups(caller.token, server_id)
    rules = await rooms.network.list_security_group_rules(caller.token) if groups else []
    known = {group.id: group for group in await rooms.network.list_security_groups(caller.token)} if groups else {}
    return {"security_groups": [group_body(group, rules, known) for group in groups]}


def group_body(
    group: SecurityGroup, rules: Iterable[SecurityGroupRule], known: Mapping[str, SecurityGroup]
) -> dict[str, Any]:
    """With those of the rules that are its own and about what comes in: Nova knew no others."""
    own = (rule for rule in rules if rule.security_group_id == group.id and rule.direction == "ingress")
    return {
        "id": group.id,
        "name": group.name,
        "tenant_id": group.project_id,
        "description": group.description,
        "rules": [rule_body(rule, known) for rule in own],
    }


def rule_body(rule: SecurityGroupRule, known: Mapping[str, SecurityGroup]) -> dict[str, Any]:
    """`known`: the groups that the caller sees, by their ids."""
    source = known.get(rule.remote_group_id)
    remote = {"name": source.name, "tenant_id": source.project_id} if source is not None else {}
    anywhere = "::/0" if rule.ethertype == "IPv6" else "0.0.0.0/0"
    low, high = _range(rule)
    return {
        "id": rule.id,
        "parent_group_id": rule.security_group_id,
        "ip_protocol": rule.protocol or None,
        "from_port": low,
        "to_port": high,
        "group": remote,
        "ip_range": {} if rule.remote_group_id else {"cidr": rule.remote_ip_prefix or anywhere},
    }


def _range(rule: SecurityGroupRule) -> tuple[int | None, int | None]:
    """Ports, or an ICMP type and code: all of them where the rule names none."""
    if not rule.protocol:
        return None, None
    if rule.port_min < 0 and rule.port_max < 0 and rule.protocol in WITH_PORTS:
        return ALL_PORTS
    return rule.port_min, rule.port_max

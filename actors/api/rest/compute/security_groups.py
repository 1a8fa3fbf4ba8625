"""The security groups of a server, with their rules in the words that Nova had for them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from actors.api.rest.context import Asking, Rooms
from actors.records import SecurityGroup, SecurityGroupRule

router = APIRouter(prefix="/v2.1/servers/{server_id}/os-security-groups")


@router.get("")
async def list_groups(server_id: str, rooms: Rooms, caller: Asking) -> dict[str, Any]:
    groups = await rooms.api.security_groups(caller.token, server_id)
    rules = await rooms.network.list_security_group_rules(caller.token) if groups else []
    names = {group.id: group.name for group in groups}
    return {
        "security_groups": [
            {
                "id": group.id,
                "name": group.name,
                "tenant_id": group.project_id,
                "description": group.description,
                "rules": [_rule(rule, group, names) for rule in rules if _shown(rule, group)],
            }
            for group in groups
        ]
    }


def _shown(rule: SecurityGroupRule, group: SecurityGroup) -> bool:
    """Nova knows what comes in only."""
    return rule.security_group_id == group.id and rule.direction == "ingress"


def _rule(rule: SecurityGroupRule, group: SecurityGroup, names: dict[str, str]) -> dict[str, Any]:
    remote = {"name": names.get(rule.remote_group_id, ""), "tenant_id": rule.project_id} if rule.remote_group_id else {}
    anywhere = "::/0" if rule.ethertype == "IPv6" else "0.0.0.0/0"
    return {
        "id": rule.id,
        "parent_group_id": group.id,
        "ip_protocol": rule.protocol or None,
        "from_port": rule.port_min if rule.port_min >= 0 else -1 if rule.protocol else None,
        "to_port": rule.port_max if rule.port_max >= 0 else -1 if rule.protocol else None,
        "group": remote,
        "ip_range": {} if remote else {"cidr": rule.remote_ip_prefix or anywhere},
    }

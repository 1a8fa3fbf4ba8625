"""Whose network or security group a request is about, for rules of the file that look at it.

Neutron's `network_owner`, `sg_owner` and `shared` are about the row that holds what is asked for. Where one request is
about those of several owners, nobody is their owner. A list is about the caller's own: the room leaves out the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import Request

from actors.api.rest.context import Caller
from actors.api.rest.rooms import EdgeRooms
from actors.errors import value_of
from actors.network.messages import Reference

INSIDE = {"port_id": "show_ports", "subnet_id": "show_subnets", "rule_id": "show_security_group_rules"}
PARENTS = {"network": ("network_id", "show_networks"), "security_group": ("security_group_id", "show_security_groups")}


async def target_of(request: Request, caller: Caller, path: str, body: Any) -> dict[str, str]:
    """`path` is the route's own. Keys are Neutron's: `network:project_id`, `security_group:project_id`."""
    rooms: EdgeRooms = request.app.state.rooms
    about = list(_items(body))
    for name, method in INSIDE.items():
        if name in request.path_params:
            about += await _shown(rooms, caller, method, [str(request.path_params[name])])
    found: dict[str, str] = {}
    for noun, (field, method) in PARENTS.items():
        ids = sorted({row_id for row_id in (_field(one, field) for one in about) if row_id})
        rows = await _shown(rooms, caller, method, ids)
        owners = {row.project_id for row in rows} or ({caller.context.project_id} if request.method == "GET" else set())
        if len(owners) == 1:
            found |= dict.fromkeys((f"{noun}:project_id", f"{noun}:tenant_id"), owners.pop())
        if noun == "network" and rows:
            found["networks:shared"] = str(all(row.shared for row in rows))
    return found


async def _shown(rooms: EdgeRooms, caller: Caller, method: str, ids: list[str]) -> list[Any]:
    """Raises `CallerError` 404 for what the caller does not see, as the request itself would."""
    if not ids:
        return []
    replies = await getattr(rooms.network, method)([Reference(token=caller.token, id=row_id) for row_id in ids])
    return [value_of(reply) for reply in replies]


def _items(body: Any) -> Iterable[dict[str, Any]]:
    """A body has one row by its noun, or several."""
    for said in body.values() if isinstance(body, dict) else ():
        for one in said if isinstance(said, list) else [said]:
            if isinstance(one, dict):
                yield one


def _field(row: Any, name: str) -> str:
    value = row.get(name) if isinstance(row, dict) else getattr(row, name, "")
    return value if isinstance(value, str) else ""

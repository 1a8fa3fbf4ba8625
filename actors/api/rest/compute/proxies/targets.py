"""Whose security group a request is about, for Neutron's rules: as the network's own, from what Nova's bodies say."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from actors.api.rest.context import Caller
from actors.api.rest.network import targets


async def target_of(request: Request, caller: Caller, path: str, body: Any) -> dict[str, str]:
    """Raises `CallerError` 404 for a group or a rule that the caller does not see, as the request itself would."""
    rule = body.get("security_group_rule") if isinstance(body, dict) else None
    about = {"security_group_id": rule.get("parent_group_id")} if isinstance(rule, dict) else {}
    return await targets.target_of(request, caller, path, {"security_group_rule": about})

"""Server groups over HTTP, in the shape of 2.1 (a list of policies) and of 2.64 (a policy and its rules)."""

from __future__ import annotations

from collections import defaultdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints
from starlette.responses import Response

from actors.api.messages import CreateServerGroup, ServerGroupRequest
from actors.api.rest.answers import Json
from actors.api.rest.bodies import Strict
from actors.api.rest.compute.queries import known_only, missing, unexpected, whole
from actors.api.rest.context import Asking, Rooms
from actors.api.rest.microversions import Spoken, Version
from actors.api.rest.paging import PAGE_LIMIT
from actors.errors import CallerError, bad_request, value_of
from actors.records import ServerGroup

router = APIRouter()

GroupName = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Policy = Literal["affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity"]
SOFT_SINCE = (2, 15)
ONE_POLICY_SINCE = (2, 64)


class RulesIn(Strict):
    max_server_per_host: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None


class GroupIn(Strict):
    name: GroupName
    policies: Annotated[list[Policy], Field(min_length=1, max_length=1)] | None = None
    policy: Policy | None = None
    rules: RulesIn | None = None


class CreateGroupBody(Strict):
    server_group: GroupIn


@router.get("/os-server-groups", dependencies=[known_only("all_projects", "limit", "offset")])
async def index(request: Request, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    everybody = "all_projects" in request.query_params and asking.context.is_admin
    groups = await rooms.api.server_groups(asking.token, everybody)
    offset = whole(request.query_params, "offset") or 0
    limit = whole(request.query_params, "limit")
    page = groups[offset : offset + min(PAGE_LIMIT if limit is None else limit, PAGE_LIMIT)]
    members = await _members(rooms, asking, everybody)
    return Json({"server_groups": [_body(group, members.get(group.id, []), version) for group in page]})


@router.post("/os-server-groups")
async def create(body: CreateGroupBody, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    given = body.server_group
    request = CreateServerGroup(
        token=asking.token,
        name=given.name,
        policy=_policy(given, version),
        max_server_per_host=(given.rules and given.rules.max_server_per_host) or 1,
        repeatable=False,
    )
    return Json({"server_group": _body(value_of(await rooms.api.create_server_group(request)), [], version)})


def _policy(given: GroupIn, version: Version) -> str:
    """Each version has its own field for it; raises `CallerError` 400."""
    newer = version >= ONE_POLICY_SINCE
    strange = ("policies",) if newer else ("policy", "rules")
    for field in strange:
        if field in given.model_fields_set:
            raise unexpected(field)
    needed = given.policy if newer else given.policies[0] if given.policies else None
    if not needed:
        raise missing("server_group", "policy" if newer else "policies")
    if needed.startswith("soft-") and version < SOFT_SINCE:
        raise CallerError(bad_request("", f"Invalid input for field/attribute policies: {needed!r} is not one of them"))
    return needed


@router.get("/os-server-groups/{group_id}")
async def show(group_id: str, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    group = await rooms.api.server_group(asking.token, group_id)
    members = await _members(rooms, asking, asking.context.is_admin)
    return Json({"server_group": _body(group, members.get(group.id, []), version)})


@router.delete("/os-server-groups/{group_id}", status_code=204)
async def delete(group_id: str, rooms: Rooms, asking: Asking) -> Response:
    await rooms.api.server_group(asking.token, group_id)
    fault = await rooms.api.delete_server_group(ServerGroupRequest(token=asking.token, group_id=group_id))
    if fault is not None:
        raise CallerError(fault)
    return Response(status_code=204)


async def _members(rooms: Any, asking: Any, everybody: bool) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for view in await rooms.api.list_servers(asking.token, everybody):
        if view.server_group:
            found[view.server_group].append(view.id)
    return found


def _body(group: ServerGroup, members: list[str], version: Version) -> dict[str, Any]:
    body: dict[str, Any] = {"id": group.id, "name": group.name, "members": members}
    if version >= ONE_POLICY_SINCE:
        ruled = group.policy == "anti-affinity" and group.max_server_per_host != 1
        body |= {"policy": group.policy, "rules": {"max_server_per_host": group.max_server_per_host} if ruled else {}}
    else:
        body |= {"policies": [group.policy], "metadata": {}}
    if version >= (2, 13):
        body |= {"project_id": group.project_id, "user_id": group.user_id}
    return body

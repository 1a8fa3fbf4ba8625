"""Roles of users and groups: given, taken away, looked for and listed, in projects, domains and the system."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.identity.rows import TRUE, v3_url
from actors.api.rest.identity.views import listed, row_view
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, CallerFault, bad_request, not_found, value_of
from actors.identity.messages import Find, FindAssignments, Implication, RoleGrant
from actors.records import Role, RoleAssignment

router = APIRouter(prefix="/v3", tags=["role assignments"])

NEVER_BOTH = (
    ("user.id", "group.id"),
    ("scope.project.id", "scope.domain.id"),
    ("scope.project.id", "scope.system"),
    ("scope.domain.id", "scope.system"),
    ("effective", "group.id"),
)


class Held(msgspec.Struct, frozen=True):
    """Whose roles, and where: as a path says it."""

    actor: str  # users, groups
    actor_id: str
    scope: str  # projects, domains, system
    scope_id: str = ""
    inherited: bool = False  # by the projects below

    def grant(self, token: str, role: str) -> RoleGrant:
        return RoleGrant(
            token=token,
            role=role,
            user=self.actor_id if self.actor == "users" else "",
            group=self.actor_id if self.actor == "groups" else "",
            project=self.scope_id if self.scope == "projects" else "",
            domain=self.scope_id if self.scope == "domains" else "",
            system=self.scope == "system",
            inherited=self.inherited,
        )

    def covers(self, row: RoleAssignment) -> bool:
        if row.inherited != self.inherited:
            return False
        actor = row.user_id if self.actor == "users" else row.group_id
        scope = {"projects": row.project_id, "domains": row.domain_id, "system": ""}[self.scope]
        return actor == self.actor_id and scope == self.scope_id and row.system == (self.scope == "system")


def _routes(scope: str, actor: str, inherited: bool = False) -> None:
    where = "/system" if scope == "system" else f"/{scope}/{{scope_id}}"
    path, end = f"{where}/{actor}/{{actor_id}}/roles", ""
    if inherited:
        path, end = f"/OS-INHERIT{path}", "/inherited_to_projects"

    def held(request: Request) -> Held:
        path = request.path_params
        return Held(actor, path["actor_id"], scope, path.get("scope_id", ""), inherited)

    async def index(asking: Asking, rooms: Rooms, request: Request) -> Response:
        rows = await _assignments(FindAssignments(token=asking.token), rooms)
        await _check_there(held(request), asking, rooms)
        ids = {row.role_id for row in rows if held(request).covers(row)}
        shown = [row_view(role, v3_url(request)) for role in await _roles(asking, rooms) if role.id in ids]
        return Json(listed("roles", shown, str(request.url)))

    async def check(role_id: str, asking: Asking, rooms: Rooms, request: Request) -> Response:
        rows = await _assignments(FindAssignments(token=asking.token), rooms)
        if not any(held(request).covers(row) and row.role_id == role_id for row in rows):
            raise CallerError(not_found("role", f"Could not find role assignment with role: {role_id}."))
        return Response(status_code=204)

    async def give(role_id: str, asking: Asking, rooms: Rooms, request: Request) -> Response:
        [reply] = await rooms.identity.assign_roles([held(request).grant(asking.token, role_id)])
        value_of(reply)
        return Response(status_code=204)

    async def take(role_id: str, asking: Asking, rooms: Rooms, request: Request) -> Response:
        [fault] = await rooms.identity.unassign_roles([held(request).grant(asking.token, role_id)])
        value_of(fault)
        return Response(status_code=204)

    there = f"below {scope}" if inherited else f"in {scope}"
    router.add_api_route(f"{path}{end}", index, methods=["GET"], name=f"list roles of {actor} {there}")
    one = f"{path}/{{role_id}}{end}"
    router.add_api_route(one, check, methods=["HEAD", "GET"], status_code=204, name=f"check role of {actor} {there}")
    router.add_api_route(one, give, methods=["PUT"], status_code=204, name=f"give role to {actor} {there}")
    router.add_api_route(one, take, methods=["DELETE"], status_code=204, name=f"take role of {actor} {there}")


for _scope in ("projects", "domains", "system"):
    for _actor in ("users", "groups"):
        _routes(_scope, _actor)
        if _scope != "system":
            _routes(_scope, _actor, inherited=True)


async def _check_there(held: Held, asking: Caller, rooms: EdgeRooms) -> None:
    """Raises `CallerError` 404 where nobody is called so, or no such place."""
    for plural, row_id in ((held.actor, held.actor_id), (held.scope, held.scope_id)):
        if row_id:
            [reply] = await rooms.identity.find([Find(token=asking.token, kind=plural.removesuffix("s"), id=row_id)])
            if isinstance(reply, CallerFault) and reply.status == 404:
                raise CallerError(reply)


@router.get("/role_assignments")
async def list_role_assignments(asking: Asking, rooms: Rooms, request: Request) -> Response:
    query = request.query_params
    effective = "effective" in query and query["effective"].lower() in TRUE
    _check_filters(set(query) | ({"effective"} if effective else set()))
    wanted = FindAssignments(
        token=asking.token,
        effective=effective,
        user=query.get("user.id", ""),
        project=query.get("scope.project.id", ""),
    )
    rows = await _assignments(wanted, rooms)
    plain = await _assignments(FindAssignments(token=asking.token), rooms) if wanted.effective else rows
    kept = {row.id: row for row in plain}
    names = await _names(asking, rooms) if query.get("include_names", "0").lower() in TRUE else None
    v3 = v3_url(request)
    shown = [
        _assignment_view(row, names) | {"links": _links(row, kept.get(row.id, row), v3)}
        for row in rows
        if _wanted(row, request)
    ]
    return Json(listed("role_assignments", shown, str(request.url)))


@router.get("/roles/{prior}/implies")
async def list_implied(prior: str, asking: Asking, rooms: Rooms, request: Request) -> Response:
    roles = {role.id: role for role in await _roles(asking, rooms)}
    if prior not in roles:
        raise CallerError(not_found("role", f"Could not find role: {prior}."))
    return Json({"role_inference": await _inference(roles[prior], roles, asking, rooms, request)} | _self(request))


@router.get("/role_inferences")
async def list_role_inferences(asking: Asking, rooms: Rooms, request: Request) -> Response:
    roles = {role.id: role for role in await _roles(asking, rooms)}
    found = [await _inference(role, roles, asking, rooms, request) for role in roles.values()]
    return Json({"role_inferences": [one for one in found if one["implies"]]} | _self(request))


@router.api_route("/roles/{prior}/implies/{implied}", methods=["GET", "HEAD"])
async def check_implied(prior: str, implied: str, asking: Asking, rooms: Rooms, request: Request) -> Response:
    roles = {role.id: role for role in await _roles(asking, rooms)}
    [reply] = await rooms.identity.implications([Find(token=asking.token, kind="role")])
    if not any((row.prior_role_id, row.implied_role_id) == (prior, implied) for row in value_of(reply)):
        raise CallerError(not_found("role", f"Could not find role implication: {prior} implies {implied}."))
    if request.method == "HEAD":
        return Response(status_code=204)
    return Json(_pair(roles[prior], roles[implied], request))


@router.put("/roles/{prior}/implies/{implied}", status_code=201)
async def make_implied(prior: str, implied: str, asking: Asking, rooms: Rooms, request: Request) -> Response:
    [reply] = await rooms.identity.imply([Implication(token=asking.token, prior=prior, implied=implied)])
    value_of(reply)
    roles = {role.id: role for role in await _roles(asking, rooms)}
    return Json(_pair(roles[prior], roles[implied], request), status_code=201)


@router.delete("/roles/{prior}/implies/{implied}", status_code=204)
async def drop_implied(prior: str, implied: str, asking: Asking, rooms: Rooms) -> Response:
    [fault] = await rooms.identity.imply_no_more([Implication(token=asking.token, prior=prior, implied=implied)])
    value_of(fault)
    return Response(status_code=204)


async def _assignments(wanted: FindAssignments, rooms: EdgeRooms) -> list[RoleAssignment]:
    [reply] = await rooms.identity.assignments([wanted])
    return value_of(reply)


async def _roles(asking: Caller, rooms: EdgeRooms) -> list[Role]:
    [reply] = await rooms.identity.find([Find(token=asking.token, kind="role")])
    return [row for row in value_of(reply) if isinstance(row, Role)]


async def _names(asking: Caller, rooms: EdgeRooms) -> dict[str, dict[str, Any]]:
    """What is shown of each row beside its id, by id."""
    kinds = ("user", "group", "role", "project", "domain")
    requests = [Find(token=asking.token, kind=kind) for kind in kinds]
    replies = await asyncio.gather(rooms.identity.find(requests))
    rows: list[Any] = [row for reply in replies[0] for row in value_of(reply)]
    domains = {row.id: row.name for row in rows if not hasattr(row, "domain_id") and hasattr(row, "enabled")}
    return {row.id: _named(row, domains) for row in rows}


def _named(row: Any, domains: dict[str, str]) -> dict[str, Any]:
    domain_id = getattr(row, "domain_id", None)
    domain = {"domain": {"id": domain_id, "name": domains.get(domain_id, "")}} if domain_id else {}
    return {"id": row.id, "name": row.name, **domain}


def _assignment_view(row: RoleAssignment, names: dict[str, dict[str, Any]] | None) -> dict[str, Any]:
    def shown(row_id: str) -> dict[str, Any]:
        return (names or {}).get(row_id, {"id": row_id})

    actor, actor_id = ("user", row.user_id) if row.user_id else ("group", row.group_id)
    scope: dict[str, Any] = {"system": {"all": True}}
    if row.project_id:
        scope = {"project": shown(row.project_id)}
    elif row.domain_id:
        scope = {"domain": shown(row.domain_id)}
    if row.inherited:
        scope["OS-INHERIT:inherited_to"] = "projects"
    return {"role": shown(row.role_id), actor: shown(actor_id), "scope": scope}


def _links(row: RoleAssignment, kept: RoleAssignment, v3: str) -> dict[str, str]:
    """Of a role that somebody has: the assignment that is `kept`, and the group by which it is that user's."""
    actor = f"users/{kept.user_id}" if kept.user_id else f"groups/{kept.group_id}"
    where = "system"
    if kept.project_id or kept.domain_id:
        where = f"projects/{kept.project_id}" if kept.project_id else f"domains/{kept.domain_id}"
    link = f"{where}/{actor}/roles/{kept.role_id}"
    if kept.inherited:
        link = f"OS-INHERIT/{link}/inherited_to_projects"
    found = {"assignment": f"{v3}/{link}"}
    if row.user_id and kept.group_id:
        found["membership"] = f"{v3}/groups/{kept.group_id}/users/{row.user_id}"
    return found


def _check_filters(named: set[str]) -> None:
    """Raises `CallerError` 400 for two that no assignment has both of; effective ones are of users alone."""
    for one, other in NEVER_BOTH:
        if one in named and other in named:
            raise CallerError(bad_request("", f"Specify {one} or {other}, not both"))


def _wanted(row: RoleAssignment, request: Request) -> bool:
    """The filters of the list, as Keystone spells them."""
    has = {
        "user.id": row.user_id,
        "group.id": row.group_id,
        "role.id": row.role_id,
        "scope.project.id": row.project_id,
        "scope.domain.id": row.domain_id,
        "scope.system": "all" if row.system else "",
        "scope.OS-INHERIT:inherited_to": "projects" if row.inherited else "",
    }
    query = request.query_params
    for name, value in has.items():
        if name == "scope.system" and name in query and row.system:
            continue
        if name in query and query[name] != value:
            return False
    return True


async def _inference(
    prior: Role, roles: dict[str, Role], asking: Caller, rooms: EdgeRooms, request: Request
) -> dict[str, Any]:
    [reply] = await rooms.identity.implications([Find(token=asking.token, kind="role")])
    implied = [roles[row.implied_role_id] for row in value_of(reply) if row.prior_role_id == prior.id]
    return {"prior_role": _brief(prior, request), "implies": [_brief(role, request) for role in implied]}


def _pair(prior: Role, implied: Role, request: Request) -> dict[str, Any]:
    return {"role_inference": {"prior_role": _brief(prior, request), "implies": _brief(implied, request)}} | _self(
        request
    )


def _brief(role: Role, request: Request) -> dict[str, Any]:
    """A role without its options."""
    return {name: value for name, value in row_view(role, v3_url(request)).items() if name != "options"}


def _self(request: Request) -> dict[str, Any]:
    return {"links": {"self": str(request.url)}}

"""Assignments of roles: from what was asked by names to rows, and the list of who has what. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from actors.errors import CallerError, bad_request, not_found
from actors.identity.directory import DEFAULT_DOMAIN, Directory, target_of
from actors.identity.kinds import Row
from actors.identity.messages import Membership, RoleGrant
from actors.records import Group, RoleAssignment, User

Found = TypeVar("Found", bound=Row)


def assignment(directory: Directory, request: RoleGrant) -> RoleAssignment:
    """Raises `CallerError` 404 for who or what isn't there, 400 for a question with two answers."""
    if bool(request.user) == bool(request.group):
        raise CallerError(bad_request("user", "a role is either a user's or a group's"))
    if (bool(request.project) + bool(request.domain) + request.system) != 1:
        raise CallerError(bad_request("project", "a role is held in one project, in one domain or in the system"))
    role = _there(directory.role(request.role), "role", request.role)
    user = _there(directory.user(request.user), "user", request.user) if request.user else None
    group = (
        _there(directory.find(Group, request.group, DEFAULT_DOMAIN), "group", request.group) if request.group else None
    )
    project = _there(directory.project(request.project), "project", request.project) if request.project else None
    domain = _there(directory.domain(request.domain), "domain", request.domain) if request.domain else None
    actor = user.id if user else f"group={group.id}" if group else ""
    where = project.id if project else f"domain={domain.id}" if domain else "system"
    return RoleAssignment(
        id=f"{role.id}:{actor}:{where}",
        role_id=role.id,
        user_id=user.id if user else "",
        group_id=group.id if group else "",
        project_id=project.id if project else "",
        domain_id=domain.id if domain else "",
        system=request.system,
    )


def membership(directory: Directory, request: Membership) -> tuple[Group, User]:
    """By ids; raises `CallerError` 404."""
    group = _there(directory.get(Group, request.group), "group", request.group)
    return group, _there(directory.get(User, request.user), "user", request.user)


def effective(directory: Directory, held: Iterable[RoleAssignment]) -> list[RoleAssignment]:
    """Each user with each role that it really has: members for their groups, implied roles beside those that imply."""
    found: dict[str, RoleAssignment] = {}
    for one in held:
        for user_id in directory.users_of(one):
            for role_id in directory.with_implied([one.role_id]):
                where = f"{target_of(one)}"
                row = msgspec.structs.replace(
                    one, id=f"{role_id}:{user_id}:{where}", role_id=role_id, user_id=user_id, group_id=""
                )
                found.setdefault(row.id, row)
    return list(found.values())


def _there(row: Found | None, kind: str, name: str) -> Found:
    if row is None:
        raise CallerError(not_found(kind, f"Could not find {kind}: {name}."))
    return row

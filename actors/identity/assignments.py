"""Assignments of roles: from what was asked by names to rows, and the list of who has what. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from actors.errors import CallerError, bad_request, forbidden, not_found
from actors.identity.directory import DEFAULT_DOMAIN, Directory, Target, target_of
from actors.identity.kinds import Row
from actors.identity.messages import FindAssignments, Membership, RoleGrant
from actors.records import Group, Project, Role, RoleAssignment, User

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
    _require_of_this_domain(role, project, request)
    actor = user.id if user else f"group={group.id}" if group else ""
    where = project.id if project else f"domain={domain.id}" if domain else "system"
    return RoleAssignment(
        id=f"{role.id}:{actor}:{where}" + (":inherited" if request.inherited else ""),
        role_id=role.id,
        user_id=user.id if user else "",
        group_id=group.id if group else "",
        project_id=project.id if project else "",
        domain_id=domain.id if domain else "",
        system=request.system,
        inherited=request.inherited,
    )


def _require_of_this_domain(role: Role, project: Project | None, request: RoleGrant) -> None:
    if request.system and request.inherited:
        raise CallerError(bad_request("system", "from the system nothing is inherited"))
    if role.domain_id and request.system:
        raise CallerError(bad_request("role", f"{role.name!r} is a role of one domain: the system has none of it"))
    if role.domain_id and project and project.domain_id != role.domain_id:
        raise CallerError(forbidden(f"{role.name!r} is a role of another domain than the project"))


def membership(directory: Directory, request: Membership) -> tuple[Group, User]:
    """By ids; raises `CallerError` 404."""
    group = _there(directory.get(Group, request.group), "group", request.group)
    return group, _there(directory.get(User, request.user), "user", request.user)


def effective(
    directory: Directory, held: Iterable[RoleAssignment], of: FindAssignments | None = None
) -> list[RoleAssignment]:
    """Each user with each role that it really has: members for their groups, implied roles beside those that imply,
    each project for what it inherits from. `of` says whose, and in which project, if not all are wanted. The id of each
    is that of the assignment that it follows from."""
    found: dict[tuple[str, str, Target, bool], RoleAssignment] = {}
    for one in held:
        users = [user_id for user_id in directory.users_of(one) if not (of and of.user) or user_id == of.user]
        if not users:
            continue
        roles = sorted(directory.of_everywhere(directory.with_implied([one.role_id])))
        for place in _places(directory, one, of.project if of else ""):
            for user_id in users:
                for role_id in roles:
                    row = msgspec.structs.replace(
                        one,
                        role_id=role_id,
                        user_id=user_id,
                        group_id="",
                        project_id=place.project_id,
                        domain_id=place.domain_id,
                    )
                    found.setdefault((role_id, user_id, place, one.inherited), row)
    return list(found.values())


def _places(directory: Directory, held: RoleAssignment, project_id: str) -> list[Target]:
    """Where a role is had. `project_id` '' = everywhere."""
    where = target_of(held)
    if not held.inherited:
        return [where] if project_id in ("", held.project_id) else []
    if project_id:
        wanted = Target(project_id=project_id)
        return [wanted] if where in directory.above(wanted) else []
    return [Target(project_id=project.id) for project in directory.below(where)]


def _there(row: Found | None, kind: str, name: str) -> Found:
    if row is None:
        raise CallerError(not_found(kind, f"Could not find {kind}: {name}."))
    return row

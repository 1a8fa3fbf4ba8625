"""Who may see and change which row of identity. Pure.

An administrator of the cloud (by a token for a project or the system) may do everything, a reader of the system see
everything. An administrator of a domain has that domain's projects, users and groups, but gives nobody the role admin
and touches nobody who has it elsewhere, or it would become an administrator of the cloud. A manager of a domain has the
same, but gives and takes only the roles up to its own and touches no administrator.
"""

from __future__ import annotations

from actors.identity.directory import Directory, Target
from actors.identity.kinds import Row
from actors.messages import AuthContext
from actors.records import (
    ApplicationCredential,
    CatalogRegion,
    Credential,
    Domain,
    Group,
    Project,
    Role,
    RoleAssignment,
    Trust,
    User,
)

ADMIN = "admin"
MANAGER = "manager"
READER = "reader"
OF_THE_USER_ITSELF = ("application_credential", "credential")
MANAGED = frozenset({MANAGER, "member", READER})  # the roles that a manager gives


def may_handle(caller: AuthContext, kind: str) -> bool:
    """By a trust nobody reaches what would outlive it: credentials of any kind, be it those of an administrator."""
    return not (caller.trust_id and kind in OF_THE_USER_ITSELF)


def may_write(caller: AuthContext, directory: Directory, row: Row) -> bool:
    if isinstance(row, Trust) and row.trustor_user_id == caller.user_id:
        return not caller.restricted
    if isinstance(row, ApplicationCredential | Credential) and row.user_id == caller.user_id:
        return not caller.restricted
    if caller.is_admin:
        return True
    if not administers_domain(caller) or not isinstance(row, Project | User | Group):
        return False
    spared = caller.domain_id if ADMIN in caller.roles else None
    return row.domain_id == caller.domain_id and not _outranks(directory, row, spared)


def may_read(caller: AuthContext, directory: Directory, row: Row) -> bool:
    if sees_all(caller) or isinstance(row, Role | CatalogRegion) or may_write(caller, directory, row):
        return True
    of_domain = READER in caller.roles and caller.domain_id
    match row:
        case User():
            return row.id == caller.user_id or of_domain == row.domain_id
        case Group():
            return of_domain == row.domain_id or caller.user_id in row.user_ids
        case Project():
            here = Target(project_id=row.id)
            has_roles = bool(directory.role_ids(caller.user_id, here)) and directory.is_open(here)
            return of_domain == row.domain_id or has_roles
        case Domain():
            return row.id == (caller.project_domain_id if caller.project_id else caller.domain_id)
        case ApplicationCredential() | Credential():
            return row.user_id == caller.user_id
        case Trust():
            return caller.user_id in (row.trustor_user_id, row.trustee_user_id)
        case RoleAssignment():
            return bool(of_domain) and caller.domain_id in (row.domain_id, _domain_of(directory, row.project_id))
    return False


def may_grant(caller: AuthContext, directory: Directory, wanted: RoleAssignment) -> bool:
    """Give the role, or take it away."""
    if caller.is_admin:
        return True
    if not administers_domain(caller) or wanted.system:
        return False
    inside = wanted.domain_id or _domain_of(directory, wanted.project_id)
    names = _names(directory, wanted.role_id)
    return inside == caller.domain_id and ADMIN not in names and (ADMIN in caller.roles or names <= MANAGED)


def sees_all(caller: AuthContext) -> bool:
    return caller.is_admin or (caller.system and READER in caller.roles)


def administers_domain(caller: AuthContext) -> bool:
    """As its administrator or its manager."""
    return bool(caller.domain_id) and (ADMIN in caller.roles or MANAGER in caller.roles)


def _outranks(directory: Directory, row: Project | User | Group, domain_id: str | None) -> bool:
    """An administrator of anything but that domain (None = of anything), itself or by its groups."""
    actors = {row.id, *(group.id for group in directory.groups_of(row.id))}
    return any(
        (held.user_id or held.group_id) in actors
        and (held.domain_id != domain_id or held.inherited)  # with a token for a project it is the cloud's
        and ADMIN in _names(directory, held.role_id)
        for held in directory.all(RoleAssignment)
    )


def _names(directory: Directory, role_id: str) -> set[str]:
    return {role.name for role in directory.roles(directory.with_implied([role_id]))}


def _domain_of(directory: Directory, project_id: str) -> str:
    project = directory.get(Project, project_id)
    return project.domain_id if project else ""

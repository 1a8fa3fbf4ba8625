"""Who there is and what they may do: rows of every kind, by id and by name, and the roles that follow from them.

Pure: no I/O and no clock. Identity holds one `Directory`, and makes changes on a `Draft` (`draft.py`) that takes its
place when the ledger has written them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar, cast

import msgspec

from actors.identity.kinds import BY_RECORD, ROW_TYPES, Row
from actors.identity.messages import UserView
from actors.records import (
    ApplicationCredential,
    Domain,
    Group,
    ImpliedRole,
    Project,
    Role,
    RoleAssignment,
    User,
)

DEFAULT_DOMAIN = "default"

Kept = TypeVar("Kept", bound=Row)


class Target(msgspec.Struct, frozen=True):
    """What a role is held in: one project, one domain, or the system."""

    project_id: str = ""
    domain_id: str = ""
    system: bool = False


class Directory:
    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._rows: dict[type[Any], dict[str, Row]] = {kind: {} for kind in ROW_TYPES}
        self._ids: dict[tuple[type[Any], str, str], str] = {}  # by kind, where the name is unique, and name
        self._held: dict[str, dict[Target, set[str]]] = {}  # user or group id → where → role ids
        self._passed_on: dict[str, dict[Target, set[str]]] = {}  # the same, of roles that the projects below inherit
        self._below: dict[Target, set[str]] = {}  # project or domain → the ids of the projects right below it
        self._groups: dict[str, set[str]] = {}  # user id → group ids
        self._implied: dict[str, set[str]] = {}  # role id → the role ids it brings along
        for row in rows:
            self._insert(row)

    def rows(self) -> list[Row]:
        return [row for rows in self._rows.values() for row in rows.values()]

    def all(self, kind: type[Kept]) -> list[Kept]:
        return cast(list[Kept], list(self._rows[kind].values()))

    def get(self, kind: type[Kept], row_id: str) -> Kept | None:
        return cast("Kept | None", self._rows[kind].get(row_id))

    def find(self, kind: type[Kept], name_or_id: str, within: str = "") -> Kept | None:
        """By id or else by name; `within` is the domain (or user) whose names count, '' where names are the cloud's."""
        return self.get(kind, name_or_id) or self.get(
            kind, self._ids.get((kind, within, _folded(kind, name_or_id)), "")
        )

    def domain(self, name_or_id: str) -> Domain | None:
        return self.find(Domain, name_or_id)

    def project(self, name_or_id: str, domain_id: str = DEFAULT_DOMAIN) -> Project | None:
        return self.find(Project, name_or_id, domain_id)

    def user(self, name_or_id: str, domain_id: str = DEFAULT_DOMAIN) -> User | None:
        return self.find(User, name_or_id, domain_id)

    def role(self, name_or_id: str) -> Role | None:
        return self.find(Role, name_or_id)

    def credential(self, name_or_id: str, user_id: str) -> ApplicationCredential | None:
        return self.find(ApplicationCredential, name_or_id, user_id)

    # ------------------------------------------------------------ roles

    def groups_of(self, user_id: str) -> list[Group]:
        return [group for group_id in self._groups.get(user_id, ()) if (group := self.get(Group, group_id))]

    def users_of(self, held: RoleAssignment) -> tuple[str, ...]:
        """Who has that role: a user, or the members of a group."""
        group = self.get(Group, held.group_id)
        return group.user_ids if group else (held.user_id,) if held.user_id else ()

    def below(self, target: Target) -> list[Project]:
        """Every project below a project or a domain, each after the one that it is below."""
        found: list[Project] = []
        ahead = [target]
        for place in ahead:
            rows = [project for row_id in sorted(self._below.get(place, ())) if (project := self.get(Project, row_id))]
            found += rows
            ahead += [Target(project_id=project.id) for project in rows]
        return found

    def above(self, target: Target) -> list[Target]:
        """What a project inherits from: the projects above it, the nearest first, and its domain."""
        found: list[Target] = []
        project = self.get(Project, target.project_id)
        while project is not None:
            found.append(place_above(project))
            project = self.get(Project, project.parent_id)
        return found

    def role_ids(self, user_id: str, target: Target) -> set[str]:
        """All that a user has there: its own and its groups', inherited ones, and what they imply.

        A role of one domain is none of them: of it counts what it implies.
        """
        return self.of_everywhere(self.held_ids(user_id, target))

    def held_ids(self, user_id: str, target: Target) -> set[str]:
        """The same with the roles of one domain."""
        found: set[str] = set()
        above = self.above(target)
        for actor_id in (user_id, *self._groups.get(user_id, ())):
            found |= self._held.get(actor_id, {}).get(target, set())
            if (passed_on := self._passed_on.get(actor_id)) is not None:
                found.update(*(passed_on.get(place, ()) for place in above))
        return self.with_implied(found)

    def of_everywhere(self, role_ids: Iterable[str]) -> set[str]:
        """Those that are no one domain's own."""
        return {role_id for role_id in role_ids if (role := self.get(Role, role_id)) and not role.domain_id}

    def with_implied(self, role_ids: Iterable[str]) -> set[str]:
        found: set[str] = set()
        ahead = list(role_ids)
        while ahead:
            role_id = ahead.pop()
            if role_id not in found:
                found.add(role_id)
                ahead += self._implied.get(role_id, ())
        return found

    def roles(self, role_ids: Iterable[str]) -> tuple[Role, ...]:
        """The rows, in the order of their names."""
        found = [role for role_id in role_ids if (role := self.get(Role, role_id))]
        return tuple(sorted(found, key=lambda role: role.name))

    def targets_of(self, user_id: str) -> set[Target]:
        """Everything that the user has a role in and that is enabled."""
        actors = (user_id, *self._groups.get(user_id, ()))
        found = {target for actor_id in actors for target, roles in self._held.get(actor_id, {}).items() if roles}
        for actor_id in actors:
            for place, roles in self._passed_on.get(actor_id, {}).items():
                found.update(Target(project_id=project.id) for project in self.below(place) if roles)
        return {target for target in found if self.is_open(target) and self.role_ids(user_id, target)}

    def is_open(self, target: Target) -> bool:
        """A project that is disabled, or whose domain is, gives no token."""
        if target.system:
            return True
        domain_id = target.domain_id
        if target.project_id:
            project = self.get(Project, target.project_id)
            if project is None or not project.enabled:
                return False
            domain_id = project.domain_id
        domain = self.get(Domain, domain_id)
        return domain is not None and domain.enabled

    # ------------------------------------------------------------ keeping the indexes

    def _insert(self, row: Row) -> None:
        self._discard(row.id, type(row))
        self._rows[type(row)][row.id] = row
        if (key := name_key(row)) is not None:
            self._ids[key] = row.id
        match row:
            case RoleAssignment():
                held = self._passed_on if row.inherited else self._held
                held.setdefault(row.user_id or row.group_id, {}).setdefault(target_of(row), set()).add(row.role_id)
            case Project():
                self._below.setdefault(place_above(row), set()).add(row.id)
            case ImpliedRole():
                self._implied.setdefault(row.prior_role_id, set()).add(row.implied_role_id)
            case Group():
                for user_id in row.user_ids:
                    self._groups.setdefault(user_id, set()).add(row.id)

    def _discard(self, row_id: str, kind: type[Row]) -> Row | None:
        row = self._rows[kind].pop(row_id, None)
        if row is None:
            return None
        if (key := name_key(row)) is not None and self._ids.get(key) == row.id:
            del self._ids[key]
        match row:
            case RoleAssignment():
                held = self._passed_on if row.inherited else self._held
                held[row.user_id or row.group_id][target_of(row)].discard(row.role_id)
            case Project():
                self._below[place_above(row)].discard(row.id)
            case ImpliedRole():
                self._implied[row.prior_role_id].discard(row.implied_role_id)
            case Group():
                for user_id in row.user_ids:
                    self._groups[user_id].discard(row.id)
        return row


def target_of(row: RoleAssignment) -> Target:
    return Target(row.project_id, row.domain_id, row.system)


def place_above(project: Project) -> Target:
    return Target(project_id=project.parent_id) if project.parent_id else Target(domain_id=project.domain_id)


def name_key(row: Row) -> tuple[type[Row], str, str] | None:
    """What no two rows may have in common; None for kinds whose names repeat or that have none."""
    within = BY_RECORD[type(row)].names_in
    if within is None:
        return None
    return (type(row), getattr(row, within) if within else "", _folded(type(row), getattr(row, "name", "")))


def _folded(kind: type[Any], name: str) -> str:
    """Names of domains are looked for as they come: clients say `Default` and `default`."""
    return name.lower() if kind is Domain else name


def view(user: User) -> UserView:
    return UserView(
        id=user.id,
        name=user.name,
        domain_id=user.domain_id,
        default_project_id=user.default_project_id,
        enabled=user.enabled,
        description=user.description,
        email=user.email,
        options=user.options,
        extra=user.extra,
    )

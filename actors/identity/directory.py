"""Who there is and what they may do: projects, users, roles and assignments, with the rules of changing them.

Pure: no I/O and no clock. Identity holds one `Directory`, and makes changes on a `draft` that takes its place when
the ledger has written them. Invariants: a name is unique among its kind; an assignment's user, project and role
exist; a request that is refused has changed nothing, and one that is repeated changes nothing more.
"""

from __future__ import annotations

from collections.abc import Iterable

from actors.errors import CallerFault, bad_request, conflict, not_found
from actors.identity.messages import CreateProject, CreateUser, Delete, RoleGrant, UserView
from actors.identity.tokens import Revocations
from actors.records import Change, Drop, Project, RevokedToken, Role, RoleAssignment, User

DOMAIN = "default"
ROLES = ("admin", "member", "reader", "service")
IMPLIED = {"admin": "member", "member": "reader"}  # a role brings the next one along
PROJECTS = ("admin", "service")
NAME_LIMIT = 255  # characters
ID_LIMIT = 64  # characters

Row = Project | User | Role | RoleAssignment


class Directory:
    def __init__(self, rows: Iterable[Row]) -> None:
        self.projects: dict[str, Project] = {}
        self.users: dict[str, User] = {}
        self.roles: dict[str, Role] = {}
        self.assignments: dict[str, RoleAssignment] = {}
        self._ids: dict[tuple[type[Row], str], str] = {}  # of projects, users and roles by name
        self._held: dict[tuple[str, str], set[str]] = {}  # role ids by user and project
        for row in rows:
            self._insert(row)

    def rows(self) -> list[Row]:
        return [*self.projects.values(), *self.users.values(), *self.roles.values(), *self.assignments.values()]

    def draft(self, now: float, token_lifetime_s: float) -> Draft:
        return Draft(self.rows(), now, now + token_lifetime_s)

    def project(self, name_or_id: str) -> Project | None:
        return self.projects.get(name_or_id) or self.projects.get(self._ids.get((Project, name_or_id), ""))

    def user(self, name_or_id: str) -> User | None:
        return self.users.get(name_or_id) or self.users.get(self._ids.get((User, name_or_id), ""))

    def role(self, name_or_id: str) -> Role | None:
        return self.roles.get(name_or_id) or self.roles.get(self._ids.get((Role, name_or_id), ""))

    def roles_of(self, user_id: str, project_id: str) -> tuple[str, ...]:
        """The names of all roles that a user has in a project, implied ones included; none = no access."""
        names: set[str] = set()
        for role_id in self._held.get((user_id, project_id), ()):
            name = self.roles[role_id].name
            while name and name not in names:
                names.add(name)
                name = IMPLIED.get(name, "")
        return tuple(sorted(names))

    def _insert(self, row: Row) -> None:
        match row:
            case Project():
                self.projects[row.id] = row
            case User():
                self.users[row.id] = row
            case Role():
                self.roles[row.id] = row
            case RoleAssignment():
                self.assignments[row.id] = row
                self._held.setdefault((row.user_id, row.project_id), set()).add(row.role_id)
                return
        self._ids[type(row), row.name] = row.id


class Draft(Directory):
    """A copy to be changed. `changes` are for the ledger; `revoked` says which tokens are no longer good."""

    def __init__(self, rows: Iterable[Row], now: float, tokens_end_at: float) -> None:
        super().__init__(rows)
        self.changes: list[Change] = []
        self.revoked: list[RevokedToken] = []
        self._now = now
        self._tokens_end_at = tokens_end_at

    def put(self, row: Row) -> None:
        self._insert(row)
        self.changes.append(row)

    def create_project(self, request: CreateProject) -> Project | CallerFault:
        wanted = Project(id=request.id, name=request.name, description=request.description)
        known = self.project(request.name) or self.project(request.id)
        if known == wanted:
            return known
        if fault := _fault(request) or (known and conflict("name", f"project {request.name!r} exists")):
            return fault
        self.put(wanted)
        return wanted

    def create_user(self, request: CreateUser, password_hash: str) -> UserView | CallerFault:
        """The same request again (same id and name) leaves the first password."""
        known = self.user(request.name) or self.user(request.id)
        if known and (known.id, known.name) == (request.id, request.name):
            return view(known)
        if fault := _fault(request) or (known and conflict("name", f"user {request.name!r} exists")):
            return fault
        if request.default_project_id and request.default_project_id not in self.projects:
            return not_found("default_project_id", f"there is no project {request.default_project_id!r}")
        user = User(
            id=request.id,
            name=request.name,
            password_hash=password_hash,
            default_project_id=request.default_project_id,
        )
        self.put(user)
        return view(user)

    def delete_project(self, request: Delete) -> CallerFault | None:
        project = self.projects.pop(request.id, None)
        if project is None:
            return not_found("id", f"there is no project {request.id!r}")
        self._forget(project)
        self._revoke("project", project.id)
        return None

    def delete_user(self, request: Delete) -> CallerFault | None:
        user = self.users.pop(request.id, None)
        if user is None:
            return not_found("id", f"there is no user {request.id!r}")
        self._forget(user)
        self._revoke("user", user.id)
        return None

    def assign(self, request: RoleGrant) -> RoleAssignment | CallerFault:
        wanted = self._assignment(request)
        if isinstance(wanted, RoleAssignment) and wanted.id not in self.assignments:
            self.put(wanted)
        return wanted

    def unassign(self, request: RoleGrant) -> CallerFault | None:
        unwanted = self._assignment(request)
        if isinstance(unwanted, CallerFault):
            return unwanted
        if self.assignments.pop(unwanted.id, None):
            self._drop_assignment(unwanted)
            self._revoke("user", unwanted.user_id)  # tokens carry the roles of their day
        return None

    def _assignment(self, request: RoleGrant) -> RoleAssignment | CallerFault:
        role, user, project = self.role(request.role), self.user(request.user), self.project(request.project)
        if role is None:
            return not_found("role", f"there is no role {request.role!r}")
        if user is None:
            return not_found("user", f"there is no user {request.user!r}")
        if project is None:
            return not_found("project", f"there is no project {request.project!r}")
        return assignment(role, user, project)

    def _forget(self, row: Project | User) -> None:
        del self._ids[type(row), row.name]
        self.changes.append(Drop(type(row).__name__, row.id))
        for held in [one for one in self.assignments.values() if row.id in (one.user_id, one.project_id)]:
            del self.assignments[held.id]
            self._drop_assignment(held)

    def _drop_assignment(self, held: RoleAssignment) -> None:
        self._held[held.user_id, held.project_id].discard(held.role_id)
        self.changes.append(Drop(RoleAssignment.__name__, held.id))

    def _revoke(self, scope: str, scope_id: str) -> None:
        revocation = Revocations.all_of(scope, scope_id, self._now)
        self.revoked.append(RevokedToken(id=revocation, expires_at=self._tokens_end_at))


def assignment(role: Role, user: User, project: Project) -> RoleAssignment:
    return RoleAssignment(
        id=f"{role.id}:{user.id}:{project.id}", role_id=role.id, user_id=user.id, project_id=project.id
    )


def view(user: User) -> UserView:
    return UserView(
        id=user.id,
        name=user.name,
        domain_id=user.domain_id,
        default_project_id=user.default_project_id,
        enabled=user.enabled,
    )


def _fault(request: CreateProject | CreateUser) -> CallerFault | None:
    """Ids stand between colons and slashes elsewhere; names are shown to people."""
    if not 0 < len(request.id) <= ID_LIMIT or not request.id.replace("-", "").isalnum() or not request.id.isascii():
        return bad_request("id", f"an id has 1 to {ID_LIMIT} letters, digits and dashes")
    name = request.name
    if not name.strip() or len(name) > NAME_LIMIT or not name.isprintable():
        return bad_request("name", f"a name has 1 to {NAME_LIMIT} printable characters")
    return None

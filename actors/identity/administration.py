"""Identity's rows as administrators, domain administrators and users change and list them.

Each method takes a list and answers a list. Who may do what is in `may.py`, the rules of a change in `draft.py`.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from actors.errors import CallerError, CallerFault, bad_request, conflict, forbidden, not_found
from actors.identity.assignments import assignment, effective, membership
from actors.identity.changing import Changing
from actors.identity.directory import Target, view
from actors.identity.draft import Draft, made
from actors.identity.kinds import KINDS, NOUNS, Row
from actors.identity.may import administers_domain, may_grant, may_handle, may_read, may_write, sees_all
from actors.identity.messages import (
    Access,
    Create,
    CredentialView,
    Find,
    FindAssignments,
    Implication,
    Membership,
    Remove,
    Retag,
    RoleGrant,
    Shown,
    Update,
)
from actors.identity.passwords import PASSWORD_LIMIT
from actors.identity.trusts import asked_for, is_alive
from actors.messages import AuthContext
from actors.records import (
    ApplicationCredential,
    CatalogRegion,
    Credential,
    Domain,
    ImpliedRole,
    Project,
    Role,
    RoleAssignment,
    Trust,
    User,
)


class Administration(Changing):
    # ------------------------------------------------------------ rows of any kind

    async def create(self, requests: list[Create]) -> list[Shown | CallerFault]:
        """A repeated request (same id, same fields) finds what the first one made."""
        hashes = await self._hashes(requests)

        def decide(draft: Draft, request: Create, caller: AuthContext) -> Shown | CallerFault:
            _require(may_handle(caller, request.kind))
            kind, hashed = KINDS[request.kind], hashes.get(request.id, {})
            if isinstance(hashed, CallerFault):
                return hashed
            fields = request.fields | hashed
            if request.kind == "application_credential":
                fields |= _of_caller(draft, caller, fields)
            elif request.kind == "credential":
                self._require_its_own(draft, request, caller)
            elif request.kind == "trust":
                fields = asked_for(draft, caller, fields)
            wanted = made(kind, {**fields, "id": request.id})
            _require(not isinstance(wanted, CallerFault) or caller.is_admin)
            if isinstance(wanted, CallerFault):
                return wanted
            _require(may_write(caller, draft, wanted))
            return self._seen(draft.create(kind, request.id, fields, _regions(request)))

        replies: list[Shown | CallerFault] = await self._change(requests, decide)
        return replies

    async def update(self, requests: list[Update]) -> list[Shown | CallerFault]:
        """Changes the fields that are given."""
        hashes = await self._hashes(requests)

        def decide(draft: Draft, request: Update, caller: AuthContext) -> Shown | CallerFault:
            _require(may_handle(caller, request.kind))
            known = draft.get(KINDS[request.kind].record, request.id)
            hashed = hashes.get(request.id, {})
            _require(may_write(caller, draft, known) if known else _may_learn(caller, request.kind))
            if isinstance(hashed, CallerFault):
                return hashed
            fields = request.fields | hashed
            return self._seen(draft.update(KINDS[request.kind], request.id, fields, _regions(request)))

        replies: list[Shown | CallerFault] = await self._change(requests, decide)
        return replies

    async def retag(self, requests: list[Retag]) -> list[Shown | CallerFault]:
        """404 for a tag to drop that isn't there."""

        def decide(draft: Draft, request: Retag, caller: AuthContext) -> Shown | CallerFault:
            known = draft.get(Project, request.project)
            _require(may_write(caller, draft, known) if known else _may_learn(caller, "project"))
            has = known.tags if known else ()
            if known and (missing := [tag for tag in request.drop if tag not in has]):
                return not_found("tag", f"Could not find project tag: {missing[0]}.")
            tags = tuple(tag for tag in dict.fromkeys((*has, *request.add)) if tag not in request.drop)
            return self._seen(draft.update(KINDS["project"], request.project, {"tags": tags}))

        replies: list[Shown | CallerFault] = await self._change(requests, decide)
        return replies

    async def remove(self, requests: list[Remove]) -> list[CallerFault | None]:
        """What belongs to it goes too, and the tokens that it gave rights to are no longer good."""

        def decide(draft: Draft, request: Remove, caller: AuthContext) -> CallerFault | None:
            _require(may_handle(caller, request.kind))
            kind = KINDS[request.kind].record
            known = draft.get(kind, request.id)
            _require(may_write(caller, draft, known) if known else _may_learn(caller, request.kind))
            return draft.remove(kind, request.id)

        return await self._change(requests, decide)

    async def find(self, requests: list[Find]) -> list[list[Shown] | CallerFault]:
        """What the caller may see. One row that it may not is refused whether or not it is there."""

        def see(request: Find, caller: AuthContext) -> list[Shown] | CallerFault:
            _require(may_handle(caller, request.kind))
            kind = KINDS[request.kind].record
            if not request.id:
                rows: list[Row] = list(self._directory.all(kind))
                seen = [row for row in rows if may_read(caller, self._directory, row)]
                _require(request.kind == "credential" or _may_learn(caller, request.kind))  # of those each its own
                return [self._as_seen(row) for row in seen]
            row = self._living(self._directory.get(kind, request.id))
            if row is not None and may_read(caller, self._directory, row):
                return [self._as_seen(row)]
            _require(_may_learn(caller, request.kind) and not isinstance(row, Trust))  # of trusts that are there: 403
            noun = NOUNS[kind]
            return not_found(noun, f"Could not find {noun.replace('_', ' ')}: {request.id}.")

        return self._look(requests, see)

    # ------------------------------------------------------------ roles

    async def assign_roles(self, requests: list[RoleGrant]) -> list[RoleAssignment | CallerFault]:
        def decide(draft: Draft, request: RoleGrant, caller: AuthContext) -> RoleAssignment:
            wanted = _granted(draft, request, caller)
            draft.assign(wanted)
            return wanted

        return await self._change(requests, decide)

    async def unassign_roles(self, requests: list[RoleGrant]) -> list[CallerFault | None]:
        """The user's tokens for that place are no longer good, since they carry the roles of their day."""

        def decide(draft: Draft, request: RoleGrant, caller: AuthContext) -> CallerFault | None:
            return draft.unassign(_granted(draft, request, caller))

        return await self._change(requests, decide)

    async def assignments(self, requests: list[FindAssignments]) -> list[list[RoleAssignment] | CallerFault]:
        def see(request: FindAssignments, caller: AuthContext) -> list[RoleAssignment]:
            held = self._directory.all(RoleAssignment)
            seen = [row for row in held if may_read(caller, self._directory, row)]
            _require(bool(seen))
            return effective(self._directory, seen, request) if request.effective else seen

        return self._look(requests, see)

    async def imply(self, requests: list[Implication]) -> list[ImpliedRole | CallerFault]:
        def decide(draft: Draft, request: Implication, caller: AuthContext) -> ImpliedRole | CallerFault:
            return draft.imply(*_implication(draft, request, caller))

        return await self._change(requests, decide)

    async def imply_no_more(self, requests: list[Implication]) -> list[CallerFault | None]:
        def decide(draft: Draft, request: Implication, caller: AuthContext) -> CallerFault | None:
            return draft.imply_no_more(*_implication(draft, request, caller))

        return await self._change(requests, decide)

    async def implications(self, requests: list[Find]) -> list[list[ImpliedRole] | CallerFault]:
        return self._look(requests, lambda *_: self._directory.all(ImpliedRole))

    # ------------------------------------------------------------ groups and access

    async def add_members(self, requests: list[Membership]) -> list[CallerFault | None]:
        def decide(draft: Draft, request: Membership, caller: AuthContext) -> None:
            group, user = membership(draft, request)
            _require(may_write(caller, draft, group) and may_write(caller, draft, user))
            draft.add_member(group, user)

        return await self._change(requests, decide)

    async def remove_members(self, requests: list[Membership]) -> list[CallerFault | None]:
        def decide(draft: Draft, request: Membership, caller: AuthContext) -> CallerFault | None:
            group, user = membership(draft, request)
            _require(may_write(caller, draft, group))
            return draft.remove_member(group, user)

        return await self._change(requests, decide)

    async def projects_of(self, requests: list[Access]) -> list[list[Project] | CallerFault]:
        """Those in which a user has a role, and which are enabled."""

        def see(request: Access, caller: AuthContext) -> list[Project]:
            targets = self._targets(request, caller)
            rows = (self._directory.get(Project, target.project_id) for target in targets)
            return [row for row in rows if row is not None]

        return self._look(requests, see)

    async def domains_of(self, requests: list[Access]) -> list[list[Domain] | CallerFault]:
        def see(request: Access, caller: AuthContext) -> list[Domain]:
            targets = self._targets(request, caller)
            rows = (self._directory.get(Domain, target.domain_id) for target in targets)
            return [row for row in rows if row is not None]

        return self._look(requests, see)

    async def system_of(self, requests: list[Access]) -> list[bool | CallerFault]:
        """Has the user a role in the system?"""
        return self._look(requests, lambda request, caller: Target(system=True) in self._targets(request, caller))

    def _targets(self, request: Access, caller: AuthContext) -> list[Target]:
        user = self._directory.get(User, request.user or caller.user_id)
        _require(user is not None and may_read(caller, self._directory, user))
        found = self._directory.targets_of(user.id) if user else set()
        return sorted(found, key=lambda target: (target.project_id, target.domain_id))

    # ------------------------------------------------------------ secrets

    async def _hashes(self, requests: list[Create] | list[Update]) -> dict[str, dict[str, str] | CallerFault]:
        """By the request's id; only for those who will be allowed: hashing costs much more than refusing."""
        found: dict[str, dict[str, str] | CallerFault] = {}
        for request in requests:
            secret = getattr(request, "secret", "")
            try:
                caller = self._bearer(request.token)
            except CallerError:
                continue
            if request.kind == "user" and request.password is not None and _may_learn(caller, "user"):
                found[request.id] = await self._hashed("password_hash", request.password)
            elif request.kind == "user" and isinstance(request, Create):
                found[request.id] = {"password_hash": ""}  # who has no password can't log in by one
            elif request.kind == "application_credential" and secret:
                found[request.id] = await self._hashed("secret_hash", secret)
            elif request.kind == "credential" and secret:
                found[request.id] = self._sealed(secret)
        return found

    def _sealed(self, blob: str) -> dict[str, str] | CallerFault:
        try:
            return {"sealed": self._seal.closed(blob, is_first=not self._directory.all(Credential))}
        except CallerError as lost:
            return lost.fault

    def _require_its_own(self, draft: Draft, request: Create, caller: AuthContext) -> None:
        """Nobody has a credential for a project without a role there, and none takes another's place."""
        project_id, user_id = request.fields.get("project_id", ""), request.fields.get("user_id", "")
        if project_id and not caller.is_admin:
            _require(user_id == caller.user_id and bool(draft.role_ids(user_id, Target(project_id=project_id))))
        known = draft.get(Credential, request.id)
        if known is not None and self._seal.opened(known.sealed) != request.secret:
            raise CallerError(conflict("id", "there is a credential with this access key already"))

    def _living(self, row: Row | None) -> Row | None:
        """A trust that gives no tokens any more is not there."""
        return None if isinstance(row, Trust) and not is_alive(row, self._clock.now()) else row

    def _seen(self, row: Row | CallerFault) -> Shown | CallerFault:
        return row if isinstance(row, CallerFault) else self._as_seen(row)

    def _as_seen(self, row: Row) -> Shown:
        """No hash of a password or a secret leaves the room."""
        match row:
            case User():
                return view(row)
            case ApplicationCredential():
                return msgspec.structs.replace(row, secret_hash="")
            case Credential(id=row_id, user_id=user_id, type=kind, project_id=project_id):
                blob = self._seal.opened(row.sealed)
                return CredentialView(id=row_id, user_id=user_id, type=kind, blob=blob, project_id=project_id)
        return cast(Shown, row)

    async def _hashed(self, field: str, secret: str) -> dict[str, str] | CallerFault:
        if not 0 < len(secret) <= PASSWORD_LIMIT:
            return bad_request(field.partition("_")[0], f"a password has 1 to {PASSWORD_LIMIT} characters")
        return {field: await self._passwords.hash(secret)}


def _regions(request: Create | Update) -> tuple[Row, ...]:
    return (CatalogRegion(id=request.region),) if request.region else ()


def _require(allowed: bool) -> None:
    if not allowed:
        raise CallerError(forbidden("You are not authorized to perform the requested action."))


def _may_learn(caller: AuthContext, kind: str) -> bool:
    """Whether such a row is there at all. To others one that isn't there looks like one that isn't theirs."""
    if kind in ("role", "region", "application_credential", "trust"):
        return True
    return sees_all(caller) or bool(caller.domain_id and caller.roles)


def _granted(draft: Draft, request: RoleGrant, caller: AuthContext) -> RoleAssignment:
    _require(caller.is_admin or administers_domain(caller))
    wanted = assignment(draft, request)
    _require(may_grant(caller, draft, wanted))
    return wanted


def _implication(draft: Draft, request: Implication, caller: AuthContext) -> tuple[Role, Role]:
    _require(caller.is_admin)
    prior, implied = draft.get(Role, request.prior), draft.get(Role, request.implied)
    if prior is None or implied is None:
        raise CallerError(not_found("role", f"Could not find role: {request.implied if prior else request.prior}."))
    return prior, implied


def _of_caller(draft: Draft, caller: AuthContext, fields: dict[str, Any]) -> dict[str, Any]:
    """An application credential is the caller's own, for its project, with no role that the caller hasn't."""
    _require(bool(caller.project_id) and not caller.restricted)
    held = draft.role_ids(caller.user_id, Target(project_id=caller.project_id))
    wanted = fields.get("role_ids") or sorted(role.id for name in caller.roles if (role := draft.role(name)))
    for role_id in wanted:
        if role_id not in held:
            raise CallerError(bad_request("roles", f"the user has no role {role_id!r} in this project"))
    return {"user_id": caller.user_id, "project_id": caller.project_id, "role_ids": tuple(wanted)}

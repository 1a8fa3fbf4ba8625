"""Changes of the directory, with their rules: made on a copy, which takes the directory's place when they are durable.

Pure. Invariants: a request that is refused has changed nothing, and one that is repeated changes nothing more; what a
row refers to exists; whoever loses a right loses the tokens that carry it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from actors.errors import CallerFault, bad_request, conflict, forbidden, not_found
from actors.identity.directory import DEFAULT_DOMAIN, Directory, name_key, target_of
from actors.identity.extras import extra_fault
from actors.identity.kinds import BY_RECORD, NOUNS, ROW_TYPES, Kind, Row
from actors.identity.options import immutable_fault, merged, options_fault
from actors.identity.tokens import Revocations, held_below, held_in
from actors.identity.trusts import of_parties, of_roles
from actors.records import (
    ApplicationCredential,
    CatalogEndpoint,
    CatalogRegion,
    Change,
    Domain,
    Drop,
    Group,
    ImpliedRole,
    Project,
    RevokedToken,
    Role,
    RoleAssignment,
    Trust,
    User,
)

NAME_LIMIT = 255  # characters
SHORT_NAME_LIMIT = 64  # of a domain or a project, as Keystone has it
TAGS_LIMIT = 80  # of one project
TEXT_LIMIT = 65_535  # characters of a description or URL
PLACES_LIMIT = 16  # where one change takes roles of a user; beyond it all of the user's tokens go
_URL = re.compile(r"[a-zA-Z0-9+.-]+:.")  # as Keystone has it: what follows may hold $(project_id)s
_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
INTERFACES = ("public", "internal", "admin")


class Draft(Directory):
    """`changes` are for the ledger; `revoked` says which tokens are no longer good."""

    def __init__(self, rows: Iterable[Row], now: float, tokens_end_at: float) -> None:
        super().__init__(rows)
        self.changes: list[Change] = []
        self.revoked: list[RevokedToken] = []
        self._revoked_ids: set[str] = set()
        self._lost: dict[str, set[str]] = {}  # user id → where it loses roles
        self._now = now
        self._tokens_end_at = tokens_end_at

    def put(self, row: Row) -> None:
        self._insert(row)
        self.changes.append(row)

    def _put_with(self, row: Row, also: tuple[Row, ...]) -> None:
        for one in also:
            if self.get(type(one), one.id) is None:
                self.put(one)
        self.put(row)

    def create(self, kind: Kind, row_id: str, fields: dict[str, Any], also: tuple[Row, ...] = ()) -> Row | CallerFault:
        """`also` are rows that it may refer to: they are made with it where they are missing."""
        row = made(kind, {**fields, **_merged(None, fields), "id": row_id})
        if isinstance(row, CallerFault):
            return row
        known = self.get(kind.record, row.id)
        if known is not None:
            return known if _alike(known, row) else conflict("id", f"{_noun(row)} {row.id!r} exists already")
        if fault := self._fault(row, kind, also):
            return fault
        self._put_with(row, also)
        return row

    def update(self, kind: Kind, row_id: str, fields: dict[str, Any], also: tuple[Row, ...] = ()) -> Row | CallerFault:
        known = self.get(kind.record, row_id)
        if known is None:
            return _missing(kind.record, row_id)
        if isinstance(known, Project) and "parent_id" in fields:
            if fields["parent_id"] not in (known.parent_id, known.parent_id or known.domain_id):  # as it is shown
                return forbidden("Update of `parent_id` is not allowed.")
            fields = fields | {"parent_id": known.parent_id}
        for name in kind.fixed:
            if name in fields and fields[name] != getattr(known, name) and name != "password_hash":
                return bad_request(name, f"the {name} of a {_noun(known)} can't be changed")
        if fault := immutable_fault(known, fields):
            return fault
        row = made(kind, {**_fields(known), **fields, **_merged(known, fields), "id": row_id})
        if isinstance(row, CallerFault):
            return row
        if row == known:
            return known
        if fault := self._fault(row, kind, also):
            return fault
        self._put_with(row, also)
        self._revoke_changed(known, row)
        return row

    def remove(self, kind: type[Row], row_id: str) -> CallerFault | None:
        """With all that it owns; what must be kept refuses it."""
        row = self.get(kind, row_id)
        if row is None:
            return _missing(kind, row_id)
        if isinstance(row, Domain) and (row.enabled or row.id == DEFAULT_DOMAIN):
            return forbidden("a domain must be disabled before it is deleted, and the default domain stays")
        doomed = self._with_owned(row)
        for one in doomed:
            if fault := immutable_fault(one):
                return fault
            for kept in self._referring(one, "kept"):
                if kept not in doomed:
                    return conflict(NOUNS[kind], f"{_noun(kept)} {kept.id} still needs it")
        for one in reversed(doomed):
            self._drop(one)
        return None

    # ------------------------------------------------------------ roles and groups

    def assign(self, wanted: RoleAssignment) -> None:
        if self.get(RoleAssignment, wanted.id) is None:
            self.put(wanted)

    def unassign(self, unwanted: RoleAssignment) -> CallerFault | None:
        if self.get(RoleAssignment, unwanted.id) is None:
            return not_found("role", "there is no such assignment of a role")
        self._drop(unwanted)
        return None

    def imply(self, prior: Role, implied: Role) -> ImpliedRole | CallerFault:
        wanted = ImpliedRole(id=f"{prior.id}:{implied.id}", prior_role_id=prior.id, implied_role_id=implied.id)
        if self.get(ImpliedRole, wanted.id) is not None:
            return wanted
        if implied.domain_id and not prior.domain_id:
            return forbidden(f"{implied.name!r} is a role of one domain: only such roles imply it")
        if prior.id in self.with_implied([implied.id]):
            return conflict("implies", "a role can't imply itself, nor one that implies it")
        self.put(wanted)
        return wanted

    def imply_no_more(self, prior: Role, implied: Role) -> CallerFault | None:
        known = self.get(ImpliedRole, f"{prior.id}:{implied.id}")
        if known is None:
            return not_found("implies", f"role {prior.name!r} doesn't imply {implied.name!r}")
        self._drop(known)
        return None

    def add_member(self, group: Group, user: User) -> None:
        if user.id not in group.user_ids:
            self.put(msgspec.structs.replace(group, user_ids=(*group.user_ids, user.id)))

    def remove_member(self, group: Group, user: User) -> CallerFault | None:
        if user.id not in group.user_ids:
            return not_found("user", f"user {user.id!r} is not in group {group.id!r}")
        self.put(msgspec.structs.replace(group, user_ids=tuple(one for one in group.user_ids if one != user.id)))
        for held in self.all(RoleAssignment):
            if held.group_id == group.id:
                self._revoke_held(user.id, held)
        return None

    def revoke(self, scope: str, scope_id: str) -> None:
        """All tokens that were issued until now of what `Revocations.all_of` has a scope for."""
        row = RevokedToken(id=Revocations.all_of(scope, scope_id, self._now), expires_at=self._tokens_end_at)
        if row.id not in self._revoked_ids:
            self._revoked_ids.add(row.id)
            self.revoked.append(row)
            for trust in of_parties(self, scope, scope_id):
                self.revoke("trust", trust.id)

    # ------------------------------------------------------------ what follows from a change

    def _revoke_changed(self, before: Row, after: Row) -> None:
        if isinstance(before, User) and isinstance(after, User):
            if before.password_hash != after.password_hash or not after.enabled:
                self.revoke("user", after.id)
        elif isinstance(after, Project | Domain) and not after.enabled:
            self.revoke(NOUNS[type(after)], after.id)

    def _drop(self, row: Row) -> None:
        if self._discard(row.id, type(row)) is None:
            return
        self.changes.append(Drop(type(row).__name__, row.id))
        match row:
            case User() | Project() | Domain():
                self.revoke(NOUNS[type(row)], row.id)
            case ApplicationCredential():
                self.revoke("credential", row.id)
            case Trust():
                self.revoke("trust", row.id)
            case RoleAssignment():  # those of a group go before it, so that its members are still known
                for user_id in self.users_of(row):
                    self._revoke_held(user_id, row)
            case ImpliedRole():
                for held in self.all(RoleAssignment):
                    if row.prior_role_id in self.with_implied([held.role_id]):
                        for user_id in self.users_of(held):
                            self._revoke_held(user_id, held)
        if isinstance(row, User):
            for group in self.all(Group):
                if row.id in group.user_ids:
                    self.put(msgspec.structs.replace(group, user_ids=tuple(i for i in group.user_ids if i != row.id)))

    def _revoke_held(self, user_id: str, held: RoleAssignment) -> None:
        """The tokens that carry the user's roles there, and no others: one without a scope carries none. Those that
        others have got by the user's trusts carry them, too."""
        if not held.inherited:
            lost = [held_in(user_id, held.project_id, held.domain_id, held.system)]
        elif held.domain_id:
            lost = [held_below(user_id, held.domain_id)]
        else:
            lost = [held_in(user_id, project.id, "", False) for project in self.below(target_of(held))]
        for trust in of_roles(self, user_id, lost):
            self.revoke("trust", trust.id)
        places = self._lost.setdefault(user_id, set())
        places.update(lost)
        if len(places) > PLACES_LIMIT:
            self.revoke("user", user_id)
            return
        for place in lost:
            self.revoke("held", place)

    def _with_owned(self, row: Row) -> list[Row]:
        found: list[Row] = [row]
        for one in found:
            found += [owned for owned in self._referring(one, "owned") if owned not in found]
        return found

    def _referring(self, row: Row, bond: str) -> list[Row]:
        return [
            one
            for kind in ROW_TYPES
            for field, (referred, how) in BY_RECORD[kind].refers.items()
            if referred is type(row) and how == bond
            for one in self.all(kind)
            if getattr(one, field) == row.id
        ]

    # ------------------------------------------------------------ what a row must be

    def _fault(self, row: Row, kind: Kind, also: tuple[Row, ...]) -> CallerFault | None:
        return (
            next((fault for one in also if (fault := _row_fault(one))), None)
            or _row_fault(row)
            or options_fault(row)
            or extra_fault(getattr(row, "extra", {}))
            or self._name_fault(row)
            or self._reference_fault(row, kind, also)
        )

    def _name_fault(self, row: Row) -> CallerFault | None:
        """Nor may a name be another's id: who asks for one would get the other."""
        key = name_key(row)
        if key is None:
            return None
        twin = self.get(type(row), self._ids.get(key, "")) or self.get(type(row), key[2])
        alias = self._ids.get((key[0], key[1], row.id), row.id)
        if (twin is not None and twin.id != row.id) or alias != row.id:
            return conflict("name", f"{_noun(row)} {key[2]!r} exists already")
        return None

    def _reference_fault(self, row: Row, kind: Kind, also: tuple[Row, ...]) -> CallerFault | None:
        fresh = {(type(one), one.id) for one in also}
        for field, (referred, _) in kind.refers.items():
            value = getattr(row, field)
            if (field in kind.open and not value) or (referred, value) in fresh:
                continue
            if self.get(referred, value) is None:
                if kind.record is CatalogEndpoint:  # of these Keystone says that the body is wrong
                    return bad_request(field, f"There is no {NOUNS[referred]} {value}.")
                return not_found(NOUNS[referred], f"Could not find {NOUNS[referred]}: {value}.")
        return self._circle_fault(row) if isinstance(row, CatalogRegion) else None

    def _circle_fault(self, region: CatalogRegion) -> CallerFault | None:
        """Regions that were each other's parents could never be deleted."""
        above: CatalogRegion | None = region
        while above is not None and above.parent_region_id:
            if above.parent_region_id == region.id:
                text = (
                    f"The specified parent region {region.parent_region_id} would create a circular region hierarchy."
                )
                return bad_request("parent_region_id", text)
            above = self.get(CatalogRegion, above.parent_region_id)
        return None


def made(kind: Kind, fields: dict[str, Any]) -> Row | CallerFault:
    """The row, or what is wrong with the types or names of its fields."""
    unknown = set(fields) - set(kind.record.__struct_fields__)
    if unknown:
        return bad_request(min(unknown), f"a {NOUNS[kind.record]} has no such field")
    try:
        row: Row = msgspec.convert(fields, kind.record)
    except msgspec.ValidationError as error:
        return bad_request("", str(error))
    return row


def _row_fault(row: Row) -> CallerFault | None:
    """Ids stand between colons and slashes elsewhere; names are shown to people."""
    if not isinstance(row, ImpliedRole | RoleAssignment) and _ID.fullmatch(row.id) is None:
        return bad_request("id", "an id has 1 to 64 letters, digits, dots, dashes and underlines")
    for name in row.__struct_fields__:
        value = getattr(row, name)
        if name == "name" and not isinstance(row, ImpliedRole) and (fault := _bad_name(row, value)):
            return fault
        if name == "url" and _URL.match(value) is None:
            return bad_request("url", f"{value[:64]!r} is no URL")
        if isinstance(value, str) and (len(value) > TEXT_LIMIT or "\x00" in value or not _is_text(value)):
            return bad_request(name, f"a text has at most {TEXT_LIMIT} characters")
    tags = getattr(row, "tags", ())
    if len(tags) > TAGS_LIMIT or any("\x00" in tag or not _is_text(tag) for tag in tags):
        return bad_request("tags", f"a project has at most {TAGS_LIMIT} tags, which are texts")
    if getattr(row, "interface", "public") not in INTERFACES:
        return bad_request("interface", f"an interface is one of {', '.join(INTERFACES)}")
    return None


def _bad_name(row: Row, name: str) -> CallerFault | None:
    if name_key(row) is None and not name:
        return None
    limit = SHORT_NAME_LIMIT if isinstance(row, Domain | Project) else NAME_LIMIT
    if not name.strip() or len(name) > limit or not name.isprintable():
        return bad_request("name", f"a name has 1 to {limit} printable characters")
    return None


def _is_text(value: str) -> bool:
    """No half of a surrogate pair: neither the ledger nor an answer can hold one."""
    return value.isascii() or value.encode("utf-8", "replace").decode() == value


def _merged(known: Row | None, fields: dict[str, Any]) -> dict[str, Any]:
    """The options, and the fields of its owner's own, that a row shall have, if the request says anything of them."""
    given = {name: fields[name] for name in ("options", "extra") if isinstance(fields.get(name), dict)}
    return {name: merged(getattr(known, name, {}), value) for name, value in given.items()}


def _alike(known: Row, row: Row) -> bool:
    """The same request again; passwords and secrets are hashed or sealed anew each time."""
    secret = {"password_hash": "", "secret_hash": "", "sealed": ""}
    return {**_fields(known), **secret} == {**_fields(row), **secret}


def _fields(row: Row) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__struct_fields__}


def _noun(row: Row) -> str:
    return NOUNS.get(type(row), type(row).__name__)


def _missing(kind: type[Row], row_id: str) -> CallerFault:
    return not_found(NOUNS[kind], f"Could not find {NOUNS[kind].replace('_', ' ')}: {row_id}.")

"""What is asked of identity. Requests carry the caller's token, except the login that gets one.

Ids of new rows are chosen by whoever makes the request, once, so that a request that is sent again is known again.
Passwords, secrets and tokens appear in no `repr`, so in no log and no traceback.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import msgspec

from actors.messages import AuthContext
from actors.records import (
    ApplicationCredential,
    CatalogEndpoint,
    CatalogRegion,
    CatalogService,
    Domain,
    Group,
    Project,
    Role,
    Trust,
)

SECRETS = ("password", "original_password", "secret", "blob", "token", "subject")
HIDDEN = "***"


def new_id() -> str:
    return uuid4().hex


class _Discreet(msgspec.Struct, frozen=True, kw_only=True):
    def __repr__(self) -> str:
        fields = ((name, getattr(self, name)) for name in self.__struct_fields__)
        shown = ", ".join(f"{name}={HIDDEN if name in SECRETS else repr(value)}" for name, value in fields)
        return f"{type(self).__name__}({shown})"


# ---------------------------------------------------------------- tokens


class Lend(_Discreet, frozen=True, kw_only=True):
    """The edge → identity: for one request of this token's bearer the rooms are to be asked with that role, too."""

    token: str
    role: str  # member, admin


class WantedScope(msgspec.Struct, frozen=True, kw_only=True):
    """What a token shall be for, by names or ids. Nothing = the user's default project, if there is one."""

    project: str = ""
    project_domain: str = "default"
    domain: str = ""
    system: bool = False
    unscoped: bool = False
    trust: str = ""  # its id


class PasswordLogin(_Discreet, frozen=True, kw_only=True):
    """Steps 1-2. `user` and `project` are names or ids; without a project it is the user's default one."""

    user: str
    password: str
    project: str = ""
    domain: str = "default"


class Login(_Discreet, frozen=True, kw_only=True):
    """By a password, by another token, or by an application credential: whichever is given.

    `user`, `domain` (the user's) and `credential` are names or ids; a credential's name is its user's own.
    """

    user: str = ""
    domain: str = "default"
    password: str | None = None
    token: str = ""
    credential: str = ""
    secret: str = ""
    scope: WantedScope = WantedScope()


class ServiceEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A service of the catalog with its endpoints, as it is stored: URLs have their placeholders."""

    service: CatalogService
    endpoints: tuple[CatalogEndpoint, ...]


class TokenDescription(msgspec.Struct, frozen=True, kw_only=True):
    """All that a token's answer says beside what stands in the token itself."""

    context: AuthContext
    roles: tuple[Role, ...]
    user_domain: Domain
    project_domain: Domain | None
    catalog: tuple[ServiceEntry, ...]
    trust: Trust | None = None  # by which it acts for another


class TokenGrant(_Discreet, frozen=True, kw_only=True):
    token: str
    context: AuthContext
    issued_at: float
    description: TokenDescription | None = None  # for a `Login`


class Describe(_Discreet, frozen=True, kw_only=True):
    """What does the token `subject` say? One's own, or as an administrator anybody's."""

    token: str
    subject: str


class Revoke(_Discreet, frozen=True, kw_only=True):
    """Take a token back: one's own, or as an administrator anybody's."""

    token: str
    subject: str


class Keyring(msgspec.Struct, frozen=True, kw_only=True):
    """What a room must know to verify tokens. `version` grows with every change."""

    version: int
    keys: dict[str, str]  # key id → PEM
    revocations: tuple[str, ...]


# ---------------------------------------------------------------- rows of any kind


class Create(_Discreet, frozen=True, kw_only=True):
    """A row of a `kind` of `kinds.py`. `password` is a user's; `secret` an application credential's or the blob of a
    credential; `region` is that of an endpoint which is to be made with it if it isn't there."""

    token: str
    kind: str
    fields: dict[str, Any]
    password: str | None = None
    secret: str = ""
    region: str = ""
    id: str = msgspec.field(default_factory=new_id)


class Update(_Discreet, frozen=True, kw_only=True):
    token: str
    kind: str
    id: str
    fields: dict[str, Any]
    password: str | None = None
    secret: str = ""
    region: str = ""


class Retag(_Discreet, frozen=True, kw_only=True):
    """Tags that a project shall have beside its others, and such as it shall no longer have."""

    token: str
    project: str
    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


class Remove(_Discreet, frozen=True, kw_only=True):
    token: str
    kind: str
    id: str


class Find(_Discreet, frozen=True, kw_only=True):
    """Every row of a kind that the caller may see; with an id that one alone."""

    token: str
    kind: str
    id: str = ""


class UserView(msgspec.Struct, frozen=True, kw_only=True):
    """A user as others may see it."""

    id: str
    name: str
    domain_id: str
    default_project_id: str
    enabled: bool
    description: str = ""
    email: str = ""
    options: dict[str, Any] = {}
    extra: dict[str, Any] = {}


class CredentialView(_Discreet, frozen=True, kw_only=True):
    id: str
    user_id: str
    type: str
    blob: str
    project_id: str


Shown = (
    Domain
    | Project
    | UserView
    | Group
    | Role
    | CatalogRegion
    | CatalogService
    | CatalogEndpoint
    | ApplicationCredential
    | CredentialView
    | Trust
)  # what a row of a kind is answered as: without the hash of a password or a secret


class ChangePassword(_Discreet, frozen=True, kw_only=True):
    """One's own, which needs no token but the old one."""

    user_id: str
    original_password: str
    password: str


# ---------------------------------------------------------------- who has which role


class RoleGrant(_Discreet, frozen=True, kw_only=True):
    """Give (take away, look for) a role: of a user or group, in a project, domain or the system. All by id or name.

    `inherited`: in all projects below that project or domain, and not there itself.
    """

    token: str
    role: str
    user: str = ""
    group: str = ""
    project: str = ""
    domain: str = ""
    system: bool = False
    inherited: bool = False


class FindAssignments(_Discreet, frozen=True, kw_only=True):
    """`effective`: groups, implied and inherited roles are resolved, each user has each role it really has; then `user`
    and `project` (ids) can say of whom and where, and an id is that of the assignment from which it follows."""

    token: str
    effective: bool = False
    user: str = ""
    project: str = ""


class Membership(_Discreet, frozen=True, kw_only=True):
    token: str
    group: str
    user: str


class Implication(_Discreet, frozen=True, kw_only=True):
    """By role ids: who has `prior` has `implied` too."""

    token: str
    prior: str
    implied: str


class Access(_Discreet, frozen=True, kw_only=True):
    """What could a user be scoped to? `user` '' = the caller."""

    token: str
    user: str = ""

"""What is asked of identity. Requests carry the caller's token, except the login that gets one.

Ids of new rows are chosen by whoever makes the request, once, so that a request that is sent again is known again.
Passwords and tokens appear in no `repr`, so in no log and no traceback.
"""

from __future__ import annotations

from uuid import uuid4

import msgspec

from actors.messages import AuthContext

SECRETS = ("password", "token", "subject")
HIDDEN = "***"


def new_id() -> str:
    return uuid4().hex


class _Discreet(msgspec.Struct, frozen=True, kw_only=True):
    def __repr__(self) -> str:
        fields = ((name, getattr(self, name)) for name in self.__struct_fields__)
        shown = ", ".join(f"{name}={HIDDEN if name in SECRETS else repr(value)}" for name, value in fields)
        return f"{type(self).__name__}({shown})"


class PasswordLogin(_Discreet, frozen=True, kw_only=True):
    """Steps 1-2. `user` and `project` are names or ids; without a project it is the user's default one."""

    user: str
    password: str
    project: str = ""
    domain: str = "default"


class TokenGrant(_Discreet, frozen=True, kw_only=True):
    token: str
    context: AuthContext
    issued_at: float


class CreateProject(_Discreet, frozen=True, kw_only=True):
    token: str
    name: str
    description: str = ""
    id: str = msgspec.field(default_factory=new_id)


class CreateUser(_Discreet, frozen=True, kw_only=True):
    token: str
    name: str
    password: str
    default_project_id: str = ""
    id: str = msgspec.field(default_factory=new_id)


class UserView(msgspec.Struct, frozen=True, kw_only=True):
    """A user as others may see it."""

    id: str
    name: str
    domain_id: str
    default_project_id: str
    enabled: bool


class RoleGrant(_Discreet, frozen=True, kw_only=True):
    """Give (or take away) a role in a project; all three by name or id."""

    token: str
    role: str
    user: str
    project: str


class Delete(_Discreet, frozen=True, kw_only=True):
    """A project or a user, by id."""

    token: str
    id: str


class ListAll(_Discreet, frozen=True, kw_only=True):
    token: str


class Revoke(_Discreet, frozen=True, kw_only=True):
    """Take a token back: one's own, or as an administrator anybody's."""

    token: str
    subject: str

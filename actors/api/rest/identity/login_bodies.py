"""What `POST /v3/auth/tokens` takes: one method or several that all name the same user, and a scope. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from actors.api.rest.bodies import Lenient
from actors.errors import CallerError, bad_request, unauthorized
from actors.identity.messages import Login, WantedScope

Text = Annotated[str, StringConstraints(max_length=8_192)]


class DomainName(Lenient):
    id: Text | None = None
    name: Text | None = None

    @property
    def said(self) -> str:
        return self.id or self.name or ""


class UserName(Lenient):
    id: Text | None = None
    name: Text | None = None
    domain: DomainName | None = None
    password: Text | None = None


class PasswordMethod(Lenient):
    user: UserName


class TokenMethod(Lenient):
    id: Text


class CredentialMethod(Lenient):
    id: Text | None = None
    name: Text | None = None
    secret: Text
    user: UserName | None = None


class IdentityBody(Lenient):
    methods: list[Text] = Field(min_length=1, max_length=8)
    password: PasswordMethod | None = None
    token: TokenMethod | None = None
    application_credential: CredentialMethod | None = None


class ProjectName(Lenient):
    id: Text | None = None
    name: Text | None = None
    domain: DomainName | None = None


class SystemName(Lenient):
    all: Literal[True]


class TrustName(Lenient):
    id: Text


class ScopeBody(Lenient):
    project: ProjectName | None = None
    domain: DomainName | None = None
    system: SystemName | None = None
    trust: TrustName | None = Field(default=None, alias="OS-TRUST:trust")


class AuthBody(Lenient):
    identity: IdentityBody
    scope: ScopeBody | Literal["unscoped"] | None = None


class LoginBody(Lenient):
    auth: AuthBody


def login_of(body: LoginBody) -> Login:
    """Raises `CallerError`: 400 for what is incomplete, 401 for a method that isn't known."""
    identity, scope = body.auth.identity, wanted_scope(body.auth.scope)
    unknown = [method for method in identity.methods if method not in ("password", "token", "application_credential")]
    if unknown:
        raise CallerError(unauthorized("Attempted to authenticate with an unsupported method."))
    if "application_credential" in identity.methods and identity.application_credential is not None:
        return _by_credential(identity.application_credential, scope)
    if "token" in identity.methods and identity.token is not None:
        return Login(token=identity.token.id, scope=scope)
    if "password" in identity.methods and identity.password is not None:
        user = identity.password.user
        if not (user.id or user.name) or user.password is None:
            raise CallerError(bad_request("user", "a user has an id or a name, and a password"))
        return Login(user=_named(user), domain=_domain(user), password=user.password, scope=scope)
    raise CallerError(bad_request("identity", "each method must be described beside `methods`"))


def wanted_scope(scope: ScopeBody | Literal["unscoped"] | None) -> WantedScope:
    if scope is None:
        return WantedScope()
    if scope == "unscoped":
        return WantedScope(unscoped=True)
    given = [one for one in (scope.project, scope.domain, scope.system, scope.trust) if one is not None]
    if len(given) != 1:
        raise CallerError(bad_request("scope", "a scope is one project, one domain, the system or one trust"))
    if scope.trust is not None:
        return WantedScope(trust=_required(scope.trust.id))
    if scope.system is not None:
        return WantedScope(system=True)
    if scope.domain is not None:
        return WantedScope(domain=_required(scope.domain.said))
    project = scope.project or ProjectName()
    domain = project.domain.said if project.domain else "default"
    return WantedScope(project=_required(project.id or project.name or ""), project_domain=domain)


def _by_credential(method: CredentialMethod, scope: WantedScope) -> Login:
    user = method.user or UserName()
    if not method.id and not (method.name and _named(user)):
        raise CallerError(bad_request("application_credential", "it has an id, or a name and a user"))
    named = {} if method.id else {"user": _named(user), "domain": _domain(user)}
    return Login(credential=method.id or method.name or "", secret=method.secret, scope=scope, **named)


def _named(user: UserName) -> str:
    return user.id or user.name or ""


def _domain(user: UserName) -> str:
    return user.domain.said if user.domain and user.domain.said else "default"


def _required(said: str) -> str:
    if not said:
        raise CallerError(bad_request("scope", "a project or domain has an id or a name, a trust an id"))
    return said

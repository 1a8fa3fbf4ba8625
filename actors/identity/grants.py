"""What a login is granted: the scope that was wanted, the roles there, and how long. Pure, but for the token's id.

A scope in which the user has no role is refused as one that does not exist.
"""

from __future__ import annotations

import math
import secrets

import msgspec

from actors.errors import CallerFault, forbidden, unauthorized
from actors.identity.directory import Directory, Target
from actors.identity.logins import Verified, may_log_in
from actors.identity.messages import ServiceEntry, TokenDescription, WantedScope
from actors.identity.trusts import chain, is_alive, parties
from actors.messages import AuthContext
from actors.records import CatalogEndpoint, CatalogService, Domain, Project, Role, Trust, User

NOWHERE = Target()


class Acting(msgspec.Struct, frozen=True, kw_only=True):
    """As whom a token acts, and with which roles where."""

    user: User
    target: Target
    role_ids: set[str]
    trust: Trust | None = None


def context_of(
    directory: Directory, verified: Verified, wanted: WantedScope, times: tuple[float, float]
) -> AuthContext | CallerFault:
    """`times` are now and how long a token lives, in seconds."""
    now, lifetime_s = times
    acting = _by_trust(directory, verified, wanted.trust, now) if wanted.trust else _itself(directory, verified, wanted)
    if isinstance(acting, CallerFault):
        return acting
    user, target, credential, trust = acting.user, acting.target, verified.credential, acting.trust
    project, domain = directory.get(Project, target.project_id), directory.get(Domain, target.domain_id)
    ends_at = min(now + lifetime_s, verified.ends_at, (trust.expires_at if trust else 0.0) or math.inf)
    return AuthContext(
        user_id=user.id,
        user_name=user.name,
        project_id=project.id if project else "",
        project_name=project.name if project else "",
        roles=tuple(role.name for role in directory.roles(acting.role_ids)) if target != NOWHERE else (),
        expires_at=float(math.floor(ends_at)),
        token_id=secrets.token_hex(16),
        issued_at=now,
        methods=verified.methods,
        user_domain_id=user.domain_id,
        project_domain_id=project.domain_id if project else "default",
        domain_id=domain.id if domain else "",
        domain_name=domain.name if domain else "",
        system=target.system,
        credential_id=credential.id if credential else "",
        restricted=credential is not None and not credential.unrestricted,
        trust_id=trust.id if trust else "",
    )


def _itself(directory: Directory, verified: Verified, wanted: WantedScope) -> Acting | CallerFault:
    target = wanted_target(directory, verified, wanted)
    if isinstance(target, CallerFault):
        return target
    role_ids = directory.role_ids(verified.user.id, target)
    if verified.credential is not None:
        role_ids &= directory.with_implied(verified.credential.role_ids)
    if target != NOWHERE and not (role_ids and directory.is_open(target)):
        return unauthorized("the user has no role in the wanted scope")
    return Acting(user=verified.user, target=target, role_ids=role_ids)


def _by_trust(directory: Directory, verified: Verified, trust_id: str, now: float) -> Acting | CallerFault:
    """For another, while all who had a part in the trust may log in and its first trustor has all of its roles."""
    trust = directory.get(Trust, trust_id)
    if trust is None or not is_alive(trust, now):
        return unauthorized(f"Could not find trust: {trust_id}.")
    if verified.credential is not None:
        return unauthorized("an application credential is for its own project only")
    if verified.user.id != trust.trustee_user_id:
        return forbidden("User is not a trustee.")
    users = {user_id: directory.get(User, user_id) for user_id in parties(directory, trust)}
    if not all(user is not None and may_log_in(directory, user) for user in users.values()):
        return forbidden("Trustor is disabled, or somebody who passed the trust on.")
    target = Target(project_id=trust.project_id)
    if trust.project_id and not directory.is_open(target):
        return unauthorized("the project of the trust is disabled")
    role_ids = directory.of_everywhere(directory.with_implied(trust.role_ids))
    held = directory.role_ids(chain(directory, trust)[-1].trustor_user_id, target)
    there = all(directory.get(Role, role_id) for role_id in trust.role_ids)
    if not role_ids or not role_ids <= held or not there:
        return forbidden("Trustee has no delegated roles.")
    user = users[trust.trustor_user_id if trust.impersonation else trust.trustee_user_id]
    return Acting(user=user or verified.user, target=target, role_ids=role_ids, trust=trust)


def wanted_target(directory: Directory, verified: Verified, wanted: WantedScope) -> Target | CallerFault:
    if wanted.system:
        target: Target | None = Target(system=True)
    elif wanted.domain:
        domain = directory.domain(wanted.domain)
        target = Target(domain_id=domain.id) if domain else None
    elif wanted.project:
        within = directory.domain(wanted.project_domain)
        project = directory.project(wanted.project, within.id) if within else None
        target = Target(project_id=project.id) if project else None
    elif wanted.unscoped:
        target = NOWHERE
    else:
        return _by_default(directory, verified)
    if target is None:
        return unauthorized("the user has no role in the wanted scope")
    if verified.project_id and target != Target(project_id=verified.project_id):
        return unauthorized("an application credential is for its own project only")
    return target


def _by_default(directory: Directory, verified: Verified) -> Target:
    """What is not said: a credential's project, the user's default one if it has a role there, or no scope."""
    usual = Target(project_id=verified.project_id or verified.user.default_project_id)
    if verified.project_id or (directory.is_open(usual) and directory.role_ids(verified.user.id, usual)):
        return usual
    return NOWHERE


def description_of(directory: Directory, context: AuthContext) -> TokenDescription:
    known = (directory.role(name) for name in context.roles)
    return TokenDescription(
        context=context,
        roles=tuple(role for role in known if role is not None),
        user_domain=directory.get(Domain, context.user_domain_id) or Domain(id=context.user_domain_id, name=""),
        project_domain=directory.get(Domain, context.project_domain_id) if context.project_id else None,
        catalog=catalog_of(directory) if context.is_scoped else (),
        trust=directory.get(Trust, context.trust_id),
    )


def catalog_of(directory: Directory) -> tuple[ServiceEntry, ...]:
    endpoints = [endpoint for endpoint in directory.all(CatalogEndpoint) if endpoint.enabled]
    return tuple(
        ServiceEntry(service=service, endpoints=tuple(one for one in endpoints if one.service_id == service.id))
        for service in directory.all(CatalogService)
        if service.enabled
    )

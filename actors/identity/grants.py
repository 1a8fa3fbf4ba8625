"""What a login is granted: the scope that was wanted, the roles there, and how long. Pure, but for the token's id.

A scope in which the user has no role is refused as one that does not exist.
"""

from __future__ import annotations

import math
import secrets

from actors.errors import CallerFault, unauthorized
from actors.identity.directory import Directory, Target
from actors.identity.logins import Verified
from actors.identity.messages import ServiceEntry, TokenDescription, WantedScope
from actors.messages import AuthContext
from actors.records import CatalogEndpoint, CatalogService, Domain, Project

NOWHERE = Target()


def context_of(
    directory: Directory, verified: Verified, wanted: WantedScope, times: tuple[float, float]
) -> AuthContext | CallerFault:
    """`times` are now and how long a token lives, in seconds."""
    target = wanted_target(directory, verified, wanted)
    if isinstance(target, CallerFault):
        return target
    role_ids = directory.role_ids(verified.user.id, target)
    credential = verified.credential
    if credential is not None:
        role_ids &= directory.with_implied(credential.role_ids)
    if target != NOWHERE and not (role_ids and directory.is_open(target)):
        return unauthorized("the user has no role in the wanted scope")
    now, lifetime_s = times
    project, domain = directory.get(Project, target.project_id), directory.get(Domain, target.domain_id)
    return AuthContext(
        user_id=verified.user.id,
        user_name=verified.user.name,
        project_id=project.id if project else "",
        project_name=project.name if project else "",
        roles=tuple(role.name for role in directory.roles(role_ids)) if target != NOWHERE else (),
        expires_at=float(math.floor(min(now + lifetime_s, verified.ends_at))),
        token_id=secrets.token_hex(16),
        issued_at=now,
        methods=verified.methods,
        user_domain_id=verified.user.domain_id,
        project_domain_id=project.domain_id if project else "default",
        domain_id=domain.id if domain else "",
        domain_name=domain.name if domain else "",
        system=target.system,
        credential_id=credential.id if credential else "",
        restricted=credential is not None and not credential.unrestricted,
    )


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
    )


def catalog_of(directory: Directory) -> tuple[ServiceEntry, ...]:
    endpoints = [endpoint for endpoint in directory.all(CatalogEndpoint) if endpoint.enabled]
    return tuple(
        ServiceEntry(service=service, endpoints=tuple(one for one in endpoints if one.service_id == service.id))
        for service in directory.all(CatalogService)
        if service.enabled
    )

"""Trusts: who may act for whom, and what follows from it. Pure.

A trust gives its trustee tokens with some of the trustor's roles in one project. One that says so may be passed on:
whoever acts by it makes another, and each of such a chain is good for as long as those before it are, with roles of
the first one's trustor. Facts: docs.openstack.org/api-ref/identity/v3-ext, «OS-TRUST API».
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from actors.errors import CallerError, bad_request, forbidden, not_found
from actors.identity.directory import Directory, Target
from actors.identity.tokens import held_below, held_in
from actors.messages import AuthContext
from actors.records import Project, Trust, User

REDELEGATION_LIMIT = 3  # times that what one trust gives may be passed on
WITHOUT_END = -1  # uses


def is_alive(trust: Trust, now: float) -> bool:
    """Whether it gives tokens yet, as far as it says itself."""
    return trust.remaining_uses != 0 and not 0 < trust.expires_at <= now


def chain(directory: Directory, trust: Trust) -> list[Trust]:
    """It, the one that was passed on to make it, and so on to the first."""
    found = [trust]
    while (before := directory.get(Trust, found[-1].redelegated_trust_id)) is not None:
        found.append(before)
    return found


def parties(directory: Directory, trust: Trust) -> set[str]:
    """The ids of all users by whom it is what it is."""
    return {user for link in chain(directory, trust) for user in (link.trustor_user_id, link.trustee_user_id)}


def of_parties(directory: Directory, scope: str, scope_id: str) -> list[Trust]:
    """Those in which a user, or one of a domain, has a part; none for another scope."""
    if scope not in ("user", "domain"):
        return []
    found = []
    for trust in directory.all(Trust):
        users = parties(directory, trust)
        domains = {user.domain_id for user_id in users if (user := directory.get(User, user_id))}
        if scope_id in (users if scope == "user" else domains):
            found.append(trust)
    return found


def of_roles(directory: Directory, user_id: str, lost: Collection[str]) -> list[Trust]:
    """Those with roles of this user in places that are named as `held_in` and `held_below` do."""
    return [
        trust
        for trust in directory.all(Trust)
        if chain(directory, trust)[-1].trustor_user_id == user_id
        if not set(lost).isdisjoint(_places(directory, user_id, trust.project_id))
    ]


def _places(directory: Directory, user_id: str, project_id: str) -> tuple[str, ...]:
    project = directory.get(Project, project_id)
    below = (held_below(user_id, project.domain_id),) if project else ()
    return (held_in(user_id, project_id, "", False), *below)


def asked_for(directory: Directory, caller: AuthContext, fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a new trust, from those that a request has: `allow_redelegation` is more than a trust's own, and
    `redelegation_count` may be None. Raises `CallerError` 403 for what the caller can't give, 404 for roles that it
    hasn't."""
    if not caller.project_id or caller.restricted:
        raise CallerError(forbidden("a trust is made with a token for a project, and not with a restricted one"))
    if fields["project_id"] and not fields["role_ids"]:
        raise CallerError(forbidden("At least one role should be specified"))
    if fields["trustor_user_id"] != caller.user_id:
        raise CallerError(forbidden("The authenticated user should match the trustor"))
    before = _before(directory, caller)
    _require_roles(directory, caller, before, fields)
    wanted = {name: value for name, value in fields.items() if name != "allow_redelegation"}
    wanted |= {"redelegation_count": _count(fields, before), "redelegated_trust_id": before.id if before else ""}
    for link in chain(directory, before) if before else ():
        if why := _why_not(link, wanted):
            raise CallerError(forbidden(why))
        wanted["expires_at"] = wanted["expires_at"] or link.expires_at
    return wanted


def _before(directory: Directory, caller: AuthContext) -> Trust | None:
    """The trust that is passed on: the one by which the caller acts."""
    before = directory.get(Trust, caller.trust_id)
    if caller.trust_id and before is None:
        raise CallerError(not_found("trust", f"Could not find trust: {caller.trust_id}."))
    return before


def _require_roles(directory: Directory, caller: AuthContext, before: Trust | None, fields: dict[str, Any]) -> None:
    """Those of the first trustor. What an application credential was not given it doesn't give, either."""
    project_id = fields["project_id"]
    if project_id and directory.get(Project, project_id) is None:
        raise CallerError(not_found("project", f"Could not find project: {project_id}."))
    first = chain(directory, before)[-1].trustor_user_id if before else caller.user_id
    held = directory.held_ids(first, Target(project_id=project_id))
    if caller.credential_id:
        own = {role.id for name in caller.roles if (role := directory.role(name))}
        held = held & own if project_id == caller.project_id else set()
    for role_id in fields["role_ids"]:
        if role_id not in held:
            raise CallerError(not_found("role", f"Could not find role: {role_id}."))


def _count(fields: dict[str, Any], before: Trust | None) -> int:
    """How often the new one may be passed on."""
    wanted = fields["redelegation_count"]
    if not fields["allow_redelegation"] or wanted == 0:
        return 0
    if fields["remaining_uses"] != WITHOUT_END:
        raise CallerError(bad_request("remaining_uses", "it must not be set if redelegation is allowed"))
    most = before.redelegation_count - 1 if before else REDELEGATION_LIMIT
    if wanted and (wanted > most or (before and wanted != most)):
        raise CallerError(forbidden(f"Requested redelegation depth of {wanted} is not the {most} that is allowed"))
    return max(most, 0) if wanted is None else int(wanted)


def _why_not(before: Trust, wanted: dict[str, Any]) -> str:
    """Why it can't be passed on so; '' if it can."""
    if before.redelegation_count <= 0:
        return f"Remaining redelegation depth of 0 out of allowed range of [0..{REDELEGATION_LIMIT}]"
    if wanted["remaining_uses"] != WITHOUT_END:
        return "remaining_uses must not be set in order to redelegate a trust"
    if 0 < before.expires_at < wanted["expires_at"]:
        return "Requested expiration time is more than redelegated trust can provide"
    if wanted["project_id"] != before.project_id or not set(wanted["role_ids"]) <= set(before.role_ids):
        return "Some of requested roles are not in redelegated trust"
    if wanted["impersonation"] and not before.impersonation:
        return "Impersonation is not allowed because redelegated trust does not specify impersonation"
    return ""

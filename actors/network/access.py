"""Who may see and do what, as Neutron's default policy has it. Pure; refusals are raised as `CallerError`.

Called by every door of the network room. What a caller may not see is refused exactly as if it did not exist.
"""

from __future__ import annotations

from actors.errors import CallerError, CallerFault, forbidden
from actors.messages import AuthContext
from actors.network.rows import Revised
from actors.records import Network

WRITERS = frozenset({"member", "admin", "service"})
MANAGERS = frozenset({"manager", "service"})


def check_writer(context: AuthContext) -> None:
    if WRITERS.isdisjoint(context.roles):
        raise CallerError(forbidden(f"user {context.user_name!r} may read but not change this project's networks"))


def check_project(context: AuthContext, project_id: str) -> str:
    """The project to act for: the caller's, or any for an administrator or a service."""
    wanted = project_id or context.project_id
    if wanted != context.project_id and not context.is_admin and "service" not in context.roles:
        raise CallerError(CallerFault(403, "only an administrator may act for another project", "project_id"))
    return wanted


def check_admin(context: AuthContext, field: str, what: str) -> None:
    if not context.is_admin:
        raise CallerError(CallerFault(403, f"only an administrator may {what}", field))


def check_manager(context: AuthContext, field: str, what: str) -> None:
    """For what Neutron leaves to who manages the project, and to services."""
    if not context.is_admin and MANAGERS.isdisjoint(context.roles):
        raise CallerError(CallerFault(403, f"only an administrator or the project's manager may {what}", field))


def sees_network(context: AuthContext, network: Network) -> bool:
    return network.external or uses_network(context, network)


def uses_network(context: AuthContext, network: Network) -> bool:
    """Whether its subnets and ports in it are for this caller. Of an external network of others only the network itself
    is seen: routers' gateways and floating IPs are in it."""
    return network.shared or owns(context, network)


def owns(context: AuthContext, row: Revised) -> bool:
    """Rows without a project, as gateways' ports, are the cloud's own; so a token without one owns nothing."""
    return context.is_admin or (bool(row.project_id) and row.project_id == context.project_id)


def check_owner(context: AuthContext, row: Revised, noun: str) -> None:
    """Who may see a shared row may not change it."""
    if not owns(context, row):
        raise CallerError(forbidden(f"only its owner may change or delete a {noun}"))


def check_revision(row: Revised, expected: int | None) -> None:
    """The caller wrote with this revision in mind (If-Match); None = whatever it is."""
    if expected is not None and row.revision != expected:
        text = f"Constrained to {expected}, but current revision is {row.revision}"
        raise CallerError(CallerFault(412, text, "revision", "RevisionNumberConstraintFailed"))

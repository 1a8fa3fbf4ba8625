"""Who may see and do what, as Neutron's default policy has it. Pure; refusals are raised as `CallerError`.

Called by every door of the network room. What a caller may not see is refused exactly as if it did not exist.
"""

from __future__ import annotations

from actors.errors import CallerError, CallerFault, forbidden
from actors.messages import AuthContext
from actors.records import Network, Port, SecurityGroup, SecurityGroupRule

WRITERS = frozenset({"member", "admin", "service"})


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


def sees_network(context: AuthContext, network: Network) -> bool:
    return network.shared or owns(context, network)


def owns(context: AuthContext, row: Network | Port | SecurityGroup | SecurityGroupRule) -> bool:
    return context.is_admin or row.project_id == context.project_id

"""How many rows a project may have, and has. Pure.

Called where rows are made (`administration.py`, `plan.py`) and where administrators look or set (`editing.py`).
Invariant: the check and the decision that uses it are one stretch without an await, so limits are exact.
"""

from __future__ import annotations

from collections.abc import Mapping

from actors.errors import CallerError, bad_request, conflict
from actors.network.rows import Rows

UNLIMITED = -1
LARGEST = 2**31 - 1  # Neutron's own bound
LIMITS = {  # what holds where neither the configuration nor an administrator says otherwise: Neutron's numbers
    "floatingip": 50,
    "network": 100,
    "port": 500,
    "router": 10,
    "security_group": 10,
    "security_group_rule": 100,
    "subnet": 100,
    "subnetpool": UNLIMITED,
}
RESOURCES = tuple(LIMITS)
NO_LIMITS = dict.fromkeys(RESOURCES, UNLIMITED)
"""For a project that is limited by its hosts and addresses alone."""


def limit(rows: Rows, project_id: str, resource: str, defaults: Mapping[str, int]) -> int:
    given = rows.quotas.get(project_id)
    return given.limits.get(resource, defaults[resource]) if given else defaults[resource]


def limits(rows: Rows, project_id: str, defaults: Mapping[str, int]) -> dict[str, int]:
    return {resource: limit(rows, project_id, resource, defaults) for resource in RESOURCES}


def used(rows: Rows, project_id: str, resource: str) -> int:
    if resource == "port":
        return rows.port_counts.get(project_id, 0)
    if resource == "security_group":
        return len(rows.groups_of.get(project_id, {}))
    if resource == "security_group_rule":
        return sum(len(rows.rules_of.get(group_id, {})) for group_id in rows.groups_of.get(project_id, {}))
    if resource == "network":
        return sum(network.project_id == project_id for network in rows.networks.values())
    if resource == "router":
        return sum(router.project_id == project_id for router in rows.routers.values())
    if resource == "floatingip":
        return sum(floating.project_id == project_id for floating in rows.floating_ips.values())
    if resource == "subnet":
        return sum(subnet.project_id == project_id for subnet in rows.subnets.values())
    return sum(pool.project_id == project_id for pool in rows.pools.values())


def check(rows: Rows, project_id: str, resource: str, defaults: Mapping[str, int]) -> None:
    """Raises `CallerError` 409 OverQuota where one more is too many."""
    most = limit(rows, project_id, resource, defaults)
    if 0 <= most <= used(rows, project_id, resource):
        raise CallerError(conflict("", f"Quota exceeded for resources: ['{resource}'].", "OverQuota"))


def changed(rows: Rows, project_id: str, wanted: dict[str, int], check_limit: bool) -> dict[str, int]:
    """The limits that a project has then; with `check_limit`, none below what is in use."""
    for resource, most in wanted.items():
        if resource not in RESOURCES:
            raise CallerError(bad_request(resource, f"Unrecognized attribute(s) '{resource}'", "HTTPBadRequest"))
        if not UNLIMITED <= most <= LARGEST:
            raise CallerError(bad_request(resource, f"{most} is not between {UNLIMITED} and {LARGEST}"))
        if check_limit and 0 <= most < used(rows, project_id, resource):
            text = f"{resource}: {used(rows, project_id, resource)} are in use, more than the new limit of {most}"
            raise CallerError(conflict(resource, text, "InvalidQuotaValue"))
    given = rows.quotas.get(project_id)
    return (given.limits if given else {}) | wanted

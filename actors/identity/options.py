"""Options of domains, projects, roles and users: which there are, and what follows from them. Pure.

Used by `draft.py`, which writes them, and by whoever looks at a login or a password. Invariant: an option that is kept
is kept to; one that this cloud could not hold to is refused. Facts: docs.openstack.org/keystone, «Resource Options».
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from actors.errors import CallerFault, bad_request, forbidden
from actors.records import Domain, Project, Role, User

IMMUTABLE = "immutable"  # of domains, projects and roles: neither changed nor deleted while it is set
LOCKED, UNCOUNTED = "lock_password", "ignore_lockout_failure_attempts"
RULES, RULES_COUNT = "multi_factor_auth_rules", "multi_factor_auth_enabled"
OF_USERS = (
    LOCKED,
    UNCOUNTED,
    RULES,
    RULES_COUNT,
    "ignore_password_expiry",  # no password expires here,
    "ignore_change_password_upon_first_use",  # none has to be changed,
    "ignore_user_inactivity",  # and nobody is locked out for having been away
)
FACTORS = ("password", "application_credential")  # by which somebody can log in; there is no second one to add
RULES_LIMIT = 10

Options = Mapping[str, Any]


def merged(known: Options, given: Options) -> dict[str, Any]:
    """`given` counts; None takes an option away."""
    return {name: value for name, value in {**known, **given}.items() if value is not None}


def options_fault(row: Any) -> CallerFault | None:
    """What is wrong with the options of a row, if it has any."""
    allowed = OF_USERS if isinstance(row, User) else (IMMUTABLE,)
    for name, value in getattr(row, "options", {}).items():
        if name not in allowed:
            return bad_request("options", f"there is no option {name[:64]!r} here")
        if name == RULES:
            if fault := _rules_fault(value):
                return fault
        elif not isinstance(value, bool):
            return bad_request("options", f"the option {name} is true, false or null")
    return None


def _rules_fault(rules: Any) -> CallerFault | None:
    """A rule lists the methods that a login needs together: of two, or of one that isn't here, nobody has all."""
    possible = [[factor] for factor in FACTORS]
    if not isinstance(rules, list | tuple) or len(rules) > RULES_LIMIT:
        return bad_request("options", f"{RULES} are at most {RULES_LIMIT} lists of methods")
    if any(list(rule) not in possible if isinstance(rule, list | tuple) else True for rule in rules):
        text = f"{RULES}: no login has several factors here, so that each rule is one of {', '.join(FACTORS)} alone"
        return bad_request("options", text)
    return None


def immutable_fault(row: Any, fields: Mapping[str, Any] | None = None) -> CallerFault | None:
    """Whether these fields may not be changed (None: the row not be deleted). The option itself may be taken away."""
    if not isinstance(row, Domain | Project | Role) or not row.options.get(IMMUTABLE):
        return None
    if fields is not None and fields.keys() == {"options"} and set(fields["options"]) == {IMMUTABLE}:
        return None
    done = "deleted" if fields is None else "changed"
    return forbidden(f"{row.name} ({row.id}) is immutable and can't be {done} until that option is taken away")


def suffices(user: User, methods: Collection[str]) -> bool:
    """Whether somebody who has shown this is let in, by the user's rules."""
    rules = user.options.get(RULES) or ()
    return not rules or user.options.get(RULES_COUNT) is False or any(set(rule) <= set(methods) for rule in rules)

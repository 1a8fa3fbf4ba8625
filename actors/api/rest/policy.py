"""Who may ask for what at the edge: one decision for each request, by rules that an operator can override.

A rule has OpenStack's own name (`os_compute_api:servers:create`, `create_port`, `volume:create`); which one decides
a route, and what it says by default, is in the tables of `rules/`. `policy.yaml` in the home folder, in the language
of oslo.policy, overrides any of them and is read again when it changes.

The rooms decide again on what they own, by roles. Where the file allows what the defaults would not, `require` says
with which role the rooms are to be asked: `member`, inside the caller's own project, or `admin`, for what belongs to no
project (hypervisors, flavors, aggregates, services). A rule gives nobody what another project owns. Identity's rows
belong to none: a rule of its that the file gives decides alone, by the rows that the request is about.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oslo_config.cfg import ConfigOpts
from oslo_policy.policy import Enforcer, Rules, register

from actors.api.rest.rules import DEFAULTS, TABLES
from actors.api.rest.rules.fields import FieldCheck
from actors.api.rest.rules.table import READS, ByAction, ByNoun, ByQuery, Table, general
from actors.clock import Clock
from actors.errors import CallerError, forbidden
from actors.messages import AuthContext

LOOK_S = 1.0  # how old our knowledge of the file may be
UNREADABLE = (OSError, ValueError, TypeError, AttributeError)  # what oslo.policy raises for a file that is no rules
REMEMBERED = 10_000  # decisions that are kept
ATTRIBUTE_RULES = {rule for table in TABLES.values() for named in table.attributes.values() for rule in named.values()}

log = logging.getLogger(__name__)
register("field", FieldCheck)

ADMINISTRATIVE = tuple(  # defaults that leave members out
    f"rule:{base}"
    for base in ("admin_api", "admin_required", "admin_only", "overseer", "admin_or_service", "metadef_admin")
)

Whose = tuple[str, str, tuple[tuple[str, str], ...]]
Asked = tuple[bool, str, Whose, str, str, str, bool, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Question:
    """What of a request a rule may depend on. `path` is the route's own, with its parameters' names in braces."""

    service: str
    verb: str
    path: str
    noun: str = ""  # the path's `{noun}`
    body: Any = None  # as JSON, where `wants_body` says so
    query: Mapping[str, str] | None = None
    project_id: str = ""  # that the path names
    is_owned: bool = False  # the path names what a project owns
    target: Mapping[str, str] | None = None  # whom it is about, where `wants_target` says so


class Policy:
    def __init__(self, file: Path, clock: Clock) -> None:
        self._file = file
        self._clock = clock
        self._looked = -LOOK_S
        self._written = -1.0
        self._told = ""  # what is wrong with the file
        self._overridden: frozenset[str] = frozenset()
        self._remembered: dict[Asked, bool] = {}
        self._defaults = Enforcer(ConfigOpts(), rules=Rules.from_dict(DEFAULTS), use_conf=False)
        self._look()

    def wants_body(self, service: str, verb: str, path: str) -> bool:
        """Whether the rule of this route depends on the body."""
        table = TABLES.get(service)
        if table is None or verb in READS:
            return False
        route = f"{verb} {path}"
        if isinstance(table.routes.get(route), ByAction) or route in table.contained:
            return True
        return not self._overridden.isdisjoint(table.attributes.get(route, {}).values())

    def require(self, asked: Question, context: AuthContext) -> str:
        """The role that the file gives beyond the defaults, '' for none. Raises `CallerError` 403."""
        self._look_again()
        table = TABLES.get(asked.service)
        if table is None:
            raise CallerError(forbidden(f"{asked.service} has no rules"))
        if table.needs_project and not context.project_id:
            raise CallerError(
                forbidden("This needs a token for a project; it was made with one for a domain or the system.")
            )
        deciding = rule_of(table, asked)
        if table.decides_alone and deciding in self._overridden:
            return self._by_target(table, deciding, asked, context)
        every = (deciding, *passed_on(table, asked))
        for rule in every:
            self.require_rule(rule, context, asked.target)
        for rule in attribute_rules(table, asked):
            if rule in self._overridden:
                self.require_rule(rule, context, asked.target)
        if not self._overridden:
            return ""
        return next(filter(None, (self._given(rule, asked, context) for rule in every)), "")

    def gives(self, rule: str, context: AuthContext) -> bool:
        """Whether the file has this rule and lets the caller pass, of what a room would decide by role alone."""
        self._look_again()
        return rule in self._overridden and self._allows(self._enforcer, rule, _own(context), context)

    def wants_target(self, asked: Question) -> bool:
        """Whether the rule of this request may look at the rows that it is about."""
        self._look_again()
        table = TABLES.get(asked.service)
        if table is None or not self._overridden:
            return False
        own = (rule_of(table, asked), *attribute_rules(table, asked)) if table.has_targets else ()
        return not self._overridden.isdisjoint((*own, *passed_on(table, asked)))

    def _by_target(self, table: Table, rule: str, asked: Question, context: AuthContext) -> str:
        """Such a rule decides alone, as in Keystone: whom it lets pass is an administrator for this one request."""
        if not self._enforcer.enforce(rule, dict(asked.target or {}), _credentials(context)):
            raise CallerError(forbidden(f"Policy doesn't allow {rule} to be performed."))
        return "" if context.is_admin or rule in table.of_caller else "admin"

    def _given(self, rule: str, asked: Question, context: AuthContext) -> str:
        if self._allows(self._defaults, rule, _own(context), context):
            return ""
        if DEFAULTS.get(rule) not in ADMINISTRATIVE:
            return "member"
        # Of whose row it is nothing is known here but what the path says: a rule about owners gives nothing else.
        named = {"project_id": asked.project_id, "tenant_id": asked.project_id} if asked.project_id else {}
        return "admin" if not asked.is_owned and self._allows(self._enforcer, rule, named, context) else ""

    def require_rule(self, rule: str, context: AuthContext, about: Mapping[str, str] | None = None) -> None:
        """`about` is what of a target is not the caller's own."""
        if not self._allows(self._enforcer, rule, _own(context) | dict(about or {}), context, about):
            raise CallerError(forbidden(f"Policy doesn't allow {rule} to be performed."))

    def _allows(
        self,
        enforcer: Any,
        rule: str,
        target: dict[str, str],
        context: AuthContext,
        about: Mapping[str, str] | None = None,
    ) -> bool:
        who = (context.user_id, context.project_id, context.domain_id, context.system, context.roles)
        whose = (target.get("user_id", ""), target.get("project_id", ""), tuple(about.items()) if about else ())
        asked = (enforcer is self._defaults, rule, whose, *who)
        allowed = self._remembered.get(asked)
        if allowed is None:
            allowed = bool(enforcer.enforce(rule, target, _credentials(context)))
            if len(self._remembered) >= REMEMBERED:
                self._remembered.clear()
            self._remembered[asked] = allowed
        return allowed

    def _look_again(self) -> None:
        """Of a file that can't be read any more, the rules that it had before go on."""
        if self._clock.monotonic() - self._looked < LOOK_S:
            return
        try:
            self._look()
        except UNREADABLE as error:
            if str(error) != self._told:
                log.error("%s can't be read, and the rules before stay in force: %s", self._file, error)
            self._told = str(error)

    def _look(self) -> None:
        """Read the file if it changed. Raises what oslo.policy says of one that it can't read."""
        self._looked = self._clock.monotonic()
        written = self._file.stat().st_mtime if self._file.exists() else 0.0
        if written == self._written:
            return
        overrides = Rules.load(self._file.read_text()) if written else Rules()
        rules = Rules.from_dict(DEFAULTS)
        unknown = overrides.keys() - rules.keys() - ATTRIBUTE_RULES
        if unknown:
            log.warning("%s has rules that decide nothing here: %s", self._file, ", ".join(sorted(unknown)))
        rules.update(overrides)
        self._enforcer = Enforcer(ConfigOpts(), rules=rules, use_conf=False)
        self._overridden = frozenset(overrides)
        self._written = written
        self._remembered.clear()


def rule_of(table: Table, asked: Question) -> str:
    """The name of the rule that decides; the service's general one where the table leaves it open."""
    rule = table.routes.get(f"{asked.verb} {asked.path}")
    if rule is None and asked.verb == "HEAD":
        rule = table.routes.get(f"GET {asked.path}")
    match rule:
        case str():
            return rule
        case ByNoun(rules):
            found = rules.get(asked.noun)
        case ByQuery(rules, other):
            found = next((rules[name] for name in rules if (asked.query or {}).get(name)), other)
        case ByAction(rules):
            found = (
                next((rules[name] for name in asked.body if name in rules), None)
                if isinstance(asked.body, dict)
                else None
            )
        case _:
            found = None
    return found or general(table.service, asked.verb)


def passed_on(table: Table, asked: Question) -> tuple[str, ...]:
    """The rules of the other service that is asked with the caller's token, and of what else the request is about."""
    route = f"{asked.verb} {asked.path}"
    brought = table.contained.get(route, {}) if isinstance(asked.body, dict) else {}
    return (*table.passed_on.get(route, ()), *(rule for name, rule in brought.items() if asked.body.get(name)))


def attribute_rules(table: Table, asked: Question) -> list[str]:
    """The rules of what the body and the query have. A body has its noun around it, or says several.

    A field of one noun alone is named with it: `noun.field`.
    """
    named = table.attributes.get(f"{asked.verb} {asked.path}")
    if not named:
        return []
    given = {f"?{name}" for name in asked.query or ()}
    if isinstance(asked.body, dict):
        for noun, inner in asked.body.items():
            for one in inner if isinstance(inner, list) else [inner]:
                for name in _fields(one) if isinstance(one, dict) else ():
                    given |= {name, f"{noun}.{name}"}
    return [rule for name, rule in named.items() if name in given]


def _fields(row: dict[str, Any]) -> Iterator[str]:
    """Their names, and those of fields inside of them as Neutron writes these: `external_gateway_info:enable_snat`."""
    for name, value in row.items():
        yield name
        if isinstance(value, dict):
            yield from (f"{name}:{inside}" for inside in value)


def _own(context: AuthContext) -> dict[str, str]:
    """The caller's own, as the target of a rule: whose row it is, the rooms decide."""
    mine = dict.fromkeys(("project_id", "tenant_id", "owner", "member_id"), context.project_id)
    return mine | {"user_id": context.user_id}


def _credentials(context: AuthContext) -> dict[str, Any]:
    return {
        "user_id": context.user_id,
        "project_id": context.project_id,
        "tenant_id": context.project_id,
        "domain_id": context.domain_id or None,
        "user_domain_id": context.user_domain_id,
        "project_domain_id": context.project_domain_id,
        "system_scope": "all" if context.system else None,
        "is_admin": context.is_admin,
        "roles": list(context.roles),
        "token": {"domain": {"id": context.domain_id}, "project": {"domain": {"id": _project_domain(context)}}},
    }


def _project_domain(context: AuthContext) -> str:
    return context.project_domain_id if context.project_id else ""

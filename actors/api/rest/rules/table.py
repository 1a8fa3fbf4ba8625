"""The shape of a service's table of rules. Pure.

A route is a verb and a path with its parameters' names in braces: `GET /v2.1/servers/{server_id}`. Its rule is a name,
or follows from what the path, the query or the body names: the noun in `/v2.0/{noun}/{row_id}/tags`, the one key of an
action.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

READS = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class ByNoun:
    """The path's `{noun}` says which rule."""

    rules: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ByAction:
    """The one key of the body says which rule."""

    rules: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ByQuery:
    """The first of these that the query has says which rule; `other` where it has none."""

    rules: Mapping[str, str]
    other: str


Rule = str | ByNoun | ByAction | ByQuery


@dataclass(frozen=True, slots=True)
class Table:
    """What a service asks of policy.

    `special` has the rules whose default is not that of their verb: a reader reads, a member changes things.
    `attributes` has, by route, the rules that count besides where the body has a field of that name (or the query, with
    a `?` before it). They are the rooms' own decisions: asked only where an operator overrides them. `passed_on` has,
    by route, the rules of the service that the request goes on to, with its caller's token, and of what else it shows
    or takes away: they count as well. So do those of `contained`, by route and field, where the body has that field.
    """

    service: str
    routes: Mapping[str, Rule]
    special: Mapping[str, str]
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    passed_on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    contained: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    read: str = "rule:reader"
    write: str = "rule:writer"
    needs_project: bool = True  # a token for a domain or the system is good for nothing here
    has_targets: bool = False  # a rule that the file gives may look at the rows that a request is about
    decides_alone: bool = False  # and no room decides after it
    of_caller: frozenset[str] = frozenset()  # rules about what is the caller's alone: for these no role is lent

    @property
    def defaults(self) -> dict[str, str]:
        found = {f"{self.service}:read": self.read, f"{self.service}:write": self.write}
        for route, rule in self.routes.items():
            default = self.read if route.split(" ")[0] in READS else self.write
            for name in names_of(rule):
                found.setdefault(name, default)
        return found | dict(self.special)


def names_of(rule: Rule) -> Iterator[str]:
    """Every rule that may decide."""
    match rule:
        case ByNoun(rules) | ByAction(rules):
            yield from rules.values()
        case ByQuery(rules, other):
            yield from (*rules.values(), other)
        case str():
            yield rule


def general(service: str, verb: str) -> str:
    """The rule of what a table leaves open."""
    return f"{service}:{'read' if verb in READS else 'write'}"

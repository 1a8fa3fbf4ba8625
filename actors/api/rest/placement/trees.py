"""Which providers of a tree could take what is asked, together. Pure.

A host of this cloud without anything below it is one provider, and the scheduler says whether it could. A named group
has to fit one provider, the classes of the group without a name may come from several of the same tree, and from those
that share what they have with it. Facts: docs.openstack.org/placement, «Modeling with Provider Trees».
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product

from msgspec.structs import replace

from actors.scheduler.messages import CandidateGroup, CandidateQuery, ProviderView
from actors.scheduler.providers import suits

SHARES = "MISC_SHARES_VIA_AGGREGATE"  # the trait of who gives to every tree that is in an aggregate of its
TRIED_LIMIT = 1_000  # ways to share a request among the providers of one tree

ABSENT = ProviderView(  # in place of a root that is a host which is away
    id="", name="", generation=0, inventories={}, traits=frozenset(), aggregates=frozenset()
)

Resources = dict[str, int]
Part = tuple[str, ProviderView, Resources]  # of a request: its group's suffix, who gives it, what


@dataclass(frozen=True, slots=True)
class Candidate:
    """What would be allocated of which provider, whom each group was given, and all who are to be described."""

    allocations: dict[str, Resources]
    mappings: dict[str, list[str]]
    providers: tuple[ProviderView, ...]


def of_one(each: ProviderView, query: CandidateQuery) -> Candidate:
    """A provider that takes all of it."""
    return _candidate([(suffix, each, group.resources) for suffix, group in query.groups.items()], (each,))


def by_tree(providers: Iterable[ProviderView]) -> dict[str, list[ProviderView]]:
    """By the root's id; a root comes first in its tree."""
    trees: defaultdict[str, list[ProviderView]] = defaultdict(list)
    for each in providers:
        trees[each.root].append(each)
    return {root: sorted(tree, key=lambda each: each.id != root) for root, tree in trees.items()}


def in_trees(query: CandidateQuery, providers: Iterable[ProviderView]) -> CandidateQuery:
    """`in_tree` may name any provider of the tree that is meant; here it names the root."""
    if not any(group.in_tree for group in query.groups.values()):
        return query
    roots = {each.id: each.root for each in providers}
    groups = {
        suffix: replace(group, in_tree=roots.get(group.in_tree, group.in_tree))
        for suffix, group in query.groups.items()
    }
    return replace(query, groups=groups)


def sharing_with(tree: Sequence[ProviderView], providers: Iterable[ProviderView]) -> list[ProviderView]:
    """Those of other trees that share with this one: some provider of it is in an aggregate of theirs."""
    among = frozenset().union(*(each.aggregates for each in tree))
    roots = {each.root for each in tree}
    return [
        each
        for each in providers
        if SHARES in each.traits and each.root not in roots and not among.isdisjoint(each.aggregates)
    ]


def candidates(
    tree: Sequence[ProviderView], query: CandidateQuery, *, shared: bool, sharing: Sequence[ProviderView] = ()
) -> Iterator[Candidate]:
    """Of one tree. `shared`: what is asked may be given by several providers; who gives all is a tree's own."""
    root = next((each for each in tree if each.id == each.root), ABSENT)
    if not suits(root, query.root):
        return
    givers, own = (*tree, *sharing), {each.id for each in tree}
    choices = [choice for suffix, group in query.groups.items() for choice in _choices(givers, root, suffix, group)]
    for parts in islice(product(*choices), TRIED_LIMIT):
        used = {each.id for _, each, _ in parts}
        if own.isdisjoint(used) or not (shared or len(used) == 1):
            continue
        if _fits(parts, query) and _are_near(parts, tree, query.subtrees):
            yield _candidate(parts, tuple(each for each in givers if each.id in used or (shared and each.id in own)))


def _choices(
    givers: Sequence[ProviderView], root: ProviderView, suffix: str, group: CandidateGroup
) -> Iterator[list[Part]]:
    """For each part of a group, who could give it by itself."""
    if suffix:
        able = [each for each in givers if suits(each, group) and _takes(each, group.resources)]
        yield [(suffix, each, group.resources) for each in able]
        return
    anyhow = replace(group, required=())  # whose traits are required of all who give something, together
    members = [each for each in givers if suits(_as_of_root(each, root), anyhow)]
    for name, amount in group.resources.items():
        yield [("", each, {name: amount}) for each in members if _takes(each, {name: amount})]


def _as_of_root(each: ProviderView, root: ProviderView) -> ProviderView:
    """The root's aggregates are those of its whole tree."""
    return replace(each, aggregates=each.aggregates | root.aggregates) if each.root == root.id else each


def _takes(each: ProviderView, resources: Resources) -> bool:
    return all(name in each.inventories and each.inventories[name].takes(part) for name, part in resources.items())


def _fits(parts: Sequence[Part], query: CandidateQuery) -> bool:
    named = [each.id for suffix, each, _ in parts if suffix]
    if query.isolate and len(set(named)) < len(named):
        return False
    group = query.groups.get("", CandidateGroup(resources={}))
    traits = frozenset().union(*(each.traits for suffix, each, _ in parts if not suffix or not group.resources))
    if any(wanted.isdisjoint(traits) for wanted in group.required):
        return False
    views = {each.id: each for _, each, _ in parts}
    return all(
        views[provider_id].inventories[name].used + amount <= views[provider_id].inventories[name].capacity
        for provider_id, resources in _total(parts).items()
        for name, amount in resources.items()
    )


def _are_near(parts: Sequence[Part], tree: Sequence[ProviderView], subtrees: tuple[frozenset[str], ...]) -> bool:
    """Whether, of each set of groups, one is given by a provider that is above those of the others, or the same."""
    above = {each.id: each.parent_id for each in tree}
    for suffixes in subtrees:
        lines = [_line(each.id, above) for suffix, each, _ in parts if suffix in suffixes]
        if lines and not any(all(line[0] in other for other in lines) for line in lines):
            return False
    return True


def _line(provider_id: str, above: dict[str, str]) -> list[str]:
    """A provider and all above it."""
    line = []
    while provider_id and provider_id not in line:
        line.append(provider_id)
        provider_id = above.get(provider_id, "")
    return line


def _total(parts: Sequence[Part]) -> dict[str, Resources]:
    total: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for _, each, resources in parts:
        if resources:
            total[each.id].update(resources)
    return {provider_id: dict(resources) for provider_id, resources in total.items()}


def _candidate(parts: Sequence[Part], providers: tuple[ProviderView, ...]) -> Candidate:
    mappings: dict[str, list[str]] = {}
    for suffix, each, resources in parts:
        if (suffix or resources) and each.id not in mappings.setdefault(suffix, []):
            mappings[suffix].append(each.id)
    return Candidate(_total(parts), mappings, providers)

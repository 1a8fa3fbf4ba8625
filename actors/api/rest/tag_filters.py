"""Filters of lists by tags, which Keystone and Neutron have alike: all of these, any of them, or not so. Pure."""

from __future__ import annotations

from collections.abc import Iterable

TAG_FILTERS = frozenset({"tags", "tags-any", "not-tags", "not-tags-any"})


def tags_pass(has: Iterable[str], name: str, wanted: Iterable[str]) -> bool:
    """`name` is the filter's."""
    tags, asked = set(has), set(wanted)
    found = bool(tags & asked) if name.endswith("any") else asked <= tags
    return not found if name.startswith("not") else found

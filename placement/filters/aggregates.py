"""Filters by the metadata of a host's aggregates: extra specs, image properties and flavors that they are made for.

Values are lists with commas, and a host in several aggregates has all their values (as in Nova, even contradictory
ones). AggregateInstanceExtraSpecsFilter, AggregateImagePropertiesIsolation, AggregateTypeAffinityFilter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from placement.filters.operators import matches
from placement.host import Aggregate
from placement.image import typed
from placement.request import Shape

Aggregates: TypeAlias = tuple[Aggregate, ...]
"""The aggregates of a host: the facet that is judged here."""

SCOPE = "aggregate_instance_extra_specs"
FLAVOR_KEY = "instance_type"
UNIONS_LIMIT = 1_024  # distinct combinations of aggregates whose metadata are kept merged


@lru_cache(UNIONS_LIMIT)
def union(aggregates: Aggregates) -> dict[str, frozenset[str]]:
    """All values by key, over all aggregates, split at commas."""
    merged: dict[str, frozenset[str]] = {}
    for aggregate in aggregates:
        for key, value in aggregate.metadata:
            merged[key] = merged.get(key, frozenset()) | {part.strip() for part in value.split(",")}
    return merged


def values(aggregates: Aggregates, key: str) -> set[str]:
    """The whole values of one key."""
    return {value for aggregate in aggregates for name, value in aggregate.metadata if name == key}


@dataclass(frozen=True, slots=True)
class AggregateInstanceExtraSpecsFilter:
    """Scoped extra specs must be met by the aggregates; plain ones too where `plain`, as in Nova."""

    plain: bool = False
    name: str = "AggregateInstanceExtraSpecsFilter"
    facet: str = "aggregates"

    def asks(self, shape: Shape) -> bool:
        return next(self._asked(shape), None) is not None

    def admits(self, fact: Aggregates, shape: Shape) -> bool:
        return all(self._met(fact, key, wanted) for key, wanted in self._asked(shape))

    def wants(self, fact: Aggregates, shape: Shape) -> str:
        lacking = [key for key, wanted in self._asked(shape) if not self._met(fact, key, wanted)]
        return f"none of its aggregates meets {', '.join(lacking)}"

    def _met(self, fact: Aggregates, key: str, wanted: str) -> bool:
        return any(matches(value, wanted, key) for value in sorted(union(fact).get(key, ())))

    def _asked(self, shape: Shape) -> Iterator[tuple[str, str]]:
        for key, wanted in shape.extra_specs:
            scope, colon, rest = key.partition(":")
            if colon and scope == SCOPE:
                yield rest, wanted
            elif not colon and self.plain:
                yield key, wanted


@dataclass(frozen=True, slots=True)
class AggregateImagePropertiesIsolation:
    """An aggregate that names an image property takes only images with one of its values, or without that property."""

    namespace: str = ""
    separator: str = "."
    name: str = "AggregateImagePropertiesIsolation"
    facet: str = "aggregates"

    def asks(self, shape: Shape) -> bool:
        return bool(shape.image_properties)

    def admits(self, fact: Aggregates, shape: Shape) -> bool:
        return next(self._broken(fact, shape), None) is None

    def wants(self, fact: Aggregates, shape: Shape) -> str:
        return f"its aggregates are for other images ({', '.join(self._broken(fact, shape))})"

    def _broken(self, fact: Aggregates, shape: Shape) -> Iterator[str]:
        merged = union(fact)
        has = typed(dict(shape.image_properties)) if merged else {}
        for key, options in merged.items():
            if self.namespace and not key.startswith(self.namespace + self.separator):
                continue
            value = has.get(key)
            if value and str(value) not in options:
                yield key


class AggregateTypeAffinityFilter:
    """Aggregates that name flavors take only those."""

    name = "AggregateTypeAffinityFilter"
    facet = "aggregates"

    def asks(self, shape: Shape) -> bool:
        return bool(shape.asks.flavor_name)

    def admits(self, fact: Aggregates, shape: Shape) -> bool:
        lists = values(fact, FLAVOR_KEY)
        return not lists or any(shape.asks.flavor_name in _names(each) for each in lists)

    def wants(self, fact: Aggregates, shape: Shape) -> str:
        return "its aggregates are for other flavors"


def _names(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]

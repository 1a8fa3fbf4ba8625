"""Weights of hosts under a profile: the sum of what its weighers give, times their multipliers.

Used by the full pass (`place.py`), by standing weights and by explanations. Invariant: over the fleet, a row weighed
alone (`for_row`) gets the same number, bit by bit, as in a pass over many (`totals`): the same operations in the same
order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from placement.columns import Floats, Rows
from placement.fleet import Fleet
from placement.host import Aggregate
from placement.multipliers import multiplier, multipliers, overridden
from placement.profiles import Profile
from placement.request import Request
from placement.weighers import WEIGHERS
from placement.weighers.form import Weigher, over_candidates

Overrides: TypeAlias = tuple[tuple[tuple[Aggregate, ...], float], ...]
"""What hosts of these aggregates are multiplied by instead."""

Factors: TypeAlias = tuple[tuple[float, Overrides], ...]
"""What each raw number of a ranked profile is multiplied by; changes only with the hosts themselves."""


def weighers_of(profile: Profile) -> list[tuple[Weigher, float]]:
    """Those by which hosts have standing weights."""
    return [(WEIGHERS[name], multiplier) for name, multiplier in profile.multipliers.items() if name in WEIGHERS]


def factors(fleet: Fleet, profile: Profile) -> Factors:
    found = []
    for weigher, default in weighers_of(profile):
        scale = weigher.scale(fleet)
        found.append((default / scale, _overrides(fleet, weigher.name, default, scale)))
    return tuple(found)


def _overrides(fleet: Fleet, weigher: str, default: float, scale: float) -> Overrides:
    if not overridden(fleet, weigher):
        return ()
    return tuple((each, multiplier(each, weigher, default) / scale) for each in fleet.facets["aggregates"].values())


def totals(fleet: Fleet, rows: Rows, profile: Profile, scaled: Factors) -> Floats:
    """The weight of each row over the fleet; `scaled` are the profile's `factors`."""
    total: Floats = np.zeros(len(fleet.generation.array[rows]))
    for (weigher, _), (factor, overrides) in zip(weighers_of(profile), scaled, strict=True):
        raw = weigher.raw(fleet, rows)
        raw *= _by_row(fleet, rows, overrides) if overrides else factor
        total += raw
    return total


def _by_row(fleet: Fleet, rows: Rows, overrides: Overrides) -> Floats:
    return fleet.facets["aggregates"].numbers(rows, dict(overrides).__getitem__)


def for_row(fleet: Fleet, profile: Profile, scaled: Factors) -> Callable[[int], float]:
    """The weight of one row over the fleet; good until hosts come, go or change."""
    if any(overrides for _, overrides in scaled):
        return _for_row_overridden(fleet, profile, scaled)
    terms = [
        (weigher.for_row(fleet), factor) for (weigher, _), (factor, _) in zip(weighers_of(profile), scaled, strict=True)
    ]

    def weight(row: int) -> float:
        total = 0.0
        for raw, factor in terms:
            total += raw(row) * factor
        return total

    return weight


def _for_row_overridden(fleet: Fleet, profile: Profile, scaled: Factors) -> Callable[[int], float]:
    aggregates = fleet.facets["aggregates"]
    terms = [
        (weigher.for_row(fleet), factor, dict(overrides))
        for (weigher, _), (factor, overrides) in zip(weighers_of(profile), scaled, strict=True)
    ]

    def weight(row: int) -> float:
        if not aggregates.codes.at[row]:  # no host there
            return 0.0
        mine = aggregates.value(row)
        total = 0.0
        for raw, factor, overrides in terms:
            total += raw(row) * overrides.get(mine, factor)
        return total

    return weight


def weights(fleet: Fleet, rows: Rows, profile: Profile, request: Request) -> dict[str, Floats]:
    """What each weigher gives to each row for a request, times its multiplier, as the profile normalises."""
    count = len(fleet.generation.array[rows])
    if not profile.ranked and count == 1:  # Nova does not weigh a single candidate
        return {name: np.zeros(1) for name in profile.multipliers}
    given = dict(standing_weights(fleet, rows, profile))
    for weigher in profile.asked:
        mine = multipliers(fleet, rows, weigher.name, profile.multipliers[weigher.name])
        raw = weigher.raw(fleet, request, rows, mine) if weigher.asks(request) else np.zeros(count)
        given[weigher.name] = over_candidates(raw, from_zero=False) * mine
    return {name: given[name] for name in profile.multipliers}


def standing_weights(fleet: Fleet, rows: Rows, profile: Profile) -> dict[str, Floats]:
    """What weighers give that do not look at the request."""
    if profile.ranked:
        scaled = factors(fleet, profile)
        return {
            weigher.name: weigher.raw(fleet, rows) * (_by_row(fleet, rows, overrides) if overrides else factor)
            for (weigher, _), (factor, overrides) in zip(weighers_of(profile), scaled, strict=True)
        }
    return {
        weigher.name: over_candidates(weigher.raw(fleet, rows), weigher.from_zero)
        * multipliers(fleet, rows, weigher.name, default)
        for weigher, default in weighers_of(profile)
    }


def summed(given: dict[str, Floats], count: int) -> Floats:
    total: Floats = np.zeros(count)
    for weight in given.values():
        total += weight
    return total

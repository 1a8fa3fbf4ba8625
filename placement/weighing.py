"""Weights of hosts under a profile: the sum of what its weighers give, times their multipliers.

Used by the full pass (`place.py`), by rankings and by explanations. Invariant: over the fleet, a row weighed alone
(`for_row`) gets the same number, bit by bit, as in a pass over many (`totals`): the same operations in the same order.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from placement.columns import Floats, Rows
from placement.fleet import Fleet
from placement.profiles import Profile
from placement.weighers import WEIGHERS
from placement.weighers.form import Weigher, over_candidates


def weighers_of(profile: Profile) -> list[tuple[Weigher, float]]:
    return [(WEIGHERS[name], multiplier) for name, multiplier in profile.multipliers.items()]


def factors(fleet: Fleet, profile: Profile) -> tuple[float, ...]:
    """What each raw number of a ranked profile is multiplied by; changes only with the hosts themselves."""
    return tuple(multiplier / weigher.scale(fleet) for weigher, multiplier in weighers_of(profile))


def totals(fleet: Fleet, rows: Rows, profile: Profile, scaled: tuple[float, ...]) -> Floats:
    """The weight of each row over the fleet; `scaled` are the profile's `factors`."""
    total: Floats = np.zeros(len(fleet.generation.array[rows]))
    for (weigher, _), factor in zip(weighers_of(profile), scaled, strict=True):
        raw = weigher.raw(fleet, rows)
        raw *= factor
        total += raw
    return total


def for_row(fleet: Fleet, profile: Profile, scaled: tuple[float, ...]) -> Callable[[int], float]:
    """The weight of one row over the fleet; good until hosts come, go or change."""
    terms = [
        (weigher.for_row(fleet), factor) for (weigher, _), factor in zip(weighers_of(profile), scaled, strict=True)
    ]

    def weight(row: int) -> float:
        total = 0.0
        for raw, factor in terms:
            total += raw(row) * factor
        return total

    return weight


def weights(fleet: Fleet, rows: Rows, profile: Profile) -> dict[str, Floats]:
    """What each weigher gives to each row, times its multiplier, as the profile normalises."""
    count = len(fleet.generation.array[rows])
    if not profile.ranked and count == 1:  # Nova does not weigh a single candidate
        return {name: np.zeros(1) for name in profile.multipliers}
    if profile.ranked:
        scaled = factors(fleet, profile)
        return {
            weigher.name: weigher.raw(fleet, rows) * factor
            for (weigher, _), factor in zip(weighers_of(profile), scaled, strict=True)
        }
    return {
        weigher.name: over_candidates(weigher.raw(fleet, rows), weigher.from_zero) * multiplier
        for weigher, multiplier in weighers_of(profile)
    }


def summed(given: dict[str, Floats], count: int) -> Floats:
    total: Floats = np.zeros(count)
    for weight in given.values():
        total += weight
    return total

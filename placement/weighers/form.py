"""The form of a weigher and the two ways to make its numbers comparable.

A weigher gives each host a raw number, more is better; a profile gives it a multiplier. Weights of several weighers
can only be added when normalised:

- *over the candidates*, as Nova does: raw numbers of the hosts that passed become 0..1. The weight of one host then
  depends on who else passed, so every decision must look at every host.
- *over the fleet*: raw numbers are divided by the largest that a host of this fleet could have. The order is Nova's
  wherever one weigher decides; a host's weight depends on that host alone, so that rankings can be kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from placement.columns import Floats, Rows
from placement.fleet import Fleet


class Weigher(Protocol):
    name: str
    from_zero: bool  # over the candidates: raw / max (clamped at 0) instead of (raw - min) / (max - min)

    def raw(self, fleet: Fleet, rows: Rows) -> Floats:
        """A new array of one number a row."""

    def for_row(self, fleet: Fleet) -> Callable[[int], float]:
        """The same number for one row, fast; good until the fleet grows."""

    def scale(self, fleet: Fleet) -> float:
        """The largest raw number that a host of this fleet could have, above 0. Claims do not change it."""


def over_candidates(raw: Floats, from_zero: bool) -> Floats:
    """Nova's normalisation: 0..1 over the hosts that passed. Where all are equal: 0, or 1 when counted from zero."""
    if not len(raw):
        return raw
    if from_zero:
        raw = raw.clip(min=0.0)
    least = 0.0 if from_zero else float(raw.min())
    spread = float(raw.max()) - least
    normalised: Floats = (raw - least) / spread if spread > 0 else raw * 0.0
    return normalised

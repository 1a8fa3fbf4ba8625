"""Standing weights: what every host weighs under a ranked profile, kept up to date by the fleet's journals.

Over the fleet (`weighers/form.py`) a host's weight does not depend on the request, so one column serves the rankings
of all shapes: a claim is weighed once, whoever asks next. Owned by `place.py`, read by `ranking.py`. Invariant: after
`catch_up` the weight of every row is that of its present state.
"""

from __future__ import annotations

from placement.columns import FloatColumn
from placement.fleet import Fleet
from placement.profiles import Profile
from placement.weighing import factors, for_row, totals


class Standing:
    def __init__(self, fleet: Fleet, profile: Profile) -> None:
        self._fleet = fleet
        self.profile = profile
        self.scale = 0  # grows when every weight changed at once: a larger host came, or the largest left
        self._facts_at = self._usage_at = 0  # how far the journals are read
        self._begin()

    def catch_up(self) -> None:
        fleet = self._fleet
        if self._facts_at != fleet.facts.end:
            self._catch_up_facts()
        if self._usage_at == fleet.usage.end:
            return
        changed = fleet.usage.since(self._usage_at)
        if changed is None:
            self._weigh_all()
            return
        weight, at = self._weigh, self.weights.at
        for row in changed:
            at[row] = weight(row)
        self._usage_at = fleet.usage.end

    def _catch_up_facts(self) -> None:
        fleet = self._fleet
        changed = fleet.facts.since(self._facts_at)
        if (
            changed is None
            or len(self.weights.array) != fleet.capacity
            or factors(fleet, self.profile) != self._factors
        ):
            self._begin()
            return
        for row in changed:
            self.weights.at[row] = self._weigh(row)
        self._facts_at = fleet.facts.end

    def _begin(self) -> None:
        """New hosts may mean new columns and new scales: weigh everything by them."""
        fleet = self._fleet
        self.scale += 1
        self._factors = factors(fleet, self.profile)
        self._weigh = for_row(fleet, self.profile, self._factors)
        self.weights = FloatColumn(fleet.capacity)
        self._facts_at = fleet.facts.end
        self._weigh_all()

    def _weigh_all(self) -> None:
        fleet = self._fleet
        self.weights.array[fleet.all] = totals(fleet, fleet.all, self.profile, self._factors)
        self._usage_at = fleet.usage.end

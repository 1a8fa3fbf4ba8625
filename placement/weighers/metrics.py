"""MetricsWeigher: what hosts measure of themselves, times ratios ("cpu.frequency=2", "cpu.percent=-1").

A host that lacks a metric: refused request where metrics are `required`, otherwise it weighs `unavailable` altogether -
unless the ratio or the host's multiplier is 0, when the metric would not have counted. Percentages are reported as
fractions and count as hundreds, and all are cut to whole numbers, as in Nova.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placement.columns import Floats, Rows
from placement.errors import BadRequest
from placement.fleet import Fleet, indices
from placement.request import Request

PERCENT = "percent"


@dataclass(frozen=True, slots=True)
class MetricsWeigher:
    ratios: tuple[tuple[str, float], ...] = ()
    required: bool = True
    unavailable: float = -10_000.0
    name: str = "MetricsWeigher"

    def asks(self, request: Request) -> bool:
        return bool(self.ratios)

    def raw(self, fleet: Fleet, request: Request, rows: Rows, multipliers: Floats) -> Floats:
        numbers = zip(indices(rows).tolist(), multipliers.tolist(), strict=True)
        return np.array([self._weigh(fleet, row, multiplier) for row, multiplier in numbers], dtype=np.float64)

    def _weigh(self, fleet: Fleet, row: int, multiplier: float) -> float:
        state = fleet.state(row)
        has = {name: int(value * 100 if name.endswith(PERCENT) else value) for name, value in state.metrics}
        total = 0.0
        for name, ratio in self.ratios:
            if name in has:
                total += has[name] * ratio
            elif self.required:
                raise BadRequest("metrics_weight_setting", f"host {state.name} does not report {name}")
            elif ratio * multiplier != 0:
                return self.unavailable
        return total

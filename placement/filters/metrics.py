"""MetricsFilter: the host reports every metric that the metrics weigher is set to weigh."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from placement.fleet import Fleet
from placement.request import Shape


@dataclass(frozen=True, slots=True)
class MetricsFilter:
    names: frozenset[str] = frozenset()
    name: str = "MetricsFilter"

    def asks(self, shape: Shape) -> bool:
        return bool(self.names)

    def judges(self, shape: Shape) -> Callable[[Fleet, int], bool]:
        return lambda fleet, row: self.names <= {name for name, _ in fleet.state(row).metrics}

    def wants(self, fleet: Fleet, shape: Shape, row: int) -> str:
        missing = self.names - {name for name, _ in fleet.state(row).metrics}
        return f"it does not report {', '.join(sorted(missing))}"

"""A form of filter for what only Python can judge, host by host: it costs microseconds a host, and is asked last.

The rule says whether a shape asks anything (if not, nothing is looked at), and judges one row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from placement.columns import Rows
from placement.filters.form import Check, Depends
from placement.fleet import Fleet, indices
from placement.request import Request, Shape


class RowRule(Protocol):
    @property
    def name(self) -> str: ...

    def asks(self, shape: Shape) -> bool: ...

    def judges(self, shape: Shape) -> Callable[[Fleet, int], bool]:
        """A judge for the rows of one shape; what all rows share is worked out once. Raises `BadRequest`."""

    def wants(self, fleet: Fleet, shape: Shape, row: int) -> str:
        """What a refused host lacks, in a few words."""


@dataclass(frozen=True, slots=True)
class EachHost:
    """A `RowRule` as a `UsageFilter` over the fleet."""

    rule: RowRule

    @property
    def name(self) -> str:
        return self.rule.name

    def depends(self, shape: Shape) -> Depends:
        return Depends.USAGE if self.rule.asks(shape) else Depends.FACTS

    def for_row(self, fleet: Fleet, shape: Shape) -> Callable[[int], bool]:
        admits = self.rule.judges(shape)
        return lambda row: admits(fleet, row)

    def checks(self, fleet: Fleet, request: Request, rows: Rows) -> Iterator[Check]:
        if not self.rule.asks(request.shape):
            return
        admits = self.rule.judges(request.shape)
        numbers = zip(indices(rows).tolist(), fleet.present(rows).tolist(), strict=True)
        verdicts = [present and admits(fleet, row) for row, present in numbers]
        yield Check(self.name, np.array(verdicts, dtype=np.bool_))

    def lack(self, fleet: Fleet, request: Request, row: int) -> str:
        return self.rule.wants(fleet, request.shape, row)

"""How busy a host may be: IoOpsFilter, NumInstancesFilter, and both with limits of the host's aggregates.

A host with as many as the limit is full. Of several aggregates the least limit counts; where any value is not a whole
number, none of them does (as in Nova).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from placement.columns import Rows
from placement.filters.aggregates import Aggregates, values
from placement.filters.form import Check, Depends
from placement.fleet import Fleet, indices
from placement.inventory import Usage
from placement.request import Request, Shape


@dataclass(frozen=True, slots=True)
class Limit:
    """`key`: the aggregates' metadata key, '' = aggregates have no say."""

    name: str
    most: int
    counter: str  # of the fleet: io_ops, instances
    key: str = ""

    def depends(self, shape: Shape) -> Depends:
        return Depends.USAGE

    def for_row(self, fleet: Fleet, shape: Shape) -> Callable[[int], bool]:
        used = self._usage(fleet).used.at
        if not self.key:
            return lambda row: used[row] < self.most
        aggregates = fleet.facets["aggregates"]
        return lambda row: used[row] < self._most(aggregates.value(row))

    def checks(self, fleet: Fleet, request: Request, rows: Rows) -> Iterator[Check]:
        used = self._usage(fleet).used.array[rows]
        if not self.key:
            yield Check(self.name, used < self.most)
            return
        aggregates = fleet.facets["aggregates"]
        there = fleet.present(rows)
        numbers = zip(indices(rows).tolist(), there.tolist(), strict=True)
        most = [self._most(aggregates.value(row)) if present else 0 for row, present in numbers]
        yield Check(self.name, used < np.array(most, dtype=np.int64))

    def lack(self, fleet: Fleet, request: Request, row: int) -> str:
        thing = "I/O operations" if self.counter == "io_ops" else "instances"
        return f"it has {self._usage(fleet).used.at[row]} {thing}, as many as it may"

    def _usage(self, fleet: Fleet) -> Usage:
        return fleet.io_ops if self.counter == "io_ops" else fleet.instances

    def _most(self, aggregates: Aggregates) -> int:
        try:
            return min((int(value) for value in values(aggregates, self.key)), default=self.most)
        except ValueError:
            return self.most


def io_ops(most: int) -> Limit:
    return Limit("IoOpsFilter", most, "io_ops")


def aggregate_io_ops(most: int) -> Limit:
    return Limit("AggregateIoOpsFilter", most, "io_ops", "max_io_ops_per_host")


def num_instances(most: int) -> Limit:
    return Limit("NumInstancesFilter", most, "instances")


def aggregate_num_instances(most: int) -> Limit:
    return Limit("AggregateNumInstancesFilter", most, "instances", "max_instances_per_host")

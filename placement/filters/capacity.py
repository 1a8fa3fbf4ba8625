"""Capacity: the host has room for every resource that is asked for. Placement's rule, resource class by class.

`UnitsFilter` is about what a host is (a machine of 33 vCPUs never fits 32 physical ones, whatever the ratio), so
rankings keep its verdict; `CapacityFilter` is about what is taken, and is asked again with every claim.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np

from placement.columns import Floats, Rows
from placement.filters.form import Check, Depends
from placement.fleet import Fleet
from placement.host import DISK_GB, MEMORY_MB, VCPU
from placement.request import Request, Shape

Units: TypeAlias = tuple[tuple[str, int, int, int], ...]
"""A host's `Stock.units`."""

UNIT_NAMES = {VCPU: "{} vCPU", MEMORY_MB: "{} MiB of RAM", DISK_GB: "{} GiB of disk"}


class UnitsFilter:
    """One instance's share lies within min_unit and max_unit and is a multiple of step_size."""

    name = "ResourceUnits"
    facet = "units"

    def asks(self, shape: Shape) -> bool:
        return bool(shape.resources)

    def admits(self, fact: Units, shape: Shape) -> bool:
        return not any(self._broken(fact, shape))

    def wants(self, fact: Units, shape: Shape) -> str:
        return " and ".join(self._broken(fact, shape))

    def _broken(self, fact: Units, shape: Shape) -> Iterator[str]:
        bounds = {resource_class: (least, most, step) for resource_class, least, most, step in fact}
        for resource_class, amount in shape.resources:
            least, most, step = bounds.get(resource_class, (1, 0, 1))
            if amount > most:
                yield f"at most {measured(resource_class, most)} for one instance"
            elif amount < least or amount % step:
                yield f"{resource_class} only from {least} in steps of {step}"


class CapacityFilter:
    """(total - reserved) * allocation ratio has room for what is used and what is asked."""

    name = "Capacity"

    def depends(self, shape: Shape) -> Depends:
        return Depends.USAGE

    def for_row(self, fleet: Fleet, shape: Shape) -> Callable[[int], bool]:
        needs = [
            (inventory.used.at, inventory.limit.at, amount)
            for resource_class, amount in shape.resources
            if (inventory := fleet.inventory.get(resource_class)) is not None
        ]

        def fits(row: int) -> bool:
            # a loop, not all(): this runs once a decision, and a generator costs more than the comparisons
            for used, limit, amount in needs:  # noqa: SIM110
                if used[row] + amount > limit[row]:
                    return False
            return True

        return fits

    def checks(self, fleet: Fleet, request: Request, rows: Rows) -> Iterator[Check]:
        for resource_class, amount in request.shape.resources:
            inventory = fleet.inventory.get(resource_class)
            if inventory is not None:
                passed = inventory.used.array[rows] + amount <= inventory.limit.array[rows]
                yield Check(resource_class, passed)

    def lack(self, fleet: Fleet, request: Request, row: int) -> str:
        return " and ".join(
            f"{measured(name, missing)} short" for name, missing in self._shortages(fleet, request, row)
        )

    def shortage(self, fleet: Fleet, request: Request, rows: Rows) -> Floats:
        """How much is lacking on each row, summed over classes as shares of what is asked; 0 where all fits."""
        total: Floats = np.zeros(len(fleet.present(rows)))
        for resource_class, amount in request.shape.resources:
            inventory = fleet.inventory.get(resource_class)
            if inventory is not None:
                total += np.maximum(0, inventory.used.array[rows] + amount - inventory.limit.array[rows]) / amount
        return total

    def _shortages(self, fleet: Fleet, request: Request, row: int) -> Iterator[tuple[str, int]]:
        for resource_class, amount in request.shape.resources:
            inventory = fleet.inventory.get(resource_class)
            if inventory is None:
                continue
            missing = inventory.used.at[row] + amount - inventory.limit.at[row]
            if missing > 0:
                yield resource_class, math.ceil(missing)


def measured(resource_class: str, amount: int) -> str:
    """An amount for people: "512 MiB of RAM"."""
    text = UNIT_NAMES.get(resource_class, f"{{}} {resource_class}").format(amount)
    return f"{text}s" if resource_class == VCPU and amount != 1 else text

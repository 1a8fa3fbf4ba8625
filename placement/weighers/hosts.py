"""Weighers by what hosts are and have besides plain resources: HypervisorVersionWeigher, PCIWeigher."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from placement.columns import Floats, Rows
from placement.fleet import Fleet

DEVICES_MOST = 100  # Nova's: hosts with that many free devices or more weigh the same


class HypervisorVersionWeigher:
    """Newer hypervisors weigh more."""

    name = "HypervisorVersionWeigher"
    from_zero = False

    def raw(self, fleet: Fleet, rows: Rows) -> Floats:
        return fleet.facets["guests"].numbers(rows, _version)

    def for_row(self, fleet: Fleet) -> Callable[[int], float]:
        guests = fleet.facets["guests"]
        return lambda row: _version(guests.value(row))

    def scale(self, fleet: Fleet) -> float:
        return max(1.0, max(map(_version, fleet.facets["guests"].values()), default=1.0))


class PCIWeigher:
    """The fewer free devices, the more, whatever the request asks: who needs none leaves devices alone, who needs one
    takes the last."""

    name = "PCIWeigher"
    from_zero = False

    def raw(self, fleet: Fleet, rows: Rows) -> Floats:
        return DEVICES_MOST - np.minimum(fleet.devices.array[rows], DEVICES_MOST - 1).astype(np.float64)

    def for_row(self, fleet: Fleet) -> Callable[[int], float]:
        free = fleet.devices.at
        return lambda row: float(DEVICES_MOST - min(free[row], DEVICES_MOST - 1))

    def scale(self, fleet: Fleet) -> float:
        return float(DEVICES_MOST)


def _version(guests: tuple[object, int]) -> float:
    return float(guests[1])

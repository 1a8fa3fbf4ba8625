"""NUMATopologyFilter and PciPassthroughFilter: the host has cells and devices for a guest that asks for some.

Nova asks twice: the PCI filter whether there are devices at all, the NUMA filter whether cells and devices lie near
each other.
"""

from __future__ import annotations

from collections.abc import Callable

from placement.fleet import Fleet
from placement.pci import assigned
from placement.request import Shape
from placement.seat import cells_for


class NUMATopologyFilter:
    name = "NUMATopologyFilter"

    def asks(self, shape: Shape) -> bool:
        return shape.asks.numa is not None

    def judges(self, shape: Shape) -> Callable[[Fleet, int], bool]:
        demands = shape.asks
        return lambda fleet, row: cells_for(fleet.room(row), demands) is not None

    def wants(self, fleet: Fleet, shape: Shape, row: int) -> str:
        cells = fleet.room(row).cells
        if not cells:
            return "it tells no NUMA topology"
        asked = shape.asks.numa
        count = len(asked.cells) if asked else 0
        return f"its {len(cells)} NUMA cells have no place for the guest's {count}"


class PciPassthroughFilter:
    name = "PciPassthroughFilter"

    def asks(self, shape: Shape) -> bool:
        return bool(shape.asks.pci)

    def judges(self, shape: Shape) -> Callable[[Fleet, int], bool]:
        requests = shape.asks.pci
        return lambda fleet, row: assigned(fleet.room(row).pools, requests) is not None

    def wants(self, fleet: Fleet, shape: Shape, row: int) -> str:
        return "it has not enough PCI devices of the kinds asked for"

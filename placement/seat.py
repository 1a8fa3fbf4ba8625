"""A seat: the NUMA cells and the devices that one instance has on one host, and how one is found.

Used by the filters `numa.py` and `pci.py` (is there one?) and by placing (this one). Deterministic: the same host and
the same request give the same seat, so that whoever repeats a decision repeats the pinning.
"""

from __future__ import annotations

from dataclasses import dataclass

from placement.numa.cells import CellSeat, HostCell, taken
from placement.numa.fit import Ratios, fit
from placement.pci import Nearness, PciPool, Taken, assigned, free_by_cell, without
from placement.request import Demands


@dataclass(frozen=True, slots=True)
class Seat:
    cells: tuple[CellSeat, ...] = ()
    devices: Taken = ()


@dataclass(frozen=True, slots=True)
class Room:
    """What a host has for seats: cells and devices less those of its claims, and how far cells may be overcommitted."""

    cells: tuple[HostCell, ...]
    pools: tuple[PciPool, ...]
    ratios: Ratios

    def after(self, seat: Seat) -> Room:
        by_cell = {each.cell: each for each in seat.cells}
        cells = tuple(taken(cell, by_cell[cell.id]) if cell.id in by_cell else cell for cell in self.cells)
        return Room(cells, without(self.pools, seat.devices), self.ratios)


def find(room: Room, demands: Demands) -> Seat | None:
    """A seat for cells and devices together: devices near the cells, as their policy says."""
    if demands.numa is None:
        devices = assigned(room.pools, demands.pci)
        return None if devices is None else Seat((), devices)
    cells = cells_for(room, demands)
    if cells is None:
        return None
    devices = assigned(room.pools, demands.pci, nearness(room, tuple(each.cell for each in cells)))
    return None if devices is None else Seat(cells, devices)


def cells_for(room: Room, demands: Demands) -> tuple[CellSeat, ...] | None:
    """Cells that the devices, if any, are near to."""
    if demands.numa is None:
        return ()
    devices = free_by_cell(room.pools)
    if not demands.pci:
        return fit(room.cells, demands.numa, room.ratios, devices)

    def has_devices(chosen: tuple[int, ...]) -> bool:
        return assigned(room.pools, demands.pci, nearness(room, chosen)) is not None

    return fit(room.cells, demands.numa, room.ratios, devices, has_devices)


def nearness(room: Room, chosen: tuple[int, ...]) -> Nearness:
    return Nearness(chosen, tuple((cell.id, cell.socket) for cell in room.cells))

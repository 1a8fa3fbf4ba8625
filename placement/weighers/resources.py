"""Weighers by free resources: RAMWeigher, CPUWeigher, DiskWeigher. More room weighs more (spreading).

As in Nova, only the CPU weigher counts overcommitment; free disk is no more than what the disk really has left.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from placement.columns import Floats, Rows
from placement.fleet import Fleet
from placement.host import DISK_GB, MEMORY_MB, VCPU


class RAMWeigher:
    name = "RAMWeigher"
    from_zero = True

    def raw(self, fleet: Fleet, rows: Rows) -> Floats:
        ram = fleet.inventory[MEMORY_MB]
        free: Floats = (ram.usable.array[rows] - ram.used.array[rows]).astype(np.float64)
        return free

    def for_row(self, fleet: Fleet) -> Callable[[int], float]:
        ram = fleet.inventory[MEMORY_MB]
        usable, used = ram.usable.at, ram.used.at
        return lambda row: usable[row] - used[row]

    def scale(self, fleet: Fleet) -> float:
        return _largest(fleet.inventory[MEMORY_MB].usable.array[fleet.all])


class CPUWeigher:
    name = "CPUWeigher"
    from_zero = True

    def raw(self, fleet: Fleet, rows: Rows) -> Floats:
        cpu = fleet.inventory[VCPU]
        free: Floats = cpu.limit.array[rows] - cpu.used.array[rows]
        return free

    def for_row(self, fleet: Fleet) -> Callable[[int], float]:
        cpu = fleet.inventory[VCPU]
        limit, used = cpu.limit.at, cpu.used.at
        return lambda row: limit[row] - used[row]

    def scale(self, fleet: Fleet) -> float:
        return _largest(fleet.inventory[VCPU].limit.array[fleet.all])


class DiskWeigher:
    """Counts MiB, as Nova's does: only the profile `nova`, which shows raw numbers, would notice."""

    name = "DiskWeigher"
    from_zero = True

    def raw(self, fleet: Fleet, rows: Rows) -> Floats:
        disk = fleet.inventory[DISK_GB]
        free = disk.usable.array[rows] - disk.used.array[rows]
        mib: Floats = np.minimum(free, fleet.disk_least.array[rows], out=free) * 1024.0
        return mib

    def for_row(self, fleet: Fleet) -> Callable[[int], float]:
        disk = fleet.inventory[DISK_GB]
        usable, used, least = disk.usable.at, disk.used.at, fleet.disk_least.at

        def free(row: int) -> float:
            room, left = usable[row] - used[row], least[row]
            return (room if room < left else left) * 1024.0

        return free

    def scale(self, fleet: Fleet) -> float:
        return _largest(fleet.inventory[DISK_GB].usable.array[fleet.all]) * 1024.0


def _largest(column: np.ndarray[tuple[int], np.dtype[np.int64 | np.float64]]) -> float:
    return max(1.0, float(column.max(initial=0)))

"""Weighers that pack: PackingWeigher, for the fullest host that still has room, and SurplusWeigher.

A host is as full as its scarcest resource: what is left of the other is of no use to anybody. Among hosts that are
equally full, the one with less of the other left comes first. Whatever the request, the order is the same, so that
rankings can be kept; as only hosts with room are asked, that is best fit.

Best fit alone strands capacity: machines with much RAM fill the RAM of a host and leave CPUs that nobody can use.
`grain.py` says which requests are to be weighed by the surplus instead.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from placement.columns import Floats, Rows
from placement.fleet import Fleet
from placement.host import MEMORY_MB, VCPU

SECOND = 1 / 64  # what the resource that is not scarce counts: enough to part equals, too little to overrule


class PackingWeigher:
    """Counts shares of the host's own capacity, overcommitment included: 0 = full, below = room left."""

    name = "PackingWeigher"
    from_zero = False

    def raw(self, fleet: Fleet, rows: Rows) -> Floats:
        cpu, ram = fleet.inventory[VCPU], fleet.inventory[MEMORY_MB]
        cpus_left = 1.0 - cpu.used.array[rows] / np.maximum(cpu.limit.array[rows], 1.0)
        ram_left = 1.0 - ram.used.array[rows] / np.maximum(ram.limit.array[rows], 1.0)
        scarce, other = np.minimum(cpus_left, ram_left), np.maximum(cpus_left, ram_left)
        full: Floats = -(scarce + SECOND * other)
        return full

    def for_row(self, fleet: Fleet) -> Callable[[int], float]:
        cpu, ram = fleet.inventory[VCPU], fleet.inventory[MEMORY_MB]
        cpus_used, cpus, ram_used, mib = cpu.used.at, cpu.limit.at, ram.used.at, ram.limit.at

        def full(row: int) -> float:
            all_cpus, all_mib = cpus[row], mib[row]
            cpus_left = 1.0 - cpus_used[row] / (all_cpus if all_cpus > 1.0 else 1.0)
            ram_left = 1.0 - ram_used[row] / (all_mib if all_mib > 1.0 else 1.0)
            if cpus_left < ram_left:
                return -(cpus_left + SECOND * ram_left)
            return -(ram_left + SECOND * cpus_left)

        return full

    def scale(self, fleet: Fleet) -> float:
        return 1.0


class SurplusWeigher:
    """The share of RAM left less the share of CPU left: above 0 where RAM would be left over, below where CPU would."""

    name = "SurplusWeigher"
    from_zero = False

    def raw(self, fleet: Fleet, rows: Rows) -> Floats:
        cpu, ram = fleet.inventory[VCPU], fleet.inventory[MEMORY_MB]
        cpus_used = cpu.used.array[rows] / np.maximum(cpu.limit.array[rows], 1.0)
        surplus: Floats = cpus_used - ram.used.array[rows] / np.maximum(ram.limit.array[rows], 1.0)
        return surplus

    def for_row(self, fleet: Fleet) -> Callable[[int], float]:
        cpu, ram = fleet.inventory[VCPU], fleet.inventory[MEMORY_MB]
        cpus_used, cpus, ram_used, mib = cpu.used.at, cpu.limit.at, ram.used.at, ram.limit.at

        def surplus(row: int) -> float:
            all_cpus, all_mib = cpus[row], mib[row]
            return cpus_used[row] / (all_cpus if all_cpus > 1.0 else 1.0) - ram_used[row] / (
                all_mib if all_mib > 1.0 else 1.0
            )

        return surplus

    def scale(self, fleet: Fleet) -> float:
        return 1.0

"""Multipliers of weighers, which aggregates may override for their hosts.

An aggregate's metadata `ram_weight_multiplier` counts for its hosts instead of the profile's; of several aggregates the
least counts; where any of a host's is not a number, none of them does (as in Nova). Used by `weighing.py`.
"""

from __future__ import annotations

import numpy as np

from placement.columns import Floats, Rows
from placement.fleet import Fleet
from placement.host import Aggregate

KEYS = {
    "RAMWeigher": "ram_weight_multiplier",
    "CPUWeigher": "cpu_weight_multiplier",
    "DiskWeigher": "disk_weight_multiplier",
    "IoOpsWeigher": "io_ops_weight_multiplier",
    "NumInstancesWeigher": "num_instances_weight_multiplier",
    "BuildFailureWeigher": "build_failure_weight_multiplier",
    "HypervisorVersionWeigher": "hypervisor_version_weight_multiplier",
    "PCIWeigher": "pci_weight_multiplier",
    "MetricsWeigher": "metrics_weight_multiplier",
    "ServerGroupSoftAffinityWeigher": "soft_affinity_weight_multiplier",
    "ServerGroupSoftAntiAffinityWeigher": "soft_anti_affinity_weight_multiplier",
    "CrossCellWeigher": "cross_cell_move_weight_multiplier",
    "ImagePropertiesWeigher": "image_props_weight_multiplier",
    "PackingWeigher": "packing_weight_multiplier",
    "ImageLocalityWeigher": "image_locality_weight_multiplier",
}
NEGATED = frozenset({"BuildFailureWeigher"})  # a positive multiplier is against the host; in profiles it is negative


def overridden(fleet: Fleet, weigher: str) -> bool:
    """Whether any aggregate of any host says something about the weigher."""
    key = KEYS.get(weigher)
    return any(
        name == key
        for aggregates in fleet.facets["aggregates"].values()
        for aggregate in aggregates
        for name, _ in aggregate.metadata
    )


def multiplier(aggregates: tuple[Aggregate, ...], weigher: str, default: float) -> float:
    """What a weigher counts for a host in those aggregates; `default` as a profile gives it."""
    key = KEYS.get(weigher)
    texts = [value for aggregate in aggregates for name, value in aggregate.metadata if name == key]
    try:
        values = [float(text) for text in texts]
    except ValueError:
        return default
    if not values:
        return default
    return -min(values) if weigher in NEGATED else min(values)


def multipliers(fleet: Fleet, rows: Rows, weigher: str, default: float) -> Floats:
    """The same for many rows."""
    if not overridden(fleet, weigher):
        return np.full(len(fleet.generation.array[rows]), default)
    return fleet.facets["aggregates"].numbers(rows, lambda aggregates: multiplier(aggregates, weigher, default))

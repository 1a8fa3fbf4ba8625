"""Weighers by counters: IoOpsWeigher, NumInstancesWeigher, BuildFailureWeigher.

More of these is worse; profiles give them negative multipliers, as Nova's defaults do (Nova negates the multiplier of
build failures itself, which comes to the same).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from placement.columns import Floats, Rows
from placement.fleet import Fleet


class IoOpsWeigher:
    """Instances that are being built on the host."""

    name = "IoOpsWeigher"
    from_zero = True

    def raw(self, fleet: Fleet, rows: Rows) -> Floats:
        return fleet.io_ops.used.array[rows].astype(np.float64)

    def for_row(self, fleet: Fleet) -> Callable[[int], float]:
        return fleet.io_ops.used.at.__getitem__

    def scale(self, fleet: Fleet) -> float:
        return 8.0  # Nova's max_io_ops_per_host


class NumInstancesWeigher:
    name = "NumInstancesWeigher"
    from_zero = False

    def raw(self, fleet: Fleet, rows: Rows) -> Floats:
        return fleet.instances.used.array[rows].astype(np.float64)

    def for_row(self, fleet: Fleet) -> Callable[[int], float]:
        return fleet.instances.used.at.__getitem__

    def scale(self, fleet: Fleet) -> float:
        return 50.0  # Nova's max_instances_per_host


class BuildFailureWeigher:
    """Builds that failed on the host since its last success."""

    name = "BuildFailureWeigher"
    from_zero = False

    def raw(self, fleet: Fleet, rows: Rows) -> Floats:
        return fleet.failed_builds.array[rows].astype(np.float64)

    def for_row(self, fleet: Fleet) -> Callable[[int], float]:
        return fleet.failed_builds.at.__getitem__

    def scale(self, fleet: Fleet) -> float:
        return 1.0

"""The one list of weighers by which hosts have standing weights, by Nova's names.

Which count, and how much, a profile says; `asked.py` and `metrics.py` have those that a profile brings itself.
"""

from __future__ import annotations

from placement.weighers.counters import BuildFailureWeigher, IoOpsWeigher, NumInstancesWeigher
from placement.weighers.form import Weigher
from placement.weighers.hosts import HypervisorVersionWeigher, PCIWeigher
from placement.weighers.packing import PackingWeigher, SurplusWeigher
from placement.weighers.resources import CPUWeigher, DiskWeigher, RAMWeigher

WEIGHERS: dict[str, Weigher] = {
    weigher.name: weigher
    for weigher in (
        RAMWeigher(),
        CPUWeigher(),
        DiskWeigher(),
        IoOpsWeigher(),
        NumInstancesWeigher(),
        BuildFailureWeigher(),
        HypervisorVersionWeigher(),
        PCIWeigher(),
        PackingWeigher(),
        SurplusWeigher(),
    )
}

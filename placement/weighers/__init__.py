"""The one list of weighers, by Nova's names. Which count, and how much, a profile says."""

from __future__ import annotations

from placement.weighers.counters import BuildFailureWeigher, IoOpsWeigher, NumInstancesWeigher
from placement.weighers.form import Weigher
from placement.weighers.packing import PackingWeigher
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
        PackingWeigher(),
    )
}

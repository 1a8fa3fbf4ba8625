"""Profiles: which filters run and how the hosts that pass are ordered, as data. One line of configuration picks one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from placement.filters import FILTERS
from placement.host import MEMORY_MB, VCPU
from placement.nova import nova_profile
from placement.profile import SOFT_WEIGHERS, Profile

__all__ = ["PROFILES", "Profile"]

SUITABILITY = frozenset(
    {
        "ImagePropertiesFilter",
        "ComputeCapabilitiesFilter",
        "SameHostFilter",
        "DifferentHostFilter",
        "AggregateTypeAffinityFilter",
        "AggregateInstanceExtraSpecsFilter",
        "AggregateImagePropertiesIsolation",
        "SimpleCIDRAffinityFilter",
        "JsonFilter",
    }
)
SOFT = {"ServerGroupSoftAffinityWeigher": 1.0, "ServerGroupSoftAntiAffinityWeigher": 1.0}

SURPLUS = 8.0  # of a host, against its fullness


def _packing() -> Profile:
    """The fullest host that still has room, so that empty hosts stay empty."""

    def profile(name: str, surplus: float, across: Mapping[str, Profile]) -> Profile:
        multipliers = {"PackingWeigher": 1.0, "SurplusWeigher": surplus, "BuildFailureWeigher": -1000.0, **SOFT}
        if not surplus:
            del multipliers["SurplusWeigher"]
        return Profile(
            name,
            FILTERS,
            multipliers,
            ranked=True,
            skipped_when_forced=SUITABILITY,
            asked=SOFT_WEIGHERS,
            across=across,
        )

    return profile(
        "pack",
        0.0,
        {MEMORY_MB: profile("pack RAM", SURPLUS, {}), VCPU: profile("pack CPU", -SURPLUS, {})},
    )


PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            Profile(
                "spread",  # Nova's default shape: the host with most room, away from those that are busy building
                FILTERS,
                {
                    "RAMWeigher": 1.0,
                    "CPUWeigher": 1.0,
                    "DiskWeigher": 1.0,
                    "IoOpsWeigher": -1.0,
                    "BuildFailureWeigher": -1000.0,
                    **SOFT,
                },
                ranked=True,
                skipped_when_forced=SUITABILITY,
                asked=SOFT_WEIGHERS,
            ),
            _packing(),
            nova_profile(),
        )
    }
)

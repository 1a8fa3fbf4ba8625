"""Profiles: which filters run and how the hosts that pass are ordered, as data. One line of configuration picks one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from placement.filters import FILTERS
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
            Profile(
                "pack",  # the fullest host that still has room, so that empty hosts stay empty
                FILTERS,
                {"PackingWeigher": 1.0, "BuildFailureWeigher": -1000.0, **SOFT},
                ranked=True,
                skipped_when_forced=SUITABILITY,
                asked=SOFT_WEIGHERS,
            ),
            nova_profile(),
        )
    }
)

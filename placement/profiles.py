"""Profiles: which filters run and how the hosts that pass are ordered, as data. One line of configuration picks one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from placement.filters import FILTERS, NOVA_FILTERS
from placement.filters.form import Filter

NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Profile:
    """`multipliers`: weigher → multiplier, those of 0 left out. `ranked`: weights are normalised over the fleet, so
    rankings are kept; otherwise over the candidates, as Nova does, with a full pass for each decision."""

    name: str
    filters: tuple[Filter, ...]
    multipliers: Mapping[str, float]
    ranked: bool
    skipped_when_forced: frozenset[str] = NOTHING  # filters that a forced host need not pass


SUITABILITY = frozenset({"ImagePropertiesFilter", "ComputeCapabilitiesFilter", "SameHostFilter", "DifferentHostFilter"})

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
                },
                ranked=True,
                skipped_when_forced=SUITABILITY,
            ),
            Profile(
                "pack",  # the fullest host that still has room, so that empty hosts stay empty
                FILTERS,
                {"PackingWeigher": 1.0, "BuildFailureWeigher": -1000.0},
                ranked=True,
                skipped_when_forced=SUITABILITY,
            ),
            Profile(
                "nova",  # Nova's default filters, weighers and multipliers
                NOVA_FILTERS,
                {
                    "RAMWeigher": 1.0,
                    "CPUWeigher": 1.0,
                    "DiskWeigher": 1.0,
                    "IoOpsWeigher": -1.0,
                    "BuildFailureWeigher": -1_000_000.0,
                },
                ranked=False,
                skipped_when_forced=frozenset(
                    {
                        "ComputeFilter",
                        "ComputeCapabilitiesFilter",
                        "ImagePropertiesFilter",
                        "ServerGroupAntiAffinityFilter",
                        "ServerGroupAffinityFilter",
                    }
                ),
            ),
        )
    }
)

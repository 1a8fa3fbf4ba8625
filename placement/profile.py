"""What a profile is: which filters run and how the hosts that pass are ordered, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from placement.filters.form import Filter
from placement.weighers.asked import SOFT_AFFINITY, SOFT_ANTI_AFFINITY, AskedWeigher

SOFT_WEIGHERS: tuple[AskedWeigher, ...] = (SOFT_AFFINITY, SOFT_ANTI_AFFINITY)
NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Profile:
    """`multipliers`: weigher → multiplier; those of 0 may be left out. `ranked`: weights are normalised over the fleet,
    so rankings are kept; otherwise over the candidates, as Nova does, with a full pass for each decision. `asked`:
    the weighers that look at the request. `subset`: the host is drawn from so many of the best. `across`: resource
    class → how shapes are weighed that ask mostly for that while the fleet runs out of another (`grain.py`)."""

    name: str
    filters: tuple[Filter, ...]
    multipliers: Mapping[str, float]
    ranked: bool
    skipped_when_forced: frozenset[str] = NOTHING  # filters that a forced host need not pass
    asked: tuple[AskedWeigher, ...] = ()
    subset: int = 1
    across: Mapping[str, Profile] = field(default_factory=dict)

    @property
    def always_asks(self) -> bool:
        """Whether a request that says nothing of groups is weighed too; then no ranking can answer it."""
        return any(each not in SOFT_WEIGHERS for each in self.asked)

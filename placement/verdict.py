"""A full pass: every filter of a profile over rows of the fleet, and the reasons when nothing is left.

Used where no ranking answers: for requests bound to few hosts, for the profile `nova`, for refusals and explanations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from placement.columns import Mask, Rows
from placement.filters.capacity import CapacityFilter
from placement.filters.form import Check, Filter
from placement.fleet import Fleet, indices
from placement.outcome import NoHost
from placement.profiles import Profile
from placement.request import Request

NEAREST_LIMIT = 3  # hosts named in a refusal

ON_REBUILD = frozenset(
    {"ForcedHost", "IgnoreHosts", "DestinationHost", "ImagePropertiesFilter", "AggregateImagePropertiesIsolation"}
    | {"IsolatedHostsFilter"}
)
"""What is asked of a host where an instance stays and only its image changes."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What every check said of every row; `checks` are in the order of the profile's filters."""

    rows: Rows
    present: Mask
    checks: tuple[tuple[Filter, Check], ...]

    @property
    def passed(self) -> Mask:
        alive = self.present.copy()
        for _, check in self.checks:
            alive &= check.passed
        return alive

    def removed(self) -> Iterator[tuple[str, int, Mask]]:
        """(check, hosts left before it, the hosts it removed), only checks that removed any."""
        alive = self.present
        for _, check in self.checks:
            gone = alive & ~check.passed
            if gone.any():
                yield check.name, int(alive.sum()), gone
                alive = alive & check.passed


def filters_for(profile: Profile, request: Request) -> list[Filter]:
    """The profile's filters, less those that a forced host or a rebuild need not pass."""
    if request.rebuild:
        return [each for each in profile.filters if each.name in ON_REBUILD]
    if not request.forced:
        return list(profile.filters)
    return [each for each in profile.filters if each.name not in profile.skipped_when_forced]


def judge(fleet: Fleet, request: Request, profile: Profile, rows: Rows | None = None) -> Verdict:
    """Run every filter over the rows (all by default)."""
    where = fleet.all if rows is None else rows
    checks = tuple(
        (each, check) for each in filters_for(profile, request) for check in each.checks(fleet, request, where)
    )
    return Verdict(where, fleet.present(where), checks)


def refusal(fleet: Fleet, request: Request, profile: Profile) -> NoHost:
    """Why no host takes the request: hosts removed by each check, and what the nearest misses lacked."""
    verdict = judge(fleet, request, profile)
    reasons: dict[str, int] = {}
    for name, _, gone in verdict.removed():
        reasons[name] = reasons.get(name, 0) + int(gone.sum())
    return NoHost(request.instance_id, reasons, nearest(fleet, request, verdict))


def nearest(fleet: Fleet, request: Request, verdict: Verdict) -> tuple[str, ...]:
    """The hosts that failed the fewest filters, then those with the least shortage: "host-17: 512 MiB of RAM short"."""
    failed = _failures(verdict)
    missed = np.flatnonzero(verdict.present & (failed > 0))
    if not len(missed):
        return ()
    fewest = missed[failed[missed] == failed[missed].min()]
    rows = indices(verdict.rows)[fewest]
    shortage = CapacityFilter().shortage(fleet, request, rows)
    closest = np.argsort(shortage, kind="stable")[:NEAREST_LIMIT]
    return tuple(f"{fleet.state(int(rows[n])).name}: {lacks(fleet, request, verdict, int(fewest[n]))}" for n in closest)


def lacks(fleet: Fleet, request: Request, verdict: Verdict, position: int) -> str:
    """Everything that the row at a position of the verdict lacks."""
    row = int(indices(verdict.rows)[position])
    failing = {each.name: each for each, check in verdict.checks if not check.passed[position]}
    return "; ".join(each.lack(fleet, request, row) for each in failing.values())


def _failures(verdict: Verdict) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """How many filters each row failed; a filter with several checks counts once."""
    failed = np.zeros(len(verdict.present), dtype=np.int64)
    by_filter: dict[str, Mask] = {}
    for each, check in verdict.checks:
        by_filter[each.name] = by_filter.get(each.name, np.zeros(len(failed), dtype=np.bool_)) | ~check.passed
    for mask in by_filter.values():
        failed += mask
    return failed

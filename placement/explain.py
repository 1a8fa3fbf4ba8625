"""A dry run of one decision: what each check removes, how the best hosts weigh, why others were dropped."""

from __future__ import annotations

import numpy as np

from placement.fleet import Fleet, indices
from placement.grain import suited
from placement.outcome import Dropped, Explanation, Scored
from placement.profiles import Profile
from placement.request import Request
from placement.verdict import Verdict, judge, nearest
from placement.weighing import summed, weights

BEST_LIMIT = 5  # hosts shown with their weights
DROPPED_LIMIT = 10  # dropped hosts shown with what they lack


def explain(fleet: Fleet, request: Request, profile: Profile) -> Explanation:
    """Changes nothing. The host with the greatest weight, or one of those that share it, is where it would land."""
    verdict = judge(fleet, request, profile)
    passed = verdict.passed
    none = not passed.any()
    return Explanation(
        hosts=int(verdict.present.sum()),
        checks=tuple((name, before, int(gone.sum())) for name, before, gone in verdict.removed()),
        passed=int(passed.sum()),
        best=_best(fleet, request, verdict, profile),
        dropped=_dropped(fleet, request, verdict),
        nearest=nearest(fleet, request, verdict) if none else (),
    )


def _best(fleet: Fleet, request: Request, verdict: Verdict, profile: Profile) -> tuple[Scored, ...]:
    rows = indices(verdict.rows)[verdict.passed]
    given = weights(fleet, rows, suited(fleet, profile, request.shape), request)
    total = summed(given, len(rows))
    order = np.argsort(-total, kind="stable")[:BEST_LIMIT]
    return tuple(
        Scored(
            fleet.state(int(rows[n])).name,
            float(total[n]),
            {name: float(weight[n]) for name, weight in given.items()},
        )
        for n in order
    )


def _dropped(fleet: Fleet, request: Request, verdict: Verdict) -> tuple[Dropped, ...]:
    """The first few hosts that each check removed, in the order of checks."""
    found: list[Dropped] = []
    by_name = {check.name: each for each, check in verdict.checks}
    rows = indices(verdict.rows)
    for name, _, gone in verdict.removed():
        for position in np.flatnonzero(gone)[: DROPPED_LIMIT - len(found)]:
            row = int(rows[position])
            found.append(Dropped(fleet.state(row).name, name, by_name[name].lack(fleet, request, row)))
    return tuple(found)

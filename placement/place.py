"""Placing: a host is chosen for each request, one after the other, and its resources are claimed at once.

Owned by whoever owns the fleet. A request that many others resemble is answered by the ranking of its shape; one that
is bound to few hosts, or a profile that weighs over the candidates, by a full pass. Invariants: a host that is chosen
passed every filter with all earlier claims counted, so nothing is ever oversubscribed; a batch gives what placing one
by one would give; hosts of equal weight are drawn by the caller's generator, so that a burst does not herd.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from random import Random

import numpy as np
from numpy.typing import NDArray

from placement.columns import Floats, Rows
from placement.errors import BadRequest
from placement.filters.form import Hosts, Narrowing
from placement.fleet import Fleet, indices
from placement.grain import against
from placement.outcome import NoHost, Placement
from placement.profiles import Profile
from placement.ranking import WINDOW_LEAST, Exhausted, Ranking
from placement.request import Claim, Request, Shape
from placement.seat import find
from placement.standing import Standing
from placement.verdict import filters_for, judge, refusal
from placement.weighing import summed, weights

RANKINGS_LIMIT = 256  # shapes whose rankings are kept; the one unused for longest goes first
ANYWHERE = Narrowing()


class Placer:
    """Places requests on one fleet under one profile, and keeps the rankings that make it fast."""

    def __init__(self, fleet: Fleet, profile: Profile, window_least: int = WINDOW_LEAST) -> None:
        self.fleet = fleet
        self.profile = profile
        self._window_least = window_least
        self._standing = Standing(fleet, profile)
        self._rankings: OrderedDict[Shape, Ranking] = OrderedDict()
        self._refused: dict[Shape, tuple[tuple[int, int], NoHost]] = {}
        # Whether rankings know all that weighs a request which says nothing of groups.
        self._ranked = profile.ranked and profile.subset == 1 and not profile.always_asks
        self._across = {name: Placer(fleet, each, window_least) for name, each in profile.across.items()}

    def place(self, requests: list[Request], rng: Random) -> list[Placement | NoHost]:
        return [self.place_one(request, rng) for request in requests]

    def place_together(self, requests: list[Request], least: int, rng: Random) -> list[Placement | NoHost]:
        """Place at least so many of the requests, or none; those beyond `least` that find no host are refused alone.

        One after the other, each on the host that is best for it: for machines that are alike no other order would
        place more of them.
        """
        answers: list[Placement | NoHost] = []
        try:
            answers += (self.place_one(request, rng) for request in requests)
        except BadRequest:
            self._give_back(requests)
            raise
        refused = next((each for each in answers if isinstance(each, NoHost)), None)
        placed = sum(isinstance(each, Placement) for each in answers)
        if refused is None or placed >= least:
            return answers
        self._give_back(requests)
        note = f"{placed} of {len(requests)} would have room, at least {least} must"
        return [replace(refused, instance_id=request.instance_id, note=note) for request in requests]

    def place_one(self, request: Request, rng: Random) -> Placement | NoHost:
        """Choose and claim; a claim that the instance held is replaced. Raises `BadRequest`."""
        row = self.choose(request, rng)
        if row is None:
            return self._refuse(request)
        state = self.fleet.state(row)
        group_id = request.group.id if request.group else ""
        seat = find(self.fleet.room(row), request.shape.asks) if request.shape.demands else None
        self.fleet.claim(Claim(request.instance_id, state.name, request.shape.resources, group_id, seat=seat))
        return Placement(request.instance_id, state.name, state.node)

    def choose(self, request: Request, rng: Random) -> int | None:
        """The row that the request would get; claims nothing."""
        if self._across:
            across = self._across.get(against(self.fleet, request.shape))
            if across is not None:
                return across.choose(request, rng)
        if request.plain and self._ranked:
            return self._ranking(request.shape).best(ANYWHERE.never, rng)
        narrowing = self._narrow(request)
        if narrowing.only is not None:
            return self._pick(request, rng, np.fromiter(narrowing.only, dtype=np.intp))
        if not self._ranked or (request.group is not None and request.group.soft):
            return self._pick(request, rng, self.fleet.all)
        try:
            return self._ranking(request.shape).best(narrowing.never, rng)
        except Exhausted:
            return self._pick(request, rng, self.fleet.all)

    def _give_back(self, requests: list[Request]) -> None:
        for request in requests:
            self.fleet.release(request.instance_id)

    def _ranking(self, shape: Shape) -> Ranking:
        ranking = self._rankings.get(shape)
        if ranking is None:
            ranking = self._rankings[shape] = Ranking(self.fleet, shape, self._standing, self._window_least)
            if len(self._rankings) > RANKINGS_LIMIT:
                self._rankings.popitem(last=False)
        else:
            self._rankings.move_to_end(shape)
        return ranking

    def _narrow(self, request: Request) -> Narrowing:
        """What the request's own filters leave, all together."""
        only: frozenset[int] | None = None
        never: frozenset[int] = frozenset()
        for each in filters_for(self.profile, request):
            narrowing = each.rule.narrow(self.fleet, request) if isinstance(each, Hosts) else None
            if narrowing is None:
                continue
            never |= narrowing.never
            if narrowing.only is not None:
                only = narrowing.only if only is None else only & narrowing.only
        return Narrowing(only, never)

    def _pick(self, request: Request, rng: Random, rows: Rows) -> int | None:
        """A full pass over the rows: the best that passes, one of the equals at random."""
        verdict = judge(self.fleet, request, self.profile, rows)
        candidates = indices(rows)[verdict.passed]
        if not len(candidates):
            return None
        total = summed(weights(self.fleet, candidates, self.profile, request), len(candidates))
        if self.profile.subset > 1:
            return self._one_of_the_best(candidates, total, rng)
        best = np.sort(candidates[total == total.max()])
        return int(best[rng.randrange(len(best))])

    def _one_of_the_best(self, candidates: NDArray[np.intp], total: Floats, rng: Random) -> int:
        """Any of the profile's so many best, so that schedulers who do not know of each other seldom collide."""
        ties = np.array([rng.random() for _ in candidates])
        order = np.lexsort((ties, -total))[: self.profile.subset]
        return int(candidates[order[rng.randrange(len(order))]])

    def _refuse(self, request: Request) -> NoHost:
        """Why; worked out once for a shape as long as nothing changes, so that a full cloud refuses cheaply."""
        if not request.plain:
            return refusal(self.fleet, request, self.profile)
        now = (self.fleet.facts.end, self.fleet.usage.end)
        known = self._refused.get(request.shape)
        if known is None or known[0] != now:
            if len(self._refused) >= RANKINGS_LIMIT:
                self._refused.clear()
            known = self._refused[request.shape] = (now, refusal(self.fleet, request, self.profile))
        return NoHost(request.instance_id, known[1].reasons, known[1].nearest)


def place(fleet: Fleet, requests: list[Request], profile: Profile, rng: Random) -> list[Placement | NoHost]:
    """Place a batch once; who places again and again on a fleet keeps a `Placer`."""
    return Placer(fleet, profile).place(requests, rng)

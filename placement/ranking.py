"""A ranking: the best hosts for one shape of request, kept up to date so that the next decision looks at one host.

Kept by `place.py`, one a shape. It holds a *window*: the best rows as a heap, and a *floor* such that every row outside
weighs no more than it. A claim or release changes one row, which enters the window if it reaches the floor. When
the window is used up, one full pass fills the next.

Invariants: `best` returns a row of greatest weight among all that pass, ties at random; nothing is decided on a stale
weight, because an entry counts only while its row's generation is the one that was weighed.
"""

from __future__ import annotations

import heapq
from random import Random
from typing import cast

import numpy as np
from numpy.typing import NDArray

from placement.columns import Floats, Mask, Rows, view_of
from placement.filters.form import Depends, UsageFilter
from placement.fleet import Fleet
from placement.request import Request, Shape
from placement.standing import Standing

WINDOW_LEAST = 256  # rows in a shape's first window; each further one is twice as large, up to
WINDOW_SHARE = 32  # one row of so many
HEAP_LIMIT_FACTOR = 4  # stale entries that a heap may hold, in windows

EVERYTHING = float("-inf")  # the floor of a window that holds every row that passes


class Exhausted(Exception):
    """Every row of the window is excluded for this one request; a full pass must answer it."""


class Ranking:
    def __init__(self, fleet: Fleet, shape: Shape, standing: Standing, window_least: int = WINDOW_LEAST) -> None:
        self._fleet = fleet
        self._shape = shape
        self._standing = standing
        self._request = Request("", shape)  # what filters are asked with: nothing of a single instance
        by = [(each, each.depends(shape)) for each in standing.profile.filters]
        self._facts = [each for each, depends in by if depends is Depends.FACTS]
        self._usage = [cast(UsageFilter, each) for each, depends in by if depends is Depends.USAGE]
        self._heap: list[tuple[float, float, int, int]] = []  # (-weight, random, row, generation)
        self._floor = EVERYTHING
        self._window = self._next_window = window_least
        self._scale = 0  # the standing's when this began; 0 = not begun
        self._facts_at = self._usage_at = 0  # how far the journals are read
        self._eligible: Mask = np.zeros(0, dtype=np.bool_)  # rows whose facts pass
        self._eligible_at: memoryview[bool] = view_of(self._eligible)

    def best(self, never: frozenset[int], rng: Random) -> int | None:
        """The row for the next request (none of `never`), or None when no row passes. Raises `Exhausted`."""
        self._catch_up(rng)
        while True:
            row = self._top(never)
            if row is not None:
                return row
            if self._floor == EVERYTHING:
                return None
            if self._heap:
                raise Exhausted
            self._refill(rng)

    # ------------------------------------------------------------ the window

    def _top(self, never: frozenset[int]) -> int | None:
        """The best entry that is not stale, left in place; entries of `never` are put back."""
        heap, generation = self._heap, self._fleet.generation.at
        aside = []
        found = None
        while heap:
            entry = heap[0]
            row = entry[2]
            if generation[row] != entry[3]:
                heapq.heappop(heap)
            elif row in never:
                aside.append(heapq.heappop(heap))
            else:
                found = row
                break
        for entry in aside:
            heapq.heappush(heap, entry)
        return found

    def _refill(self, rng: Random) -> None:
        """One full pass: a new window of the best rows, and its floor."""
        fleet = self._fleet
        passed = self._eligible[fleet.all].copy()
        for each in self._usage:
            for check in each.checks(fleet, self._request, fleet.all):
                passed &= check.passed
        rows = np.flatnonzero(passed)
        weights = self._standing.weights.array[rows]
        self._window = self._next_window
        if 2 * self._window <= fleet.rows // WINDOW_SHARE:
            self._next_window = 2 * self._window
        dice = np.random.Generator(np.random.PCG64(rng.getrandbits(64)))
        self._floor = EVERYTHING
        if len(rows) > self._window:
            self._floor = float(np.partition(weights, len(rows) - self._window)[len(rows) - self._window])
            keep = _window(weights, self._floor, self._window, dice)
            rows, weights = rows[keep], weights[keep]
        ties = dice.random(len(rows))
        order = np.lexsort((ties, -weights))  # a sorted list is a heap
        columns = (-weights[order], ties[order], rows[order], fleet.generation.array[rows[order]])
        self._heap = list(zip(*(column.tolist() for column in columns), strict=True))

    # ------------------------------------------------------------ keeping up

    def _catch_up(self, rng: Random) -> None:
        fleet, standing = self._fleet, self._standing
        standing.catch_up()
        if self._scale != standing.scale:
            self._begin(rng)
        elif self._facts_at != fleet.facts.end:
            self._catch_up_facts(rng)
        if self._usage_at == fleet.usage.end:
            return
        changed = fleet.usage.since(self._usage_at)
        self._usage_at = fleet.usage.end
        if changed is None or len(self._heap) > HEAP_LIMIT_FACTOR * self._window:
            self._refill(rng)
            return
        for row in changed if len(changed) == 1 else dict.fromkeys(changed):
            self._weigh(row, rng)

    def _weigh(self, row: int, rng: Random) -> None:
        """A row changed: it enters the window anew if it reaches the floor and passes."""
        weight = self._standing.weights.at[row]
        if weight < self._floor or not self._eligible_at[row]:
            return
        for fits in self._fits:
            if not fits(row):
                return
        heapq.heappush(self._heap, (-weight, rng.random(), row, self._fleet.generation.at[row]))

    def _catch_up_facts(self, rng: Random) -> None:
        """Hosts came, went or changed: judge those anew."""
        fleet = self._fleet
        changed = fleet.facts.since(self._facts_at)
        if changed is None:
            self._begin(rng)
            return
        self._bind()
        rows = np.array(sorted(set(changed)), dtype=np.intp)
        self._eligible[rows] = self._judged(rows)
        self._facts_at = fleet.facts.end
        for row in rows.tolist():
            self._weigh(row, rng)

    def _begin(self, rng: Random) -> None:
        """Judge every host, and fill the window."""
        fleet = self._fleet
        self._bind()
        self._scale = self._standing.scale
        self._eligible = np.zeros(fleet.capacity, dtype=np.bool_)
        self._eligible_at = view_of(self._eligible)
        self._eligible[fleet.all] = self._judged(fleet.all)
        self._facts_at, self._usage_at = fleet.facts.end, fleet.usage.end
        self._refill(rng)

    def _bind(self) -> None:
        """What checks one row; bound to the fleet's columns as they are now."""
        self._fits = [each.for_row(self._fleet, self._shape) for each in self._usage]

    def _judged(self, rows: Rows) -> Mask:
        passed = self._fleet.present(rows)
        for each in self._facts:
            for check in each.checks(self._fleet, self._request, rows):
                passed &= check.passed
        return passed


def _window(weights: Floats, floor: float, size: int, dice: np.random.Generator) -> NDArray[np.intp]:
    """Positions of all weights above the floor, and of as many at the floor as there is room for, picked at random."""
    above = np.flatnonzero(weights > floor)
    level = np.flatnonzero(weights == floor)
    picked = dice.choice(level, size - len(above), replace=False, shuffle=False)
    return np.concatenate((above, picked))

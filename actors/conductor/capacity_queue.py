"""Who waits for room, and whose turn it is: boots that asked to wait rather than to fail where no host has room.

Pure; owned by `waiting.py`. Projects take turns, whoever of a project came first is first of it, and machines that
belong together take one turn together. Invariants: a boot stands in one place at most; never more than `limit` boots;
a project whose machine found a host has its next turn after all the others.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from actors.conductor.boots import Boot
from actors.messages import BootFault

QUEUE_LIMIT = 10_000  # boots that wait


@dataclass(slots=True, eq=False)
class Waiter:
    """One turn: a boot, or those that are placed together. `fault` is why there was no room when last asked."""

    boots: list[Boot]
    until: float  # seconds since the epoch
    since: float
    fault: BootFault

    @property
    def project(self) -> str:
        return self.boots[0].instance.project_id


class CapacityQueue:
    def __init__(self, limit: int = QUEUE_LIMIT) -> None:
        self._limit = limit
        self._lines: OrderedDict[str, list[Waiter]] = OrderedDict()  # by project; whose turn is next comes first

    def __len__(self) -> int:
        return sum(len(waiter.boots) for line in self._lines.values() for waiter in line)

    def add(self, waiter: Waiter) -> bool:
        """False where the queue is full: nothing changed then."""
        if len(self) + len(waiter.boots) > self._limit:
            return False
        self._lines.setdefault(waiter.project, []).append(waiter)
        return True

    def turns(self) -> list[Waiter]:
        """All who wait, in the order in which they are to be served; who no longer builds has left."""
        self._sort_out()
        rounds = zip_longest(*self._lines.values())
        return [waiter for turn in rounds for waiter in turn if waiter is not None]

    def served(self, waiter: Waiter) -> None:
        """It found hosts: it leaves, and its project goes to the end."""
        self._leave(waiter)
        if waiter.project in self._lines:
            self._lines.move_to_end(waiter.project)

    def take_expired(self, now: float) -> list[Waiter]:
        """Those whose time is up; they leave."""
        late = [waiter for line in self._lines.values() for waiter in line if waiter.until <= now]
        for waiter in late:
            self._leave(waiter)
        return late

    def next_deadline(self) -> float:
        """Infinite where nobody waits."""
        return min((waiter.until for line in self._lines.values() for waiter in line), default=float("inf"))

    def _leave(self, waiter: Waiter) -> None:
        line = self._lines.get(waiter.project, [])
        if waiter in line:
            line.remove(waiter)
        if not line:
            self._lines.pop(waiter.project, None)

    def _sort_out(self) -> None:
        for waiter in list(self._everybody()):
            waiter_boots = [boot for boot in waiter.boots if boot.building]
            if not waiter_boots:
                self._leave(waiter)
            else:
                waiter.boots = waiter_boots

    def _everybody(self) -> Iterator[Waiter]:
        for line in self._lines.values():
            yield from line

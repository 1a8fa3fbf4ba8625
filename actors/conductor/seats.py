"""Who is let in while no more than so many boots may be in flight: fair between projects. Pure; told the time.

Owned by the conductor's service, and asked for every request at its door. As long as there is room everybody comes in,
and one project alone may have all of it. When the room is full, those who are turned away are remembered for a while,
and until then no project takes more than its share while another that has less than its own is waiting.
Invariants: never more than `limit` seats are taken; whoever comes again within `REMEMBER_S` gets seats as they are
given back, up to its share, however much others ask for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, zip_longest

REMEMBER_S = 5.0  # how long one that was turned away counts as waiting; clients come again sooner


class Seats:
    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._project_of: dict[str, str] = {}  # by boot that has a seat
        self._held: Counter[str] = Counter()  # seats by project; none with 0
        self._waiting: dict[str, float] = {}  # projects that were turned away, and when last

    def __len__(self) -> int:
        return len(self._project_of)

    def __iter__(self) -> Iterator[str]:
        return iter(self._project_of)

    def in_turn(self, projects: Sequence[str]) -> Iterable[int]:
        """The places in the list in the order in which they are to be asked for: if there is not room for all, projects
        take turns, those with the fewest seats first."""
        if len(self) + len(projects) <= self._limit:
            return range(len(projects))
        lines: dict[str, list[int]] = {}
        for index, project in enumerate(projects):
            lines.setdefault(project, []).append(index)
        by_need = sorted(lines, key=lambda project: self._held[project])
        rounds = zip_longest(*(lines[project] for project in by_need))
        return [index for index in chain.from_iterable(rounds) if index is not None]

    def has_room(self, project: str, count: int, now: float) -> bool:
        """Whether `count` more boots of the project may come in; if not, the project is remembered as waiting."""
        if len(self) + count > self._limit or self._takes_others_share(project, count, now):
            self._waiting[project] = now
            return False
        self._waiting.pop(project, None)
        return True

    def take(self, project: str, boots: Iterable[str]) -> None:
        for boot in boots:
            if boot not in self._project_of:
                self._project_of[boot] = project
                self._held[project] += 1

    def leave(self, boot: str) -> None:
        """Does nothing for one that has no seat."""
        project = self._project_of.pop(boot, None)
        if project is None:
            return
        self._held[project] -= 1
        if not self._held[project]:
            del self._held[project]

    def _takes_others_share(self, project: str, count: int, now: float) -> bool:
        if not self._waiting:
            return False
        self._waiting = {one: at for one, at in self._waiting.items() if now - at <= REMEMBER_S}
        share = self._limit // len({project, *self._held, *self._waiting})
        others = (one for one in self._waiting if one != project)
        return self._held[project] + count > share and any(self._held[one] < share for one in others)

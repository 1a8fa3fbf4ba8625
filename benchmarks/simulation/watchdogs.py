"""The watchdog of a simulated machine: it decides as a real one (`actors/compute/stakes.py`), late and mortal as one.

Owned by its machine, whose guests it stops. Whoever tells it something is the process that speaks. As with a real one,
what was told counts also where who told it dies at once; one that was killed is started again by the living actors
that had guests at stake, or by the next that begins one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from random import Random
from typing import Any

from actors.compute.stakes import Stakes
from benchmarks.simulation.loop import PROCESS, SimulatedLoop

ANSWER_S = (0.000_05, 0.005)  # until who began guests hears that it knows
LATE_S = (0.0, 0.4)  # after a guest's time until it is stopped
START_S = (0.03, 0.3)  # until one that was killed is there again


@dataclass(slots=True)
class _Told:
    """What an actor has told, and would tell again."""

    until: float = 0.0
    held: dict[str, None] = field(default_factory=dict)


class SimulatedWatchdog:
    """`stop` ends guests of this machine."""

    def __init__(self, loop: SimulatedLoop, random: Random, stop: Callable[[list[str]], None]) -> None:
        self._loop = loop
        self._random = random
        self._stop = stop
        self._stakes = Stakes()
        self._lives = True
        self._told: dict[Any, _Told] = {}  # by process
        self._look_at: asyncio.TimerHandle | None = None

    # ------------------------------------------------------------ as a compute actor has it

    async def begin(self, instance_ids: Sequence[str], until: float) -> None:
        actor = _actor()
        if not instance_ids:
            return
        await self._reached()
        told = self._told.setdefault(actor, _Told())
        told.until = max(told.until, until)
        told.held.update(dict.fromkeys(instance_ids))
        self._stakes.begin(actor, told.until, instance_ids)
        self._look_later()
        await asyncio.sleep(self._random.uniform(*ANSWER_S))

    async def take_up(self, instance_ids: Sequence[str]) -> list[str]:
        if not instance_ids:
            return []
        await self._reached()
        found = self._stakes.take_up(instance_ids)
        self._stakes.forget()
        self._look_later()
        await asyncio.sleep(self._random.uniform(*ANSWER_S))
        return found

    async def _reached(self) -> None:
        if not self._lives:
            await asyncio.sleep(self._random.uniform(*START_S))
            self._start()

    def renew(self, until: float) -> None:
        actor = _actor()
        if actor in self._told:
            told = self._told[actor]
            told.until = max(told.until, until)
            self._stakes.renew(actor, told.until)
            self._look_later()

    def let_go(self, instance_ids: Sequence[str]) -> None:
        actor = _actor()
        for instance_id in instance_ids:
            if actor in self._told:
                self._told[actor].held.pop(instance_id, None)
        self._stakes.let_go(actor, instance_ids)
        self._look_later()

    # ------------------------------------------------------------ what happens to it

    def gone(self, actor: Any) -> None:
        """This process has died."""
        self._told.pop(actor, None)
        self._stakes.gone(actor)

    def kill(self) -> None:
        self._lives = False
        self._stakes = Stakes()
        self._look_later()
        if any(told.held for told in self._told.values()):
            self._loop.call_later(self._random.uniform(*START_S), self._start, context=Context())

    def switch_off(self) -> None:
        """With its machine, for good."""
        self._told.clear()
        self.kill()

    def _start(self) -> None:
        if self._lives:
            return
        self._lives = True
        for actor, told in self._told.items():
            self._stakes.begin(actor, told.until, told.held)
        self._look_later()

    def _look_later(self) -> None:
        if self._look_at is not None:
            self._look_at.cancel()
        next_at = self._stakes.next_at()
        if next_at is not None:
            late_s = self._random.uniform(*LATE_S)
            self._look_at = self._loop.call_at(next_at + late_s, self._look, context=Context())

    def _look(self) -> None:
        now = self._loop.time()
        if due := self._stakes.due(now):
            self._stop(due)
            self._stakes.stopped(due, now)
        self._look_later()


def _actor() -> Any:
    """The process that speaks."""
    return PROCESS.get()

"""Servers go to other hosts in storms: each runs in one place, on the disk that it wrote to, and no host keeps more."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from actors.acts import Leave
from actors.compute.service import Compute
from actors.conductor.service import Conductor
from actors.scheduler.service import Scheduler
from benchmarks.simulation.cloud import Parts
from benchmarks.simulation.run import play

SEEDS = 25


def test_every_migration_ends_well_and_nothing_is_left_behind() -> None:
    plays = [play(seed, migrations=True) for seed in range(SEEDS)]
    broken = [played.seed for played in plays if played.broken]
    assert not broken, str(play(broken[0], told=True, migrations=True))
    done = sum((played.migrations for played in plays), Counter[str]())
    assert min(done["migrate"], done["failed"]) > SEEDS
    assert min(done["confirmResize"], done["revertResize"]) > SEEDS / 2
    assert sum(played.crashes for played in plays) > SEEDS / 2


class LeavesItOn(Compute):
    async def act(self, orders: list[Any]) -> list[Any]:
        """A guest that goes runs on where it was."""
        if any(isinstance(order.act, Leave) for order in orders):
            self.hypervisor.guests.shut_down = _nothing  # type: ignore[method-assign]
        return await super().act(orders)


async def _nothing(*_: Any) -> None:
    return


class NeverLetsGo(Conductor):
    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._acts.migrating.tend = _nothing  # type: ignore[method-assign,assignment]


class ExchangesNothing(Scheduler):
    async def exchange(self, exchanges: list[Any]) -> None:
        """Room stays where it was held."""


@pytest.mark.parametrize(
    "parts",
    [Parts(compute=LeavesItOn), Parts(conductor=NeverLetsGo), Parts(scheduler=ExchangesNothing)],
    ids=["leaves it on", "never lets go", "exchanges nothing"],
)
def test_a_fault_put_in_on_purpose_is_found(parts: Parts) -> None:
    assert any(play(seed, parts, migrations=True).broken for seed in range(SEEDS))

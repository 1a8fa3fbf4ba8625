"""The simulator finds what is broken on purpose: each fault, put in by exchanging a part, within five hundred seeds."""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from actors.boot import NODE
from actors.compute.service import Compute
from actors.compute.standing import AtStake, Standing
from actors.conductor.keys import Keys
from actors.conductor.nodes import Nodes
from actors.conductor.service import Conductor
from actors.errors import CallerFault
from actors.messages import DeleteRequest, DetachRequest
from actors.records import Change
from actors.saga import NoUndo, Step
from actors.scheduler.service import Scheduler
from actors.volume.service import VolumeRoom
from benchmarks.simulation.cloud import Parts
from benchmarks.simulation.disk import DiskStore
from benchmarks.simulation.run import play

SEEDS = 500
LATE_S = 0.1  # of the cloud's own time


def without_undo(name: str) -> tuple[Step[Any, Any], ...]:
    return tuple(replace(step, undo=NoUndo("sabotage")) if step.name == name else step for step in NODE)


class KeepsClaims(Scheduler):
    async def release(self, instance_ids: list[str]) -> None:
        """Forgotten."""


class BelievesAnybody(Nodes):
    def check(self, node: str, epoch: int) -> None:
        """No epoch is looked at."""


class Credulous(Conductor):
    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        fenced = (self.scheduler, self.network, self.volume)
        self.nodes = BelievesAnybody(self._store, fenced, self.clock, lost_after_s=60.0)


class ForgetsKeys(Conductor):
    async def start(self) -> None:
        await super().start()
        self._acceptance.keys = Keys(self._boots)


class TakesNothingUp(Conductor):
    def resume(self) -> None:
        """What a dead conductor left stays where it is."""


class LeavesBuilds(Conductor):
    async def node_left(self, node: str) -> list[str]:
        await self.nodes.leave(node)
        row = self.nodes.row(node)
        return list(row.hosts) if row is not None else []


class ForgetsDeletions(Conductor):
    async def delete(self, requests: list[DeleteRequest]) -> list[CallerFault | None]:
        """Answered at once, and only noted in memory for a second."""
        self.spawn(self._later(requests))
        return [None] * len(requests)

    async def _later(self, requests: list[DeleteRequest]) -> None:
        await asyncio.sleep(1.0)
        await super().delete(requests)


class AnswersTooEarly(DiskStore):
    async def write_group(self, changes: list[Change], group: list[tuple[list[Change], Future[None]]]) -> None:
        self._answer(group, None)
        await asyncio.sleep(LATE_S)
        await super().write_group(changes, group)


class KeepsVolumes(VolumeRoom):
    async def detach(self, requests: list[DetachRequest]) -> None:
        """Forgotten."""


class ActsForEver(Standing):
    async def hold(self, instance_ids: Sequence[str]) -> None:
        """No lease is looked at."""

    async def end(self, why: str) -> None:
        """It never stops."""


class Undying(Compute):
    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        at_stake = AtStake(lambda: False, self._stop_unheard, self.hypervisor.watchdog)
        self.standing = ActsForEver(self.conductor, self._clock, at_stake)


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param(Parts(node_table=without_undo("networks")), id="ports are not given back"),
        pytest.param(Parts(node_table=without_undo("start_paused")), id="guests are not stopped"),
        pytest.param(Parts(node_table=without_undo("claim")), id="a host's own claim is kept"),
        pytest.param(Parts(scheduler=KeepsClaims), id="the scheduler's claims are kept"),
        pytest.param(Parts(volume=KeepsVolumes), id="volumes stay attached"),
        pytest.param(Parts(store=AnswersTooEarly), id="commits are acknowledged before they are durable"),
        pytest.param(Parts(conductor=ForgetsKeys), id="idempotency keys are forgotten"),
        pytest.param(Parts(conductor=TakesNothingUp), id="boots of a dead conductor are not taken up"),
        pytest.param(Parts(conductor=LeavesBuilds), id="builds of a lost node stay there"),
        pytest.param(Parts(conductor=ForgetsDeletions), id="deletions are answered before they are durable"),
        pytest.param(Parts(conductor=Credulous, compute=Undying), id="no epoch and no lease is looked at"),
    ],
)
def test_a_fault_put_in_on_purpose_is_found(parts: Parts) -> None:
    assert any(play(seed, parts).broken for seed in range(SEEDS))

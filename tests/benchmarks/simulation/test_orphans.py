"""A node is cut off as soon as a guest has begun on it, and its compute actor is killed: the guest is stopped in time.

Storms have this schedule in one seed of a thousand (`benchmarks/simulation/trouble.py`); here it is played on purpose.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from actors.api.messages import BootRequest
from actors.boot import NODE
from actors.cluster import names
from actors.compute.build import Build
from actors.compute.service import Compute
from actors.compute.watchdog import NoWatchdog
from actors.conductor.nodes import LEASE_S, MARGIN_S
from actors.ledger import apply
from actors.saga import Failures
from benchmarks.simulation.cloud import Parts, SimulatedCloud, Size, Watch
from benchmarks.simulation.stands import IMAGE, MEMBER, first_rows
from benchmarks.simulation.wire import Trouble

STARTED_S = 3.0  # until all rooms and nodes are there
BOOT_S = 2.0  # until a guest has begun, of which nothing is told for so long
AWAITED_S = 60.0
KNOWN_S = 4.0 + LEASE_S + MARGIN_S  # until the node is known to have left, and what it was building goes elsewhere
ELSEWHERE_S = KNOWN_S + 10.0
SEEDS = range(8)


async def is_slow(node: Compute, builds: list[Build]) -> Failures:
    """Guests that run, but do not say so for a long time."""
    await asyncio.sleep(AWAITED_S)
    return {}


SLOW = tuple(replace(step, do=is_slow) if step.name == "await_running" else step for step in NODE)


class Unwatched(Compute):
    """Its guests outlive it, and nobody looks after them."""

    def __init__(self, config: Any, hypervisor: Any, *parts: Any) -> None:
        hypervisor.watchdog = NoWatchdog()
        super().__init__(config, hypervisor, *parts)


UNWATCHED = Parts(node_table=SLOW, compute=Unwatched)


class Scene:
    def __init__(self, seed: int, parts: Parts) -> None:
        self.twice: list[str] = []
        watch = Watch(None, lambda changes: None, lambda instance_id, machines: self.twice.append(instance_id))
        self.cloud = SimulatedCloud(seed, Size(nodes=2, vcpus=100, fault_share=0.0), Trouble(), parts, watch)
        for row in first_rows(0, 0):
            apply(self.cloud.disk.ledger.rows, row)

    async def begin(self) -> str:
        """Boot one machine; the node on which it has just begun to run, which is cut off then."""
        self.cloud.start()
        await asyncio.sleep(STARTED_S)
        api, on = self.cloud.wire.reach(names.API), self.cloud.guests.on
        await api.boot([BootRequest(token=MEMBER, name="vm", flavor="small", image=IMAGE)])
        await asyncio.sleep(BOOT_S)
        [[node]] = on.values()
        self.cloud.cut_off(node, deaf=True)
        return node

    def where(self) -> list[str]:
        return [machine for machines in self.cloud.guests.on.values() for machine in machines]


def play(seed: int, parts: Parts, killed_after_s: float) -> Scene:
    scene = Scene(seed, parts)

    async def run() -> None:
        node = await scene.begin()
        await asyncio.sleep(killed_after_s)
        scene.cloud.end_zombies(node)
        await asyncio.sleep(ELSEWHERE_S)

    scene.cloud.loop.run(run())
    scene.cloud.loop.abandon()
    return scene


@pytest.mark.parametrize("killed_after_s", [0.0, 1.0, LEASE_S - 0.5, LEASE_S + 0.5])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_guest_runs_elsewhere_and_never_twice(seed: int, killed_after_s: float) -> None:
    scene = play(seed, Parts(node_table=SLOW), killed_after_s)
    assert scene.twice == []
    [host] = scene.where()
    assert names.compute_name(host) in scene.cloud.wire.processes  # its node is one of the cloud


def test_without_a_watchdog_it_runs_twice() -> None:
    assert all(play(seed, UNWATCHED, 0.0).twice for seed in SEEDS)


def test_where_the_actor_lives_it_stops_the_guest_itself() -> None:
    assert not any(play(seed, UNWATCHED, LEASE_S + 2.0).twice for seed in SEEDS)

"""The machines of a simulated cloud: what outlives the processes on a worker node, and dies with the node itself.

Owned by `cloud.py`. A machine has a hypervisor with its guests and a data plane with its taps; compute actor and
network agent come and go on it. `Guests` sees every guest of every machine, which nobody in the cloud can. Invariant
that it watches: no guest runs on two machines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from actors.cluster.config import NodeConfig
from actors.compute.build import Build
from actors.compute.simulated import SimulatedHypervisor
from actors.compute.simulated_guests import BUILT, SimulatedGuests
from actors.errors import HostError, HostFault
from actors.network.simulated import SimulatedDataplane
from actors.saga import Failures
from actors.simulated_taps import Taps
from actors.states import Power
from benchmarks.simulation.loop import SimulatedLoop
from benchmarks.simulation.watchdogs import SimulatedWatchdog


class Guests:
    """Who runs where, as it is. `twice` hears of a guest that runs on two machines."""

    def __init__(self, twice: Callable[[str, list[str]], None]) -> None:
        self._twice = twice
        self.on: dict[str, list[str]] = {}  # instance → machines

    def run(self, machine: str, instance_id: str) -> None:
        where = self.on.setdefault(instance_id, [])
        if machine not in where:
            where.append(machine)
        if len(where) > 1:
            self._twice(instance_id, where)

    def end(self, machine: str, instance_id: str) -> None:
        where = self.on.get(instance_id, [])
        if machine in where:
            where.remove(machine)
        if not where:
            self.on.pop(instance_id, None)

    def power_off(self, machine: str) -> None:
        for instance_id in [each for each, where in self.on.items() if machine in where]:
            self.end(machine, instance_id)


class WatchedGuests(SimulatedGuests):
    """A guest that is defined and has been stopped is off, as a real one, and can be started again."""

    def seen_by(self, guests: Guests, machine: str) -> None:
        self._guests, self._machine = guests, machine

    async def power(self, instance_id: str) -> Power | None:
        return await super().power(instance_id) or (Power.SHUTDOWN if instance_id in self._things["define"] else None)

    async def shut_down(self, instance_id: str, wait_s: float, hurry: asyncio.Event) -> None:
        await super().shut_down(instance_id, wait_s, hurry)
        self._guests.end(self._machine, instance_id)

    async def switch_off(self, instance_id: str) -> None:
        await super().switch_off(instance_id)
        self._guests.end(self._machine, instance_id)

    async def start_paused(self, instance_id: str) -> None:
        if instance_id not in self._things["define"]:
            raise HostError(HostFault("start", self._machine, "there is no such guest"))
        self._things[BUILT].add(instance_id)
        await super().start_paused(instance_id)

    async def unpause(self, instance_id: str) -> None:
        await super().unpause(instance_id)
        self._guests.run(self._machine, instance_id)


class WatchedHypervisor(SimulatedHypervisor):
    """The simulated hypervisor, but that its guests outlive the actor's process, as real ones do; and somebody who sees
    when a guest begins and ends to run."""

    def __init__(self, config: NodeConfig, taps: Taps, random: Random, guests: Guests) -> None:
        super().__init__(config, taps, random)
        self._guests = guests
        self._machine = config.host
        self.guests = watched = WatchedGuests(self._things, self._taps, taps, config.instances)
        watched.seen_by(guests, config.host)

    def end(self, instance_ids: list[str]) -> None:
        """Their processes are killed."""
        for instance_id in instance_ids:
            self._things[BUILT].discard(instance_id)
            self._guests.end(self._machine, instance_id)

    async def resume(self, builds: list[Build]) -> Failures:
        failures = await super().resume(builds)
        for build in builds:
            if build.id not in failures and build.id in self._things[BUILT]:
                self._guests.run(self._machine, build.id)
        return failures

    async def stop(self, builds: list[Build]) -> None:
        await super().stop(builds)
        for build in builds:
            self._guests.end(self._machine, build.id)


@dataclass(frozen=True, slots=True)
class Chance:
    """What happens on machines by itself, and when."""

    loop: SimulatedLoop
    random: Random


class Machine:
    def __init__(self, config: NodeConfig, random: Random, guests: Guests, watching: Chance) -> None:
        self.config = config
        self.name = config.host
        taps = Taps()
        self.hypervisor = WatchedHypervisor(config, taps, random, guests)
        self.watchdog = SimulatedWatchdog(watching.loop, watching.random, self.hypervisor.end)
        self.hypervisor.watchdog = self.watchdog
        self.dataplane = SimulatedDataplane(taps)

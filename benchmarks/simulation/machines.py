"""The machines of a simulated cloud: what outlives the processes on a worker node, and dies with the node itself.

Owned by `cloud.py`. A machine has a hypervisor with its guests and a data plane with its taps; compute actor and
network agent come and go on it. `Guests` sees every guest of every machine, which nobody in the cloud can. Invariant
that it watches: no guest runs on two machines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from random import Random
from typing import cast

from actors.cluster.config import NodeConfig
from actors.compute.build import Build
from actors.compute.simulated import SimulatedHypervisor
from actors.compute.simulated_guests import BUILT, SimulatedGuests
from actors.errors import HostError, HostFault
from actors.messages import DiskOffer
from actors.network.simulated import SimulatedDataplane
from actors.saga import Failures
from actors.simulated_taps import Taps
from benchmarks.simulation.loop import SimulatedLoop
from benchmarks.simulation.stands import StoredImage
from benchmarks.simulation.watchdogs import SimulatedWatchdog

COPY_S = (0.01, 1.0)  # that a root disk takes to be copied
FRESH = b"as its image"


class Guests:
    """Who runs where, as it is. `twice` hears of a guest that runs on two machines, `strange` of one that runs with
    another root disk than the one that it wrote to."""

    def __init__(self, twice: Callable[[str, list[str]], None]) -> None:
        self._twice = twice
        self.on: dict[str, list[str]] = {}  # instance → machines
        self.strange: Callable[[str, bytes], None] = _nobody
        self._wrote: set[str] = set()

    def write(self, instance_id: str, disk: bytes) -> bytes:
        """What is on its root disk once it runs."""
        mine = instance_id.encode()
        if disk != mine and (instance_id in self._wrote or disk != FRESH):
            self.strange(instance_id, disk)
        self._wrote.add(instance_id)
        return mine

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


def _nobody(instance_id: str, disk: bytes) -> None:
    """Nobody asks what is on disks."""


class _File:
    """A file in memory, as far as it is sent to the image room."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def open(self, mode: str) -> BytesIO:
        return BytesIO(self._content)

    def unlink(self, missing_ok: bool) -> None:
        """It goes with who holds it."""


class WatchedGuests(SimulatedGuests):
    """Guests whose root disks are really there, or are not."""

    def seen_by(self, guests: Guests, machine: str, disks: dict[str, bytes], random: Random) -> None:
        self._guests, self._machine, self._roots, self._random = guests, machine, disks, random

    async def copy_root_disk(self, instance_id: str) -> Path:
        await asyncio.sleep(self._random.uniform(*COPY_S))
        if instance_id not in self._roots:
            raise HostError(HostFault("createImage", self._machine, "there is no such guest"))
        return cast(Path, _File(self._roots[instance_id]))

    async def offer_disks(self, instance_id: str, hurry: asyncio.Event, anew: bool) -> tuple[DiskOffer, ...]:
        """What is on its root disk goes as the hash of it, from where nobody fetches anything."""
        await asyncio.sleep(self._random.uniform(*COPY_S))
        await super().offer_disks(instance_id, hurry, anew)
        content = self._roots.get(instance_id)
        if content is None:
            return ()
        return (DiskOffer(name="disk", url="", size=len(content), sha512=content.decode(), secret=""),)

    async def take_disks(self, build: Build, offers: tuple[DiskOffer, ...]) -> None:
        await asyncio.sleep(self._random.uniform(*COPY_S))
        await super().take_disks(build, offers)
        for offer in offers:
            self._roots[build.id] = offer.sha512.encode()

    async def shut_down(self, instance_id: str, wait_s: float, hurry: asyncio.Event) -> None:
        await super().shut_down(instance_id, wait_s, hurry)
        self._guests.end(self._machine, instance_id)

    async def switch_off(self, instance_id: str) -> None:
        await super().switch_off(instance_id)
        self._guests.end(self._machine, instance_id)

    async def suspend(self, instance_id: str) -> None:
        await super().suspend(instance_id)
        self._guests.end(self._machine, instance_id)

    async def check_disks(self, build: Build) -> None:
        if build.order.spec.image_id and build.id not in self._roots:
            raise HostError(HostFault("disks", self._machine, "its disk is not on this host"))

    async def unpause(self, instance_id: str) -> None:
        await super().unpause(instance_id)
        self.run(instance_id)

    def run(self, instance_id: str) -> None:
        self._guests.run(self._machine, instance_id)
        if instance_id in self._roots:
            self._roots[instance_id] = self._guests.write(instance_id, self._roots[instance_id])


class WatchedHypervisor(SimulatedHypervisor):
    """The simulated hypervisor, but that its guests outlive the actor's process, as real ones do; and somebody who sees
    when a guest begins and ends to run."""

    def __init__(
        self, config: NodeConfig, taps: Taps, random: Random, guests: Guests, images: Mapping[str, StoredImage]
    ) -> None:
        super().__init__(config, taps, random)
        self._guests = guests
        self._machine = config.host
        self._images = images
        self._roots: dict[str, bytes] = {}  # what is on root disks, by instance
        self._made_of: dict[str, str] = {}  # and the image that each was made of
        self.guests = self._watched = WatchedGuests(self._things, self._taps, taps, config.instances)
        self._watched.seen_by(guests, config.host, self._roots, Random(config.host))

    async def make_root_disks(self, builds: list[Build]) -> Failures:
        """One that is there already is left, but not one of another image."""
        failures = await super().make_root_disks(builds)
        for build in builds:
            if build.id not in failures and (image_id := build.order.spec.image_id):
                image = self._images.get(image_id)
                content = FRESH if image is None or image.content is None else image.content
                if build.id not in self._roots or self._made_of.get(build.id) != image_id:
                    self._roots[build.id] = content
                self._made_of[build.id] = image_id
        return failures

    async def remove_root_disks(self, builds: list[Build]) -> None:
        await super().remove_root_disks(builds)
        for build in builds:
            self._roots.pop(build.id, None)

    def end(self, instance_ids: list[str]) -> None:
        """Their processes are killed."""
        for instance_id in instance_ids:
            self._things[BUILT].discard(instance_id)
            self._guests.end(self._machine, instance_id)

    def taps_of(self, instance_id: str) -> tuple[str, ...]:
        return self._taps.get(instance_id, ())

    async def resume(self, builds: list[Build]) -> Failures:
        failures = await super().resume(builds)
        for build in builds:
            if build.id not in failures and build.id in self._things[BUILT]:
                self._watched.run(build.id)
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
    def __init__(
        self,
        config: NodeConfig,
        random: Random,
        guests: Guests,
        watching: Chance,
        images: Mapping[str, StoredImage],
    ) -> None:
        self.config = config
        self.name = config.host
        taps = Taps()
        self.hypervisor = WatchedHypervisor(config, taps, random, guests, images)
        self.watchdog = SimulatedWatchdog(watching.loop, watching.random, self.hypervisor.end)
        self.hypervisor.watchdog = self.watchdog
        self.dataplane = SimulatedDataplane(taps)

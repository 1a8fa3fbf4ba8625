"""A hypervisor without guests: whole fleets of hosts in one compute actor, for load tests and machines without root.

It says what it is in every report. It keeps what a real one would hold (disks, config drives, taps, domains) as sets
of names, takes as long and fails as often as its configuration says, and is otherwise judged by the same laws.
Its taps are no kernel devices, but lines of a file that the node's network agent reads (`actors/simulated_taps.py`).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from random import Random

from actors.cluster.config import NodeConfig
from actors.cluster.names import fleet_host
from actors.compute.build import Build
from actors.compute.simulated_console import boot_log, tail
from actors.compute.simulated_guests import SimulatedGuests
from actors.compute.watchdog import NoWatchdog, Watchdog
from actors.errors import Fault, HostFault
from actors.messages import HostReport, ImageLocation, NetworkRequest
from actors.network.naming import boot_port_id, tap_device
from actors.saga import Failures
from actors.simulated_taps import Taps

COHORT = 1_000  # builds that go through the steps together
TRAITS = ("COMPUTE_NET_ATTACH_INTERFACE", "COMPUTE_NODE", "COMPUTE_RESCUE_BFV", "COMPUTE_VOLUME_ATTACH")


class SimulatedHypervisor:
    cohort = COHORT

    def __init__(self, config: NodeConfig, taps: Taps, random: Random) -> None:
        self._config = config
        self._fleet = config.simulated
        self._kernel = taps
        self._random = random
        self._reports = self._all_reports()  # its hosts never change
        self._things: dict[str, set[str]] = defaultdict(set)  # kind → instance ids
        self._taps: dict[str, tuple[str, ...]] = {}  # instance id → devices
        self._found: set[str] | None = None  # taps that an earlier life of this process left, and that are there still
        self.guests = SimulatedGuests(self._things, self._taps, taps, config.instances)
        self.watchdog: Watchdog = NoWatchdog()  # its guests are in this process

    async def start(self) -> None:
        return

    async def close(self) -> None:
        self._kernel.close()

    async def reports(self) -> list[HostReport]:
        return self._reports

    def _all_reports(self) -> list[HostReport]:
        names = [self._config.host]
        if self._fleet.hosts > 1:
            names = [fleet_host(self._config.host, index) for index in range(self._fleet.hosts)]
        return [self._report(name) for name in names]

    def _report(self, host: str) -> HostReport:
        return HostReport(
            host=host,
            node=self._config.host,
            hypervisor="simulated",
            hypervisor_version=1_000_000,
            architecture="x86_64",
            vcpus=self._fleet.vcpus,
            ram_mib=self._fleet.ram_mib,
            disk_gib=self._fleet.disk_gib,
            traits=TRAITS,
            availability_zone=self._config.availability_zone,
            cpu_allocation_ratio=self._config.cpu_allocation_ratio,
            ram_allocation_ratio=self._config.ram_allocation_ratio,
            disk_allocation_ratio=self._config.disk_allocation_ratio,
            host_ip=self._config.node_ip,
            supported=(("x86_64", "simulated", "hvm"), ("x86_64", "qemu", "hvm"), ("x86_64", "kvm", "hvm")),
        )

    async def fetch_images(self, builds: list[Build]) -> Failures:
        return {}

    async def cache_image(self, location: ImageLocation, token: str) -> Fault | None:
        return None

    async def evict_images(self) -> list[str]:
        return []

    async def write_config_drives(self, builds: list[Build]) -> Failures:
        return await self._make("config_drive", [build for build in builds if build.order.spec.config_drive])

    async def remove_config_drives(self, builds: list[Build]) -> None:
        self._remove("config_drive", builds)

    async def make_root_disks(self, builds: list[Build]) -> Failures:
        return await self._make("root_disk", [build for build in builds if build.order.spec.image_id])

    async def remove_root_disks(self, builds: list[Build]) -> None:
        self._remove("root_disk", builds)

    async def make_ephemeral_disks(self, builds: list[Build]) -> Failures:
        return await self._make("ephemeral_disks", [build for build in builds if _has_ephemeral(build)])

    async def remove_ephemeral_disks(self, builds: list[Build]) -> None:
        self._remove("ephemeral_disks", builds)

    async def plug(self, builds: list[Build]) -> Failures:
        failures = await self._make("plug", builds)
        good = [build for build in builds if build.id not in failures]
        found = self._found_taps()
        for build in good:
            there = self._taps.get(build.id) or found
            build.kept_ports = tuple(vif.port_id for vif in build.vifs if vif.device in there)
            self._taps[build.id] = tuple(vif.device for vif in build.vifs)
        self._kernel.add(device for build in good for device in self._taps[build.id])
        return failures

    async def unplug(self, builds: list[Build]) -> None:
        found = self._found_taps()
        taps = (self._taps.pop(build.id, ()) or _taps_among(found, build) for build in builds)
        gone = [device for devices in taps for device in devices]
        self._kernel.remove(gone)
        found.difference_update(gone)
        self._things["plug"].difference_update(build.id for build in builds)  # a guest without taps is what it was

    def _found_taps(self) -> set[str]:
        """Looked at once: what comes later, this life makes itself."""
        if self._found is None:
            self._found = set(self._kernel.there())
        return self._found

    async def define(self, builds: list[Build]) -> Failures:
        failures = await self._make("define", builds)
        for build in builds:
            if build.id not in failures:
                self.guests.defined(build)
        return failures

    async def undefine(self, builds: list[Build]) -> None:
        self._remove("define", builds)

    async def start_paused(self, builds: list[Build]) -> Failures:
        return await self._make("start_paused", builds)

    async def stop(self, builds: list[Build]) -> None:
        self._remove("start_paused", builds)

    async def resume(self, builds: list[Build]) -> Failures:
        return {}

    async def await_running(self, builds: list[Build]) -> Failures:
        return {}

    async def console(self, instance_id: str, lines: int) -> str:
        if instance_id not in self._things["start_paused"]:
            return ""
        return tail(boot_log(instance_id, self._taps.get(instance_id, ()), self.guests.disks(instance_id)), lines)

    async def instances(self) -> set[str]:
        return set(self._taps).union(*self._things.values())

    async def world(self) -> dict[str, list[str]]:
        things = {kind: sorted(ids) for kind, ids in self._things.items() if ids}
        return (
            things
            | self.guests.world()
            | ({"taps": sorted(device for taps in self._taps.values() for device in taps)} if self._taps else {})
        )

    async def _make(self, step: str, builds: list[Build]) -> Failures:
        low_s, high_s = self._fleet.step_delay_s
        if high_s > 0:
            await asyncio.sleep(self._random.uniform(low_s, high_s))
        failures: Failures = {build.id: self._fault(step, build) for build in builds if self._fails()}
        self._things[step].update(build.id for build in builds if build.id not in failures)
        return failures

    def _fails(self) -> bool:
        share = self._fleet.fault_share
        return share > 0 and self._random.random() < share / len(_FALLIBLE)

    def _fault(self, step: str, build: Build) -> HostFault:
        return HostFault(step, build.order.host, "a simulated fault")

    def _remove(self, step: str, builds: list[Build]) -> None:
        self._things[step].difference_update(build.id for build in builds)
        self.guests.forget(build.id for build in builds)


_FALLIBLE: tuple[Callable[..., object], ...] = (
    SimulatedHypervisor.write_config_drives,
    SimulatedHypervisor.make_root_disks,
    SimulatedHypervisor.plug,
    SimulatedHypervisor.define,
    SimulatedHypervisor.start_paused,
)


def _taps_among(found: set[str], build: Build) -> tuple[str, ...]:
    """This guest's, by the names that a boot gives them: in a kernel they have an alias that says whose they are."""
    if not found:
        return ()
    spec = build.order.spec
    wanted = spec.networks or ((NetworkRequest(),) if spec.auto_network else ())
    names = (tap_device(one.port_id or boot_port_id(build.id, index)) for index, one in enumerate(wanted))
    return tuple(name for name in names if name in found)


def _has_ephemeral(build: Build) -> bool:
    flavor = build.order.spec.flavor
    return flavor.ephemeral_gib > 0 or flavor.swap_mib > 0

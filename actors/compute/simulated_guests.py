"""Guests of the simulated hypervisor once they are built: their power, disks and taps as names in dictionaries.

Part of `simulated.py`, which owns what builds leave. Judged by the same laws as real guests; nothing is faked that a
guest itself would do: it has no screen, and its disk says that nothing was written to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from actors.compute.build import Build, Disk, ResizeMark
from actors.compute.guests import NOT_WHOLE
from actors.compute.simulated_disk import simulated_disk
from actors.errors import HostError, HostFault
from actors.messages import BootSpec, Claim, DiskOffer, Vif
from actors.records import Flavor
from actors.simulated_taps import Taps
from actors.states import Power

ROOT_DISK, PLUGGED = "root_disk", "plug"  # kinds of things
BUILT = "start_paused"  # the step of a build after which there is a guest
NO_GUEST = "there is no such guest"
DEFINED = "define"  # one that is defined and was not started is off


class SimulatedGuests:
    """`things`: kind → instance ids; `taps`: instance id → devices. Both are the hypervisor's own.

    Copies of disks are made in `folder`.
    """

    def __init__(
        self,
        things: Mapping[str, set[str]],
        taps: MutableMapping[str, tuple[str, ...]],
        kernel: Taps,
        folder: Path,
    ) -> None:
        self._things = things
        self._taps = taps
        self._kernel = kernel
        self._folder = folder
        self.forgetful = bool(kernel.there())  # taps of an earlier process: what they are of goes on running
        self._power: dict[str, Power] = {}  # of those that do not run
        self._disks: dict[str, dict[str, str]] = {}  # instance id → volume id → device
        self._rescued: dict[str, str] = {}  # instance id → act id
        self._resized: dict[str, ResizeMark] = {}
        self._flavors: dict[str, Flavor | None] = {}  # of those that were resized; None = as they were built
        self._before: dict[str, Flavor | None] = {}  # of those whose resize is not confirmed
        self._kept: set[str] = set()  # ids of those whose disks have copies
        self._offered: set[str] = set()  # of those that another host may fetch
        self._changed: Callable[[str], None] = _nobody

    def watch(self, changed: Callable[[str], None]) -> None:
        self._changed = changed

    def forget(self, instance_ids: Iterable[str]) -> None:
        if self._power or self._disks or self._rescued or self._kept or self._flavors or self._offered:
            for instance_id in instance_ids:
                self._power.pop(instance_id, None)
                self._disks.pop(instance_id, None)
                self._rescued.pop(instance_id, None)
                self._resized.pop(instance_id, None)
                self._flavors.pop(instance_id, None)
                self._before.pop(instance_id, None)
                self._kept.discard(instance_id)
                self._offered.discard(instance_id)

    def end_by_itself(self, instance_id: str) -> None:
        """As a guest does whose user switches it off from inside."""
        self._power[instance_id] = Power.SHUTDOWN
        self._changed(instance_id)

    async def powers(self) -> dict[str, Power]:
        """But of those that are only defined again, where one may have run all the time."""
        off = {} if self.forgetful else dict.fromkeys(self._things[DEFINED], Power.SHUTDOWN)
        return off | {one: self._power.get(one, Power.RUNNING) for one in self._things[BUILT]}

    async def power(self, instance_id: str) -> Power | None:
        if instance_id in self._things[BUILT]:
            return self._power.get(instance_id, Power.RUNNING)
        return Power.SHUTDOWN if instance_id in self._things[DEFINED] else None

    async def shut_down(self, instance_id: str, wait_s: float, hurry: asyncio.Event) -> None:
        self._power[instance_id] = Power.SHUTDOWN

    async def switch_off(self, instance_id: str) -> None:
        self._power[instance_id] = Power.SHUTDOWN

    async def start_paused(self, instance_id: str) -> None:
        if instance_id not in self._things[BUILT]:
            if instance_id not in self._things[DEFINED]:
                raise HostError(HostFault("start", "", NO_GUEST))
            self._things[BUILT].add(instance_id)
            self._power[instance_id] = Power.SHUTDOWN
        if self._power.get(instance_id) is Power.SHUTDOWN:
            self._power[instance_id] = Power.PAUSED

    async def plug(self, instance_id: str, vifs: tuple[Vif, ...], spec: BootSpec) -> list[str]:
        known = self._taps.get(instance_id, ())
        added = [vif for vif in vifs if vif.device not in known]
        if not added:
            return []
        there = self._kernel.there()  # an earlier life may have made them
        self._taps[instance_id] = (*known, *(vif.device for vif in added))
        self._kernel.add(vif.device for vif in added)
        self._things[PLUGGED].add(instance_id)
        return [vif.port_id for vif in added if vif.device not in there]

    async def unplug(self, instance_id: str, vif: Vif) -> None:
        self._taps[instance_id] = tuple(one for one in self._taps.get(instance_id, ()) if one != vif.device)
        self._kernel.remove([vif.device])

    async def pause(self, instance_id: str) -> None:
        self._power[instance_id] = Power.PAUSED

    async def unpause(self, instance_id: str) -> None:
        self._power.pop(instance_id, None)

    async def suspend(self, instance_id: str) -> None:
        self._power[instance_id] = Power.SHUTDOWN

    def disks(self, instance_id: str) -> Mapping[str, str]:
        """Those that were attached to it while it ran: volume id → device."""
        return self._disks.get(instance_id, {})

    async def attach_disk(self, instance_id: str, disk: Disk, spec: BootSpec) -> None:
        self._disks.setdefault(instance_id, {})[disk.serial] = disk.device

    async def detach_disk(self, instance_id: str, volume_id: str) -> None:
        self._disks.get(instance_id, {}).pop(volume_id, None)

    async def attach_interface(self, instance_id: str, vif: Vif, spec: BootSpec) -> None:
        return

    async def detach_interface(self, instance_id: str, mac_address: str) -> None:
        return

    async def check_disks(self, build: Build) -> None:
        """Nothing was written to them: they are what they were."""
        if build.order.spec.image_id:
            self._things[ROOT_DISK].add(build.id)

    async def rescue(self, build: Build, act_id: str) -> None:
        self._rescued[build.id] = act_id

    async def rescued_by(self, instance_id: str) -> str:
        return self._rescued.get(instance_id, "")

    async def unrescue(self, instance_id: str) -> None:
        self._rescued.pop(instance_id, None)

    def defined(self, build: Build) -> None:
        self._disks.pop(build.id, None)  # its volumes are in its definition
        flavor = build.order.spec.flavor
        if build.mark is not None:
            if self._resized.get(build.id) != build.mark:
                was = build.before.order.spec.flavor if build.before is not None else self._flavors.get(build.id)
                self._before[build.id] = was
            self._resized[build.id] = build.mark
            self._flavors[build.id] = flavor
        elif build.id in self._flavors:
            self._flavors[build.id] = flavor

    async def resized(self, instance_id: str) -> ResizeMark | None:
        return self._resized.get(instance_id)

    async def is_of(self, instance_id: str, flavor: Flavor) -> bool:
        now = self._flavors.get(instance_id)
        return await self.power(instance_id) is not None and (now is None or now == flavor)

    async def check_sizes(self, build: Build) -> None:
        return

    async def check_fit(self, build: Build) -> None:
        return

    async def keep_disks(self, instance_id: str, mark: ResizeMark, hurry: asyncio.Event) -> None:
        self._kept.add(instance_id)

    async def fit(self, build: Build, before: BootSpec) -> None:
        return

    async def unresize(self, instance_id: str, mark: ResizeMark | None, keep: bool = False) -> None:
        if self._resized.get(instance_id) in (mark, None):
            self._kept.discard(instance_id)
            if self._resized.pop(instance_id, None) is not None:
                self._flavors[instance_id] = self._before.pop(instance_id)

    async def has_copies(self, before: Build) -> bool:
        """As `check_disks`."""
        return True

    async def confirm_resize(self, instance_id: str, claim: Claim | None) -> None:
        self._resized.pop(instance_id, None)
        self._before.pop(instance_id, None)
        self._kept.discard(instance_id)

    async def offer_disks(self, instance_id: str, hurry: asyncio.Event, anew: bool) -> tuple[DiskOffer, ...]:
        self._offered.add(instance_id)
        if instance_id not in self._things[ROOT_DISK]:
            return ()
        return (DiskOffer(name="disk", url="", size=0, sha512="", secret=""),)

    async def drop_offers(self, instance_id: str) -> None:
        self._offered.discard(instance_id)

    async def take_disks(self, build: Build, offers: tuple[DiskOffer, ...]) -> None:
        if build.order.spec.image_id and not offers and build.id not in self._things[ROOT_DISK]:
            raise HostError(HostFault("migrate", build.order.host, NOT_WHOLE))
        if build.order.spec.image_id:
            self._things[ROOT_DISK].add(build.id)
        self._things[BUILT].add(build.id)
        self._power[build.id] = Power.SHUTDOWN

    async def keep_root_kind(self, build: Build) -> None:
        return

    async def copy_root_disk(self, instance_id: str) -> Path:
        if await self.power(instance_id) is None:
            raise HostError(HostFault("createImage", "", NO_GUEST))
        path = self._folder / f"{instance_id}.copy.qcow2"
        await asyncio.to_thread(_write, path, simulated_disk(instance_id))
        return path

    async def vnc(self, instance_id: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        raise LookupError("a simulated guest has no screen")

    async def diagnostics(self, instance_id: str) -> dict[str, Any]:
        return {"driver": "simulated", "hypervisor": "simulated"}

    def world(self) -> dict[str, list[str]]:
        off = sorted(f"{one} {power}" for one, power in self._power.items())
        disks = sorted(f"{one} {device}" for one, held in self._disks.items() for device in held.values())
        marks = sorted(f"{one} {mark.flavor_id}" for one, mark in self._resized.items())
        found = {"not_running": off, "hot_disks": disks, "rescued": sorted(self._rescued)}
        found |= {"resized": marks, "kept_disks": sorted(self._kept), "offered_disks": sorted(self._offered)}
        return {kind: names for kind, names in found.items() if names}


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _nobody(instance_id: str) -> None:
    """Nobody has asked to hear of changes yet."""

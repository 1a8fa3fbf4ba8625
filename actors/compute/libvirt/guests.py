"""Real guests once they are built: powered, paused, plugged and copied (`actors/compute/guests.py`).

Part of the libvirt driver and on its connection. Invariants: every wait has its limit; nothing here decides what a
server's state is, it makes the guest so and says how the guest is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import libvirt
from pyroute2 import NetlinkError

from actors.clock import Clock
from actors.cluster.config import NodeConfig
from actors.compute.block_info import disks_for, root_as_cdrom
from actors.compute.build import Build, Disk, ResizeMark, spec_elsewhere
from actors.compute.guests import NOT_WHOLE
from actors.compute.libvirt import disks, domains, live, moving, rescue, resize
from actors.compute.libvirt.connection import Connection
from actors.compute.libvirt.hardware import hardware_of
from actors.compute.libvirt.interfaces import interface_elements, is_passed_through, queues
from actors.compute.libvirt.resize_xml import boots_from_cdrom, is_of
from actors.compute.libvirt.storage import disk_element, disk_files
from actors.compute.libvirt.taps import Taps
from actors.errors import CallerError, HostError, HostFault, bad_request
from actors.image.cache import FetchFailed
from actors.image.disk_offers import Offer
from actors.messages import BootSpec, Claim, DiskOffer, Vif
from actors.records import Flavor
from actors.states import Power

LOOK_S = 0.5  # between two looks at a guest from which an event is awaited
DETACH_S = 60.0  # for a guest to let go of a device
ASK_AGAIN_S = 10.0  # a guest that was busy may not have heard that a device goes, or that it shall shut down
COPY_S = 3_600.0  # for a copy of a root disk
COPY_FILE = "snapshot.qcow2"
LOCAL = "127.0.0.1"  # where QEMU's screens listen, inside the node's namespace


class Disks(Protocol):
    """How a node offers disks to others (`actors.image.node_images.NodeImages`)."""

    async def offer(self, name: str, path: Path) -> Offer: ...

    def drop_offers(self, prefix: str) -> None: ...


class LibvirtGuests:
    forgetful = False

    def __init__(
        self, config: NodeConfig, connection: Connection, taps: Taps, clock: Clock, disks_of: Disks | None = None
    ) -> None:
        self._config = config
        self._connection = connection
        self._taps = taps
        self._clock = clock
        self._disks_of = disks_of
        self._reserve_bytes = config.disk_reserved_gib * disks.GIB  # copies leave this free

    def watch(self, changed: Callable[[str], None]) -> None:
        self._connection.watch(changed)

    async def powers(self) -> dict[str, Power]:
        async with self._faults("powers"):
            return await self._connection.call(live.powers)

    async def power(self, instance_id: str) -> Power | None:
        try:
            return await self._connection.call(live.power, instance_id)
        except libvirt.libvirtError:
            return None

    # ------------------------------------------------------------ power

    async def shut_down(self, instance_id: str, wait_s: float, hurry: asyncio.Event) -> None:
        deadline = self._clock.monotonic() + wait_s
        asked_at = -ASK_AGAIN_S
        async with self._faults("shut_down"):
            while await self._connection.call(live.power, instance_id) is Power.RUNNING:
                now = self._clock.monotonic()
                if now >= deadline or hurry.is_set():
                    break
                if now - asked_at >= ASK_AGAIN_S:
                    asked_at = now
                    await self._connection.call(live.ask_to_shut_down, instance_id)
                await self._change_or(hurry, instance_id)
        await self.switch_off(instance_id)

    async def _change_or(self, hurry: asyncio.Event, instance_id: str) -> None:
        hurried = asyncio.create_task(hurry.wait())
        changed = self._connection.next_change(instance_id)
        waited: set[asyncio.Future[Any]] = {changed, hurried}
        await asyncio.wait(waited, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()

    async def switch_off(self, instance_id: str) -> None:
        async with self._faults("switch_off"):
            await self._connection.call(domains.destroy, instance_id)
            await self._connection.call(live.forget_memory, instance_id)

    async def start_paused(self, instance_id: str) -> None:
        async with self._faults("start"):
            await self._connection.call(domains.start_paused, instance_id)

    async def pause(self, instance_id: str) -> None:
        async with self._faults("pause"):
            await self._connection.call(live.pause, instance_id)

    async def unpause(self, instance_id: str) -> None:
        async with self._faults("unpause"):
            await self._connection.call(domains.resume, instance_id)

    async def suspend(self, instance_id: str) -> None:
        async with self._faults("suspend"):
            await self._connection.call(live.save, instance_id)

    # ------------------------------------------------------------ taps

    async def plug(self, instance_id: str, vifs: tuple[Vif, ...], spec: BootSpec) -> list[str]:
        wanted = tuple(vif for vif in vifs if not is_passed_through(vif))
        async with self._faults("plug_vifs"):
            return await self._taps.make(instance_id, wanted, _queues(spec))

    async def unplug(self, instance_id: str, vif: Vif) -> None:
        async with self._faults("unplug_vifs"):
            await self._taps.remove_one(vif.device)

    # ------------------------------------------------------------ devices

    async def attach_disk(self, instance_id: str, disk: Disk, spec: BootSpec) -> None:
        async with self._faults("attach_volume"):
            root = await self._connection.call(live.definition, instance_id)
            if live.disk_of(root, disk.serial) is None:
                await self._attach(instance_id, disk_element(disk, {}, 0, hardware_of(spec)))

    async def attach_interface(self, instance_id: str, vif: Vif, spec: BootSpec) -> None:
        async with self._faults("attach_interface"):
            root = await self._connection.call(live.definition, instance_id)
            if live.interface_of(root, vif.mac_address) is None:
                [made] = interface_elements((vif,), spec.flavor.vcpus, hardware_of(spec))
                await self._attach(instance_id, made)

    async def detach_disk(self, instance_id: str, volume_id: str) -> None:
        await self._detach("detach_volume", instance_id, lambda root: live.disk_of(root, volume_id))

    async def detach_interface(self, instance_id: str, mac_address: str) -> None:
        await self._detach("detach_interface", instance_id, lambda root: live.interface_of(root, mac_address))

    async def _attach(self, instance_id: str, device: Element) -> None:
        await self._connection.call(live.attach, instance_id, ElementTree.tostring(device, encoding="unicode"))

    async def _detach(self, step: str, instance_id: str, find: Callable[[Element], Element | None]) -> None:
        """The guest itself lets go of a device; one that is busy is asked again."""
        deadline = self._clock.monotonic() + DETACH_S
        asked_at = -ASK_AGAIN_S
        async with self._faults(step):
            while (device := find(await self._connection.call(live.definition, instance_id))) is not None:
                now = self._clock.monotonic()
                if now >= deadline:
                    cause = f"the guest has not let go of the device within {DETACH_S:g} s"
                    raise HostError(HostFault(step, self._config.host, cause))
                if now - asked_at >= ASK_AGAIN_S:
                    asked_at = now
                    await self._connection.call(live.detach, instance_id, device)
                else:
                    await asyncio.sleep(LOOK_S)

    async def check_disks(self, build: Build) -> None:
        kept = [disk for disk in build.disks if disk.role != "config"]
        for path in disk_files(self._folder(build.id), kept).values():
            if not await asyncio.to_thread(path.exists):
                raise HostError(HostFault("disks", self._config.host, f"its {path.name} is not on this host"))

    # ------------------------------------------------------------ rescue

    async def rescued_by(self, instance_id: str) -> str:
        async with self._faults("rescue"):
            return await rescue.rescued_by(self._connection, instance_id)

    async def rescue(self, build: Build, act_id: str) -> None:
        async with self._faults("rescue"):
            await rescue.rescue(self._connection, self._config.instances / build.id, build, act_id)

    async def unrescue(self, instance_id: str) -> None:
        async with self._faults("unrescue"):
            await rescue.unrescue(self._connection, self._config.instances / instance_id, instance_id)

    # ------------------------------------------------------------ resize

    async def resized(self, instance_id: str) -> ResizeMark | None:
        async with self._faults("resize"):
            return await resize.resized(self._connection, instance_id)

    async def is_of(self, instance_id: str, flavor: Flavor) -> bool:
        async with self._faults("resize"):
            return is_of(await self._connection.call(resize.definition, instance_id), flavor)

    async def check_sizes(self, build: Build) -> None:
        await self.check_fit(build)
        async with self._faults("resize"):
            await asyncio.to_thread(resize.check_room, self._folder(build.id), self._reserve_bytes)

    async def check_fit(self, build: Build) -> None:
        async with self._faults("resize"):
            await asyncio.to_thread(resize.check, self._folder(build.id), build)

    async def keep_disks(self, instance_id: str, mark: ResizeMark, hurry: asyncio.Event) -> None:
        async with self._faults("resize"):
            folder, reserve = self._folder(instance_id), self._reserve_bytes
            await resize.keep(self._connection, folder, instance_id, mark, hurry.is_set, reserve)

    async def fit(self, build: Build, before: BootSpec) -> None:
        spec = build.order.spec
        async with self._faults("resize"):
            await asyncio.to_thread(resize.fit, self._folder(build.id), build)
            if (_queues(before) > 1) != (_queues(spec) > 1):
                await self._taps.remove(build.id)

    async def unresize(self, instance_id: str, mark: ResizeMark | None, keep: bool = False) -> None:
        async with self._faults("resize"):
            if await resize.unresize(self._connection, self._folder(instance_id), instance_id, mark, keep):
                await self._taps.remove(instance_id)

    async def has_copies(self, before: Build) -> bool:
        return await asyncio.to_thread(resize.has_copies, self._folder(before.id), before)

    async def confirm_resize(self, instance_id: str, claim: Claim | None) -> None:
        async with self._faults("resize"):
            await resize.confirm(self._connection, self._folder(instance_id), instance_id, claim)

    def _folder(self, instance_id: str) -> Path:
        return self._config.instances / instance_id

    # ------------------------------------------------------------ to another host, and back

    async def offer_disks(self, instance_id: str, hurry: asyncio.Event, anew: bool) -> tuple[DiskOffer, ...]:
        if self._disks_of is None:
            raise HostError(HostFault("migrate", self._config.host, "its disks can't be fetched from here"))
        folder = self._folder(instance_id)
        async with self._faults("migrate"):
            definition = await self._connection.call(resize.definition, instance_id)
            cdrom = boots_from_cdrom(definition, str(folder / resize.ROOT))
            packed = await asyncio.to_thread(moving.pack, folder, hurry.is_set, self._reserve_bytes, anew)
            found = [(path, await self._disks_of.offer(f"{instance_id}.{path.name}", path)) for path in packed]
        return tuple(
            DiskOffer(name=moving.name_of(path), cdrom=cdrom and moving.is_root(path), **offer._asdict())
            for path, offer in found
        )

    async def drop_offers(self, instance_id: str) -> None:
        if self._disks_of is not None:
            self._disks_of.drop_offers(f"{instance_id}.")
        async with self._faults("migrate"):
            await asyncio.to_thread(moving.forget, self._folder(instance_id))

    async def take_disks(self, build: Build, offers: tuple[DiskOffer, ...]) -> None:
        async with self._faults("migrate"):
            self._folder(build.id).mkdir(parents=True, exist_ok=True)  # one on volumes has its console's log there
            for offer in offers:
                await moving.take(self._folder(build.id), offer)
            wanted = disks_for(spec_elsewhere(build.order.spec) or build.order.spec, build.connections)
            if not offers and not moving.is_whole(self._folder(build.id), wanted):
                raise HostError(HostFault("migrate", self._config.host, NOT_WHOLE))
        if any(offer.cdrom for offer in offers):
            build.disks = root_as_cdrom(build.disks, build.order.spec.image_properties)

    async def keep_root_kind(self, build: Build) -> None:
        async with self._faults("migrate"):
            definition = await self._connection.call(resize.definition, build.id)
        if boots_from_cdrom(definition, str(self._folder(build.id) / resize.ROOT)):
            build.disks = root_as_cdrom(build.disks, build.order.spec.image_properties)

    # ------------------------------------------------------------ copies, screens, questions

    async def copy_root_disk(self, instance_id: str) -> Path:
        target = self._config.instances / instance_id / COPY_FILE
        async with self._faults("createImage"):
            target.unlink(missing_ok=True)
            device, file = live.root_device(await self._connection.call(live.definition, instance_id))
            if not device:
                raise CallerError(bad_request("", "the server has no root disk of its own"))
            if not await self._connection.call(live.begin_copy, instance_id, device, target):
                await asyncio.to_thread(disks.copy_disk, Path(file), target)
                return target
            try:
                async with asyncio.timeout(COPY_S):
                    await self._copied(instance_id, device)
            finally:
                await self._connection.call(live.end_copy, instance_id, device)
            return target

    async def _copied(self, instance_id: str, device: str) -> None:
        """libvirt tells of no progress by itself, so it is asked."""
        while True:
            if await self._connection.call(live.copy_is_whole, instance_id, device):
                return
            await asyncio.sleep(LOOK_S)

    async def vnc(self, instance_id: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with self._faults("vnc"):
            port = live.vnc_port(await self._connection.call(live.definition, instance_id))
            if not port:
                raise LookupError(f"guest {instance_id} has no screen now")
            inside = await self._taps.connect(LOCAL, port)
            inside.setblocking(False)
            return await asyncio.open_connection(sock=inside)

    async def diagnostics(self, instance_id: str) -> dict[str, Any]:
        async with self._faults("diagnostics"):
            return await self._connection.call(live.diagnostics, instance_id)

    @asynccontextmanager
    async def _faults(self, step: str) -> AsyncIterator[None]:
        """What the host's tools say is the host's fault."""
        try:
            yield
        except (libvirt.libvirtError, NetlinkError, OSError, disks.ToolFailed, FetchFailed, TimeoutError) as error:
            raise HostError(HostFault(step, self._config.host, str(error) or type(error).__name__)) from error


def _queues(spec: BootSpec) -> int:
    return queues(spec.flavor.vcpus, hardware_of(spec))

"""The hypervisor driver for real guests: QEMU through libvirt (BOOT_FLOW B3).

Owned by the compute actor of a node, which runs one build at a time through each step (`cohort` 1: each waits for its
own guest). Everything decided stands in the pure modules beside this one; here is what acts, in threads. Invariants:
each step may run twice; each undo works from the instance id and may find nothing; guests outlive the driver.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Set
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import libvirt
from pyroute2 import NetlinkError

from actors.clock import Clock
from actors.cluster.config import NodeConfig
from actors.compute.block_info import root_as_cdrom
from actors.compute.build import Build
from actors.compute.config_drive import iso_image
from actors.compute.libvirt import capacity, disks, domains
from actors.compute.libvirt.backing import backing_files
from actors.compute.libvirt.connection import Connection
from actors.compute.libvirt.daemon import await_daemon, start_daemon
from actors.compute.libvirt.daemon_files import files_of, uri_of
from actors.compute.libvirt.guest_xml import domain_name, domain_xml, needs_own_parts, plan_guest
from actors.compute.libvirt.guests import Disks, LibvirtGuests
from actors.compute.libvirt.hardware import hardware_of
from actors.compute.libvirt.host import Taken, taken_by
from actors.compute.libvirt.interfaces import is_passed_through, queues
from actors.compute.libvirt.moving import ARRIVING, LOCK, PACKED
from actors.compute.libvirt.rescue_xml import RESCUE, RESCUE_CONFIG
from actors.compute.libvirt.resize import KEPT, definition
from actors.compute.libvirt.resize_xml import before, boots_from_cdrom, marked
from actors.compute.libvirt.storage import CONSOLE_LOG, NVRAM, disk_files
from actors.compute.libvirt.taps import Taps
from actors.compute.libvirt.virt_type import VirtType, choose_virt_type
from actors.compute.libvirt.watchdog import NodeWatchdog
from actors.compute.metadata import drive_documents
from actors.errors import CallerError, Fault, HostError, HostFault
from actors.image.cache import FetchFailed
from actors.messages import Claim, HostReport, ImageLocation
from actors.saga import Failures

DISK_THREADS = 2  # makers of disks at once
DAEMON_WAIT_S = 60.0  # for the daemon's first answer: its first start on a machine takes long
RUNNING_WAIT_S = 45.0  # from resume to a running guest
RUNNING_CHECK_S = 0.5  # between two looks at the state, should its event be lost
CONSOLE_BYTES = 256 * 1024  # of the console log that are read
CONSOLE_LINES = 1_000
FAULT_LINES = 5  # of the console in a fault
SEED_BYTES = 512  # of randomness for the guest, as Nova gives
DISK_PATTERNS = {
    "root": (
        *("disk", f"disk{KEPT}", f"disk{PACKED}", f"disk{ARRIVING}*", LOCK, RESCUE),
        *(NVRAM, f"{NVRAM}{PACKED}", f"{NVRAM}{ARRIVING}*"),
    ),
    "config": ("disk.config", RESCUE_CONFIG),
    "ephemeral": ("disk.eph*", "disk.swap*"),
}

Result = TypeVar("Result")
Args = ParamSpec("Args")


class Images(Protocol):
    """The node's image cache (`actors.image.cache.ImageCache`)."""

    async def fetch(self, location: ImageLocation, token: str) -> Path: ...

    async def fetch_ahead(self, location: ImageLocation, token: str) -> None: ...

    async def evict(self, backing: Set[Path], age_s: float) -> list[str]: ...


class LibvirtHypervisor:
    cohort = 1

    def __init__(self, config: NodeConfig, clock: Clock, images: Images, disks_of: Disks | None = None) -> None:
        """`disks_of`: how disks go to other nodes; without it guests stay where they are."""
        self._config = config
        self._clock = clock
        self._images = images
        self._connection = Connection(uri_of(config))
        self._taps = Taps(config.netns)
        self._disk_pool = ThreadPoolExecutor(DISK_THREADS, thread_name_prefix="disks")
        self._claims: dict[str, Claim | None] = {}
        self._choosing = asyncio.Lock()  # of parts of the host that one guest gets to itself
        self.guests = LibvirtGuests(config, self._connection, self._taps, clock, disks_of)
        self.watchdog = NodeWatchdog(config)
        self._virt_type: VirtType = "qemu"
        self._facts: capacity.HostFacts | None = None

    async def start(self) -> None:
        """Bring up the node's daemon and read its host. Raises HostError with the step 'hypervisor'."""
        watchdog = asyncio.create_task(self.watchdog.start())  # beside the rest: an actor that was killed is awaited
        try:
            await asyncio.to_thread(start_daemon, self._config)
            await asyncio.to_thread(await_daemon, self._config, DAEMON_WAIT_S)
            self._virt_type = await asyncio.to_thread(choose_virt_type, self._config)
            self._facts = await self._connection.call(capacity.read_host, self._config.host, self._virt_type)
        except (libvirt.libvirtError, OSError) as error:
            raise HostError(HostFault("hypervisor", self._config.host, str(error))) from error
        finally:
            await watchdog

    async def close(self) -> None:
        """Let go of the host; the daemon and the guests go on."""
        self.watchdog.close()
        await self._connection.close()
        self._taps.close()
        self._disk_pool.shutdown(wait=False)

    async def reports(self) -> list[HostReport]:
        await self._know_claims()
        disk_gib = await self._in_disk_thread(capacity.disk_capacity_gib, self._config.instances)
        taken = [claim for claim in self._claims.values() if claim is not None]
        return [capacity.report(self._config, self._started, disk_gib, taken)]

    # ------------------------------------------------------------ image and disks

    async def fetch_images(self, builds: list[Build]) -> Failures:
        return await self._each("image", (b for b in builds if b.image is not None), self._fetch_image)

    async def _fetch_image(self, build: Build) -> None:
        assert build.image is not None
        build.image_path = await self._images.fetch(build.image, build.order.spec.token)

    async def cache_image(self, location: ImageLocation, token: str) -> Fault | None:
        try:
            await self._images.fetch_ahead(location, token)
        except CallerError as error:
            return error.fault
        except (OSError, FetchFailed) as error:
            return HostFault("image", self._config.host, str(error))
        return None

    async def evict_images(self) -> list[str]:
        age_s = self._config.remove_unused_original_minimum_age_seconds
        try:
            backing = await self._in_disk_thread(backing_files, self._config.instances)
            return await self._images.evict(backing, age_s)
        except OSError as error:
            raise HostError(HostFault("image_cache", self._config.host, str(error))) from error

    async def write_config_drives(self, builds: list[Build]) -> Failures:
        wanted = (build for build in builds if build.order.spec.config_drive)
        return await self._each("config_drive", wanted, self._write_config_drive)

    async def _write_config_drive(self, build: Build) -> None:
        documents = drive_documents(build.order.spec, build.id, build.vifs, build.disks, os.urandom(SEED_BYTES))
        content = await self._in_disk_thread(iso_image, documents)
        drives = {disk.device for disk in build.disks if disk.role == "config"}
        for device, path in disk_files(self._folder(build.id), build.disks).items():
            if device in drives:
                await self._in_disk_thread(disks.write_file, path, content)

    async def remove_config_drives(self, builds: list[Build]) -> None:
        await self._remove_files("config", builds)

    async def make_root_disks(self, builds: list[Build]) -> Failures:
        wanted = (build for build in builds if any(disk.role == "root" for disk in build.disks))
        return await self._each("root_disk", wanted, self._make_root_disk)

    async def _make_root_disk(self, build: Build) -> None:
        if build.image is None or build.image_path is None:
            raise HostError(HostFault("root_disk", self._config.host, "the image was not fetched"))
        target = self._folder(build.id) / "disk"
        await self._in_disk_thread(disks.make_root_disk, build.image_path, build.image, build.order.spec.flavor, target)

    async def remove_root_disks(self, builds: list[Build]) -> None:
        await self._remove_files("root", builds)

    async def make_ephemeral_disks(self, builds: list[Build]) -> Failures:
        return await self._each("ephemeral_disks", builds, self._make_ephemeral_disks)

    async def _make_ephemeral_disks(self, build: Build) -> None:
        files = disk_files(self._folder(build.id), build.disks)
        for disk in build.disks:
            if disk.role in ("ephemeral", "swap"):
                path = files[disk.device]
                label = "swap" if disk.role == "swap" else path.suffix.replace(".eph", "ephemeral")
                await self._in_disk_thread(disks.make_blank_disk, path, disk.size_mib, disk.guest_format, label)

    async def remove_ephemeral_disks(self, builds: list[Build]) -> None:
        await self._remove_files("ephemeral", builds)

    # ------------------------------------------------------------ interfaces

    async def plug(self, builds: list[Build]) -> Failures:
        return await self._each("plug_vifs", builds, self._plug)

    async def _plug(self, build: Build) -> None:
        spec = build.order.spec
        vifs = tuple(vif for vif in build.vifs if not is_passed_through(vif))
        if vifs:
            made = await self._taps.make(build.id, vifs, queues(spec.flavor.vcpus, hardware_of(spec)))
            build.kept_ports = tuple(vif.port_id for vif in vifs if vif.port_id not in made)

    async def unplug(self, builds: list[Build]) -> None:
        for build in builds:
            await self._taps.remove(build.id)

    # ------------------------------------------------------------ the guest

    async def define(self, builds: list[Build]) -> Failures:
        return await self._each("define", builds, self._define)

    async def _define(self, build: Build) -> None:
        if not needs_own_parts(build.order.spec):
            await self._define_with(build, Taken())
            return
        async with self._choosing:  # from looking at what is taken until the definition takes it
            definitions = await self._connection.call(domains.definitions)
            others = [definition for definition in definitions if f"<uuid>{build.id}</uuid>" not in definition]
            again = [kept for other in others if (kept := before(other))]  # what others may be again
            await self._define_with(build, taken_by([*others, *again]))

    async def _define_with(self, build: Build, taken: Taken) -> None:
        guest = (self._virt_type, self._clock.now())
        current = await self._connection.call(definition, build.id) if build.mark else ""
        if build.before is not None and not current:
            current = domain_xml(plan_guest(build.before, self._config, self._started.host, taken, guest))
        if current and boots_from_cdrom(current, str(self._folder(build.id) / "disk")):
            build.disks = root_as_cdrom(build.disks, build.order.spec.image_properties)
        made = domain_xml(plan_guest(build, self._config, self._started.host, taken, guest))
        if build.mark is not None:
            made = marked(made, build.mark, current)
            self._claims.pop(build.id, None)
        await self._connection.call(domains.define, made)

    async def undefine(self, builds: list[Build]) -> None:
        for build in builds:
            await self._connection.call(domains.undefine, build.id)
            if not self._config.libvirt_uri:
                files_of(self._config).guest_log(domain_name(build.id)).unlink(missing_ok=True)

    async def start_paused(self, builds: list[Build]) -> Failures:
        return await self._each("start_paused", builds, self._start_paused)

    async def _start_paused(self, build: Build) -> None:
        """One that boots from a volume may have no file of its own; its console's log is in the folder all the same."""
        await self._in_disk_thread(partial(self._folder(build.id).mkdir, parents=True, exist_ok=True))
        await self._connection.call(domains.start_paused, build.id)

    async def stop(self, builds: list[Build]) -> None:
        for build in builds:
            await self._connection.call(domains.destroy, build.id)
            await self._in_disk_thread(disks.remove_files, self._folder(build.id), CONSOLE_LOG)

    async def resume(self, builds: list[Build]) -> Failures:
        return await self._each("resume", builds, lambda b: self._connection.call(domains.resume, b.id))

    async def await_running(self, builds: list[Build]) -> Failures:
        return await self._each("await_running", builds, self._await_running)

    async def _await_running(self, build: Build) -> None:
        deadline = self._clock.monotonic() + RUNNING_WAIT_S
        while True:
            changed = self._connection.next_change(build.id)
            state = await self._connection.call(domains.state, build.id)
            if state in domains.ALIVE:
                return
            if state not in domains.ON_THE_WAY or self._clock.monotonic() > deadline:
                last = await self.console(build.id, FAULT_LINES)
                cause = f"the guest is {domains.STATE_NAMES.get(state, state)}, not running; its console ends: {last!r}"
                raise HostError(HostFault("await_running", self._config.host, cause))
            await asyncio.wait([changed], timeout=RUNNING_CHECK_S)

    # ------------------------------------------------------------ questions

    async def console(self, instance_id: str, lines: int) -> str:
        path = self._folder(instance_id) / CONSOLE_LOG
        return await self._in_disk_thread(tail, path, min(lines, CONSOLE_LINES))

    async def instances(self) -> set[str]:
        files = await self._in_disk_thread(instance_folders, self._config.instances)
        return set(await self._states()) | await self._taps.instances() | files

    async def _states(self) -> dict[str, bool]:
        """Our guests by id, and whether each is active. An operator's daemon may have others."""
        await self._know_claims()
        states = await self._ask(domains.states)
        return {instance_id: active for instance_id, active in states.items() if self._claims.get(instance_id)}

    async def _know_claims(self) -> None:
        self._claims = await self._ask(capacity.claims, self._claims, self._config.host)

    async def _ask(
        self, question: Callable[Concatenate[libvirt.virConnect, Args], Result], *args: Args.args, **kwargs: Args.kwargs
    ) -> Result:
        """Asked of the whole host, for no build: a daemon that is away is the host's fault."""
        try:
            return await self._connection.call(question, *args, **kwargs)
        except libvirt.libvirtError as error:
            raise HostError(HostFault("hypervisor", self._config.host, str(error))) from error

    async def world(self) -> dict[str, list[str]]:
        states = await self._states()
        files = await self._in_disk_thread(files_below, self._config.instances)
        return {
            "domains": sorted(states),
            "running": sorted(instance_id for instance_id, active in states.items() if active),
            "taps": await self._taps.names(),
            "files": files,
        }

    # ------------------------------------------------------------ how steps act and fail

    @property
    def _started(self) -> capacity.HostFacts:
        if self._facts is None:
            raise HostError(HostFault("hypervisor", self._config.host, "the driver was not started"))
        return self._facts

    def _folder(self, instance_id: str) -> Path:
        return self._config.instances / instance_id

    async def _in_disk_thread(self, work: Callable[Args, Result], *args: Args.args, **kwargs: Args.kwargs) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._disk_pool, partial(work, *args, **kwargs))

    async def _remove_files(self, role: str, builds: list[Build]) -> None:
        for build in builds:
            await self._in_disk_thread(disks.remove_files, self._folder(build.id), *DISK_PATTERNS[role])

    async def _each(self, step: str, builds: Iterable[Build], act: Callable[[Build], Awaitable[None]]) -> Failures:
        """Act on each build; the faults of those that failed."""
        chosen = list(builds)
        faults = await asyncio.gather(*(self._fault_of(step, build, act) for build in chosen))
        return {build.id: fault for build, fault in zip(chosen, faults, strict=True) if fault is not None}

    async def _fault_of(self, step: str, build: Build, act: Callable[[Build], Awaitable[None]]) -> Fault | None:
        try:
            await act(build)
        except (CallerError, HostError) as error:
            return error.fault
        except (libvirt.libvirtError, NetlinkError, OSError, disks.ToolFailed, FetchFailed) as error:
            return HostFault(step, self._config.host, str(error))
        return None


def tail(path: Path, lines: int) -> str:
    """The last lines of a file that may grow meanwhile ('' if there is none)."""
    try:
        with path.open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - CONSOLE_BYTES, 0))
            text = file.read(CONSOLE_BYTES).decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:]) if lines > 0 else ""


def instance_folders(folder: Path) -> set[str]:
    """Those that are named by an instance's id."""
    return {path.name for path in folder.glob("*-*-*-*-*") if path.is_dir()}


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))

"""The driver against a real libvirt daemon and real (empty) guests, in a namespace and a folder of the test's own."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Set
from pathlib import Path
from xml.etree import ElementTree

import libvirt
import msgspec
import pytest

from actors.clock import SystemClock
from actors.cluster.config import NodeConfig
from actors.compute.block_info import disks_for
from actors.compute.build import Build
from actors.compute.libvirt.daemon import is_running, marked_processes, start_daemon, stop_daemon
from actors.compute.libvirt.daemon_files import RUNTIME, files_of, uri_of
from actors.compute.libvirt.disks import MIB
from actors.compute.libvirt.driver import LibvirtHypervisor
from actors.compute.libvirt.guest_xml import domain_name
from actors.errors import HostError
from actors.messages import ImageLocation
from tests.compute.guests import INSTANCE, SMALL, order, vif

pytestmark = pytest.mark.real
FLAVOR = msgspec.structs.replace(SMALL, ram_mib=64, disk_gib=1, ephemeral_gib=1, swap_mib=16)
EMPTY = {"domains": [], "running": [], "taps": [], "files": []}
DAY_S = 86_400.0
OTHER = "00000000-7f0c-4f43-9d4e-1d2c3b4a5f60"
Play = Callable[[LibvirtHypervisor], Awaitable[None]]


class FakeImages:
    """An image cache that has one blank image."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "image"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("wb") as file:
            file.truncate(MIB)

    async def fetch(self, location: ImageLocation, token: str) -> Path:
        return self._path

    async def fetch_ahead(self, location: ImageLocation, token: str) -> None:
        return

    async def evict(self, backing: Set[Path], age_s: float) -> list[str]:
        return [] if self._path in backing or age_s != DAY_S else [self._path.name]


def play(node: NodeConfig, scene: Play) -> None:
    async def run() -> None:
        driver = LibvirtHypervisor(node, SystemClock(), FakeImages(node.image_cache))
        await driver.start()
        try:
            await scene(driver)
        finally:
            await undo(driver, [prepared(), prepared(OTHER)])
            await driver.close()

    asyncio.run(run())


def prepared(instance_id: str = INSTANCE) -> Build:
    """A build with what the steps before the driver's would have found."""
    build = Build(order(instance_id, flavor=FLAVOR))
    build.vifs = (vif(device=f"tap{instance_id[:11]}"),)
    build.image = ImageLocation(
        image_id="i1", disk_format="raw", size=MIB, virtual_size=MIB, os_hash_value="", properties={}, urls=()
    )
    build.disks = disks_for(build.order.spec, ())
    return build


def steps(driver: LibvirtHypervisor) -> list[tuple[str, Callable[[list[Build]], Awaitable[object]], object]]:
    """The driver's part of the NODE table: name, do, undo (None where the table has none)."""
    return [
        ("image", driver.fetch_images, None),
        ("config_drive", driver.write_config_drives, driver.remove_config_drives),
        ("root_disk", driver.make_root_disks, driver.remove_root_disks),
        ("ephemeral_disks", driver.make_ephemeral_disks, driver.remove_ephemeral_disks),
        ("plug_vifs", driver.plug, driver.unplug),
        ("define", driver.define, driver.undefine),
        ("start_paused", driver.start_paused, driver.stop),
        ("resume", driver.resume, None),
        ("await_running", driver.await_running, None),
    ]


async def do(driver: LibvirtHypervisor, build: Build, until: str = "await_running", times: int = 1) -> None:
    for name, act, _ in steps(driver):
        for _ in range(times):
            assert await act([build]) == {}, name
        if name == until:
            return


async def undo(driver: LibvirtHypervisor, builds: list[Build]) -> None:
    for _, _, take_back in reversed(steps(driver)):
        if take_back is not None:
            await take_back([Build(build.order) for build in builds])  # type: ignore[operator]


def test_a_guest_from_nothing_to_running_and_back(node: NodeConfig) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        assert await driver.world() == EMPTY
        build = prepared()
        await do(driver, build)
        world = await driver.world()
        assert world["running"] == [INSTANCE]
        assert world["taps"] == [f"tap{INSTANCE[:11]}"]
        files = {path.removeprefix(f"{INSTANCE}/") for path in world["files"]}
        assert files == {INSTANCE, "console.log", "disk", "disk.config", "disk.eph0", "disk.swap"}
        assert await driver.evict_images() == []
        await undo(driver, [build])
        assert await driver.world() == EMPTY
        assert await driver.evict_images() == ["image"]

    play(node, scene)


def test_a_guest_without_a_file_of_its_own_starts_too(node: NodeConfig) -> None:
    """As one that boots from a volume and has no config drive."""

    async def scene(driver: LibvirtHypervisor) -> None:
        build = prepared()
        build.disks = []
        for act in (driver.plug, driver.define, driver.start_paused, driver.start_paused):
            assert await act([build]) == {}
        assert (await driver.world())["files"] == [INSTANCE, f"{INSTANCE}/console.log"]
        await undo(driver, [build])
        assert await driver.world() == EMPTY

    play(node, scene)


def test_each_step_twice_and_each_undo_twice_are_as_once(node: NodeConfig) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        build = prepared()
        await do(driver, build, times=2)
        twice = await driver.world()
        await undo(driver, [build])
        await undo(driver, [build])
        assert await driver.world() == EMPTY
        await do(driver, build)
        assert await driver.world() == twice

    play(node, scene)


@pytest.mark.parametrize("failing", ["root_disk", "plug_vifs", "define", "start_paused"])
def test_what_a_failing_step_leaves_is_taken_back(node: NodeConfig, failing: str) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        names = [name for name, _, _ in steps(driver)]
        build = prepared()
        await do(driver, build, until=names[names.index(failing) - 1])
        sabotage(driver, build, node, failing)
        failures = await dict((name, act) for name, act, _ in steps(driver))[failing]([build])  # noqa: C402
        assert isinstance(failures, dict)
        assert failures[INSTANCE].host == "host-1"
        await undo(driver, [build])
        assert await driver.world() == EMPTY

    play(node, scene)


@pytest.mark.parametrize("last", ["plug_vifs", "define", "start_paused", "resume"])
def test_what_a_step_did_before_it_failed_is_taken_back(node: NodeConfig, last: str) -> None:
    """Its work is done and the failure comes after: of a guest that was paused, the plug event that never came."""

    async def scene(driver: LibvirtHypervisor) -> None:
        build = prepared()
        await do(driver, build, until=last)
        assert await driver.world() != EMPTY
        await undo(driver, [build])
        assert await driver.world() == EMPTY

    play(node, scene)


def sabotage(driver: LibvirtHypervisor, build: Build, node: NodeConfig, step: str) -> None:
    """Break what the step needs, as a host would."""
    assert build.image is not None
    if step == "root_disk":
        build.image = msgspec.structs.replace(build.image, disk_format="qcow2", virtual_size=0)
    elif step == "plug_vifs":
        build.vifs = (build.vifs[0], vif(device="a-name-that-is-too-long-for-a-link"))
    elif step == "define":
        build.vifs = (vif(mac_address="no mac"),)
    else:
        (node.instances / build.id / "disk").unlink()


def test_a_guest_that_does_not_run_is_the_host_s_fault(node: NodeConfig) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        build = prepared()
        await do(driver, build, until="define")
        failures = await driver.await_running([build])
        assert "shut off" in failures[INSTANCE].cause  # type: ignore[union-attr]

    play(node, scene)


def test_reports_count_what_the_guests_claim(node: NodeConfig) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        (before,) = await driver.reports()
        assert (before.instances, before.vcpus_used, before.ram_used_mib) == (0, 0, 0)
        assert before.vcpus > 0
        installed_mib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MIB
        assert before.ram_mib == installed_mib - node.ram_reserved_mib
        assert ("x86_64", "qemu", "hvm") in before.supported
        assert ("x86_64", "kvm", "hvm") not in before.supported  # the node was told `qemu`
        assert before.hypervisor_version > 1_000_000
        await do(driver, prepared(), until="define")
        (after,) = await driver.reports()
        assert (after.instances, after.vcpus_used, after.ram_used_mib, after.disk_used_gib) == (1, 1, 64, 1)

    play(node, scene)


def test_the_console_shows_its_last_lines(node: NodeConfig) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        assert await driver.console(INSTANCE, 10) == ""
        log = node.instances / INSTANCE / "console.log"
        log.parent.mkdir(parents=True)
        log.write_bytes(b"one\ntwo\nth\xffree\n")
        assert await driver.console(INSTANCE, 2) == "two\nth\ufffdree"

    play(node, scene)


def test_dedicated_cpus_of_two_guests_differ(node: NodeConfig) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        if (await driver.reports())[0].vcpus < 2:
            pytest.skip("one CPU")
        pinned = msgspec.structs.replace(FLAVOR, extra_specs={"hw:cpu_policy": "dedicated"})
        builds = [Build(order(instance_id, flavor=pinned)) for instance_id in (INSTANCE, OTHER)]
        for build in builds:
            build.disks = disks_for(build.order.spec, ())
        assert await driver.define(builds) == {}
        connection = libvirt.open(uri_of(node))
        definitions = [domain.XMLDesc() for domain in connection.listAllDomains()]
        connection.close()
        pins = [ElementTree.fromstring(one).find("./cputune/vcpupin").get("cpuset") for one in definitions]  # type: ignore[union-attr]
        assert len(set(pins)) == 2

    play(node, scene)


def test_guests_outlive_the_daemon_and_the_driver_finds_it_again(node: NodeConfig) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        await do(driver, prepared())
        daemon = int((node.libvirt / "libvirtd.pid").read_text())
        os.kill(daemon, signal.SIGKILL)
        running: list[str] = []
        deadline = time.monotonic() + 30
        while running != [INSTANCE] and time.monotonic() < deadline:
            try:
                running = (await driver.world())["running"]
            except HostError:
                await asyncio.sleep(0.1)
        assert running == [INSTANCE]

    play(node, scene)


def test_stopping_the_daemon_leaves_only_definitions_even_after_its_keeper_was_killed(
    namespace: str, tmp_path: Path
) -> None:
    node = NodeConfig(host="host-2", home=tmp_path, hypervisor="libvirt", netns=namespace, virt_type="qemu")
    files = files_of(node)

    async def leave_a_guest() -> None:
        driver = LibvirtHypervisor(node, SystemClock(), FakeImages(node.image_cache))
        await driver.start()
        await do(driver, prepared())
        await driver.unplug([prepared()])
        await driver.close()

    try:
        asyncio.run(leave_a_guest())
        assert len(marked_processes(files.mark)) == 3  # keeper, daemon, guest
        os.kill(int(files.lock.read_text()), signal.SIGKILL)
    finally:
        stop_daemon(node)  # also where the guest did not come up: the test leaves none either
    stop_daemon(node)
    assert marked_processes(files.mark) == []
    left = [file.relative_to(files.folder) for file in files.folder.rglob("*") if file.is_file()]
    assert left == [Path("etc/qemu", f"{domain_name(INSTANCE)}.xml")]
    assert not files.runtime.exists()
    assert not is_running(files)
    assert not [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(tmp_path) in line]


def test_starting_the_daemon_twice_is_once(namespace: str, tmp_path: Path) -> None:
    node = NodeConfig(host="host-3", home=tmp_path, hypervisor="libvirt", netns=namespace)
    try:
        start_daemon(node)
        first = files_of(node).lock.read_text()
        start_daemon(node)
        assert files_of(node).lock.read_text() == first
    finally:
        stop_daemon(node)
    assert not (RUNTIME / files_of(node).runtime.name).exists()


def test_a_daemon_that_can_t_run_is_the_host_s_fault(tmp_path: Path, namespace: str) -> None:
    node = NodeConfig(host="host-4", home=tmp_path, hypervisor="libvirt", netns=f"{namespace}-absent", virt_type="qemu")

    async def begin() -> None:
        await LibvirtHypervisor(node, SystemClock(), FakeImages(node.image_cache)).start()

    try:
        with pytest.raises(HostError, match="hypervisor on host-4"):
            asyncio.run(begin())
    finally:
        stop_daemon(node)

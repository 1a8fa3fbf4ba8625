"""A real (empty) guest that gets another flavor and the one before again, by a real libvirt daemon."""

from __future__ import annotations

import asyncio
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from actors.cluster.config import NodeConfig
from actors.compute.block_info import disks_for
from actors.compute.build import Build, Disk, ResizeMark
from actors.compute.libvirt import disks, domains
from actors.compute.libvirt.driver import LibvirtHypervisor
from actors.compute.libvirt.guest_xml import claim_of
from actors.compute.libvirt.resize import check_room, kept
from actors.compute.libvirt.resize_xml import mark_of
from actors.errors import CallerError, HostError
from actors.messages import BuildOrder
from actors.records import Flavor
from actors.states import Power
from tests.compute.guests import INSTANCE, volume
from tests.compute.libvirt.test_driver import EMPTY, FLAVOR, do, play, prepared, undo

pytestmark = pytest.mark.real
BIG = msgspec.structs.replace(FLAVOR, id="2", name="m1.big", vcpus=2, ram_mib=128, disk_gib=2, ephemeral_gib=2)
OWN = {"console.log", "disk", "disk.config", "disk.eph0", "disk.swap"}
COPIES = {"disk.before-resize", "disk.eph0.before-resize", "disk.swap.before-resize"}
MARK = ResizeMark("act-1", "2")
OTHER = ResizeMark("act-2", "3")
NEVER = asyncio.Event()


def of(flavor: Flavor, mark: ResizeMark | None = MARK) -> Build:
    """A build of the guest by this flavor."""
    build = prepared()
    spec = msgspec.structs.replace(build.order.spec, flavor=flavor)
    claim = msgspec.structs.replace(build.order.claim, vcpus=flavor.vcpus)
    assert isinstance(build.order, BuildOrder)
    anew = Build(msgspec.structs.replace(build.order, spec=spec, claim=claim))
    anew.vifs, anew.disks, anew.mark = build.vifs, disks_for(spec, ()), mark
    return anew


async def resize(driver: LibvirtHypervisor, build: Build, times: int = 1) -> None:
    """As `compute/resizing.py` does."""
    guests, mark = driver.guests, build.mark
    assert mark is not None
    if await guests.resized(INSTANCE) not in (None, mark):
        await guests.confirm_resize(INSTANCE, None)
    await guests.check_sizes(build)
    await guests.switch_off(INSTANCE)
    for _ in range(times):
        await guests.keep_disks(INSTANCE, mark, NEVER)
    for _ in range(times):
        assert await driver.define([build]) == {}
        await guests.fit(build, prepared().order.spec)
        assert await driver.make_ephemeral_disks([build]) == {}
    await run(driver)


async def run(driver: LibvirtHypervisor) -> None:
    await driver.guests.start_paused(INSTANCE)
    await driver.guests.unpause(INSTANCE)
    assert await driver.guests.power(INSTANCE) is Power.RUNNING


async def definition(driver: LibvirtHypervisor) -> str:
    [found] = await driver._connection.call(domains.definitions)
    return found


async def files(driver: LibvirtHypervisor) -> set[str]:
    return {Path(path).name for path in (await driver.world())["files"]} - {INSTANCE}


def sizes(folder: Path) -> list[int]:
    """Of root disk, ephemeral disk and swap, as the guest sees them, in MiB."""
    return [disks.size_of(folder / name) // disks.MIB for name in ("disk", "disk.eph0", "disk.swap")]


def shape(text: str) -> tuple[str | None, str | None]:
    root = ElementTree.fromstring(text)
    return root.findtext("vcpu"), root.findtext("memory")


@pytest.mark.parametrize("times", [1, 2])
def test_resized_and_reverted_it_is_what_it_was_and_confirmed_it_runs_on(node: NodeConfig, times: int) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        guests, folder = driver.guests, node.instances / INSTANCE
        await do(driver, prepared())
        own, had = await definition(driver), sizes(folder)
        assert (await guests.resized(INSTANCE), had, shape(own)) == (None, [1024, 1024, 16], ("1", "65536"))
        await resize(driver, of(BIG), times)
        assert (await guests.resized(INSTANCE), sizes(folder)) == (MARK, [2048, 2048, 16])
        assert (shape(await definition(driver)), await files(driver)) == (("2", "131072"), OWN | COPIES)
        await guests.switch_off(INSTANCE)
        for _ in range(times):
            await guests.unresize(INSTANCE, MARK)
            assert (await definition(driver), await files(driver), sizes(folder)) == (own, OWN, had)
            assert [await guests.is_of(INSTANCE, flavor) for flavor in (FLAVOR, BIG)] == [True, False]
        await run(driver)
        await resize(driver, of(BIG), times)
        claim = msgspec.structs.replace(prepared().order.claim, host=node.host, vcpus=2, ram_mib=77)
        for _ in range(times):
            await guests.confirm_resize(INSTANCE, claim)
            assert (await guests.resized(INSTANCE), await files(driver)) == (None, OWN)
            assert await guests.power(INSTANCE) is Power.RUNNING
            assert [await guests.is_of(INSTANCE, flavor) for flavor in (FLAVOR, BIG)] == [False, True]
        assert claim_of(await definition(driver), node.host) == claim
        assert sizes(folder) == [2048, 2048, 16]

    play(node, scene)


def test_what_was_written_since_stays_where_that_is_asked_for(node: NodeConfig) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        guests, folder = driver.guests, node.instances / INSTANCE
        await do(driver, prepared())
        own = await definition(driver)
        await resize(driver, of(msgspec.structs.replace(BIG, ephemeral_gib=1, swap_mib=0)))
        await guests.switch_off(INSTANCE)
        with (folder / "disk.eph0").open("r+b") as file:
            file.write(b"written since")
        await guests.unresize(INSTANCE, MARK, True)
        assert (await guests.resized(INSTANCE), await definition(driver), await files(driver)) == (None, own, OWN)
        assert sizes(folder) == [2048, 1024, 16]
        assert (folder / "disk.eph0").read_bytes()[:13] == b"written since"

    play(node, scene)


def test_what_grew_and_was_written_since_is_gone_when_it_is_reverted(node: NodeConfig) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        guests, folder = driver.guests, node.instances / INSTANCE
        await do(driver, prepared())
        plain = msgspec.structs.replace(BIG, ephemeral_gib=1, swap_mib=0)
        await resize(driver, of(plain))
        assert "disk.swap" not in await files(driver)
        await guests.switch_off(INSTANCE)
        with (folder / "disk.eph0").open("r+b") as file:
            file.write(b"written since")
        await guests.unresize(INSTANCE, MARK)
        assert (await files(driver), sizes(folder)) == (OWN, [1024, 1024, 16])
        assert not (folder / "disk.eph0").read_bytes()[:13].strip(b"\0")
        await run(driver)

    play(node, scene)


@pytest.mark.parametrize("back", [{"disk.eph0"}, {"disk.eph0", "disk.swap"}, {"disk.eph0", "disk.swap", "disk"}])
def test_one_that_was_half_put_back_is_resized_again_and_can_be_put_back_whole(
    node: NodeConfig, back: set[str]
) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        guests, folder = driver.guests, node.instances / INSTANCE
        await do(driver, prepared())
        own, had = await definition(driver), sizes(folder)
        await resize(driver, of(BIG))
        await guests.switch_off(INSTANCE)
        for name in back:
            kept(folder / name).replace(folder / name)
        await resize(driver, of(BIG))
        assert (await files(driver), sizes(folder)) == (OWN | COPIES, [2048, 2048, 16])
        await guests.switch_off(INSTANCE)
        await guests.unresize(INSTANCE, MARK)
        assert (await definition(driver), await files(driver), sizes(folder)) == (own, OWN, had)

    play(node, scene)


def test_after_another_resize_it_keeps_what_it_was_then(node: NodeConfig) -> None:
    """An administrator's reset ends a resize in between, and leaves its mark and its copies."""

    async def scene(driver: LibvirtHypervisor) -> None:
        guests, folder = driver.guests, node.instances / INSTANCE
        await do(driver, prepared())
        await resize(driver, of(BIG))
        bigger = msgspec.structs.replace(BIG, id="3", ram_mib=160, disk_gib=3)
        await resize(driver, of(bigger, OTHER))
        assert sizes(folder) == [3072, 2048, 16]
        await guests.switch_off(INSTANCE)
        await guests.unresize(INSTANCE, OTHER)
        now = await definition(driver)
        assert (mark_of(now), shape(now), sizes(folder)) == (None, ("2", "131072"), [2048, 2048, 16])

    play(node, scene)


def test_what_another_resize_kept_is_not_put_back_nor_taken_for_its_own(node: NodeConfig) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        guests, disk = driver.guests, node.instances / INSTANCE / "disk.eph0"
        await do(driver, prepared())
        await resize(driver, of(BIG))
        await guests.switch_off(INSTANCE)
        with disk.open("r+b") as file:
            file.write(b"weeks of work")
        was, there = await definition(driver), await files(driver)
        for mark in (OTHER, None):
            await guests.unresize(INSTANCE, mark)
            assert (await definition(driver), await files(driver)) == (was, there)
        with pytest.raises(HostError, match="its disks are kept for another resize"):
            await guests.keep_disks(INSTANCE, OTHER, NEVER)
        assert (await files(driver), sizes(disk.parent)) == (there, [2048, 2048, 16])
        await guests.confirm_resize(INSTANCE, None)
        await guests.unresize(INSTANCE, OTHER)  # it failed before it was marked
        assert (await files(driver), shape(await definition(driver))) == (OWN, shape(was))
        assert disk.read_bytes()[:13] == b"weeks of work"

    play(node, scene)


def test_volumes_and_ports_of_now_are_there_after_a_revert(node: NodeConfig) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        guests, spec = driver.guests, prepared().order.spec
        await do(driver, prepared())
        await guests.switch_off(INSTANCE)
        await guests.attach_disk(INSTANCE, volume_disk(1, "vdx"), spec)
        build, own = of(BIG), sizes(node.instances / INSTANCE)
        await guests.keep_disks(INSTANCE, MARK, NEVER)
        assert await driver.define([build]) == {}  # without the volume, as if it were detached
        await guests.fit(build, spec)
        assert await driver.make_ephemeral_disks([build]) == {}
        [had] = build.vifs
        came = msgspec.structs.replace(had, mac_address="fa:16:3e:00:00:77", device="tap22222222-22")
        await guests.attach_disk(INSTANCE, volume_disk(2, "vdx"), spec)
        await guests.attach_disk(INSTANCE, volume_disk(1, "vdy"), spec)
        await guests.attach_interface(INSTANCE, came, build.order.spec)
        await guests.detach_interface(INSTANCE, had.mac_address)
        await guests.unresize(INSTANCE, MARK)
        now = ElementTree.fromstring(await definition(driver))
        serials = {disk.findtext("serial"): target(disk) for disk in now.iterfind("./devices/disk")}
        assert {serials.get(volume_disk(n, "").serial) for n in (1, 2)} == {"vdx", "vdy"}
        assert [mac.get("address") for mac in now.iterfind("./devices/interface/mac")] == [came.mac_address]
        assert (mark_of(await definition(driver)), sizes(node.instances / INSTANCE)) == (None, own)
        for number in (1, 2):
            await guests.detach_disk(INSTANCE, volume_disk(number, "").serial)  # nobody exports them here
        await guests.unplug(INSTANCE, had)
        await guests.plug(INSTANCE, (came,), spec)
        await run(driver)

    play(node, scene)


def volume_disk(number: int, name: str) -> Disk:
    serial = f"{number}1111111-1111-4111-8111-111111111111"
    connection = volume(serial, unix_socket=f"/run/{serial}.sock")
    return Disk(role="volume", device=name, bus="virtio", format="raw", connection=connection, serial=serial)


def target(disk: ElementTree.Element) -> str | None:
    found = disk.find("target")
    return None if found is None else found.get("dev")


@pytest.mark.parametrize("less", [{"disk_gib": 1}, {"ephemeral_gib": 1}])
def test_no_disk_shrinks(node: NodeConfig, less: dict[str, int]) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        folder = node.instances / INSTANCE
        await do(driver, prepared())
        await driver.guests.switch_off(INSTANCE)
        disks.grow(folder / "disk", 2 * disks.GIB)
        disks.grow(folder / "disk.eph0", 2 * disks.GIB)
        with pytest.raises(CallerError, match="Unable to resize disk down") as refused:
            await driver.guests.check_sizes(of(msgspec.structs.replace(BIG, **less)))
        assert refused.value.fault.status == 400
        await driver.guests.check_sizes(of(BIG))

    play(node, scene)


def test_where_copies_have_no_room_the_guest_runs_on(node: NodeConfig) -> None:
    full = msgspec.structs.replace(node, disk_reserved_gib=1 << 30)

    async def scene(driver: LibvirtHypervisor) -> None:
        await do(driver, prepared())
        with pytest.raises(HostError, match=r"no room for copies: they need [1-9]\d* MiB"):
            await driver.guests.check_sizes(of(BIG))
        assert await driver.guests.power(INSTANCE) is Power.RUNNING
        await driver.guests.switch_off(INSTANCE)
        with pytest.raises(HostError, match="no room for copies"):
            await driver.guests.keep_disks(INSTANCE, MARK, NEVER)
        assert await files(driver) == OWN

    play(full, scene)


def test_copies_that_are_there_need_no_room(node: NodeConfig) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        await do(driver, prepared())
        with pytest.raises(disks.ToolFailed, match="no room"):
            check_room(node.instances / INSTANCE, 1 << 62)
        check_room(node.instances / INSTANCE, 0)
        await resize(driver, of(BIG))
        check_room(node.instances / INSTANCE, 1 << 62)

    play(node, scene)


def test_nothing_is_copied_where_the_server_is_to_go(node: NodeConfig) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        await do(driver, prepared())
        await driver.guests.switch_off(INSTANCE)
        hurry = asyncio.Event()
        hurry.set()
        with pytest.raises(HostError, match="the copy was not to be finished"):
            await driver.guests.keep_disks(INSTANCE, MARK, hurry)
        assert await files(driver) == OWN

    play(node, scene)


def test_deletion_of_one_that_is_resized_leaves_nothing(node: NodeConfig) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        await do(driver, prepared())
        await resize(driver, of(BIG))
        for name in ("disk", "disk.eph0"):
            (node.instances / INSTANCE / f"{name}.before-resize.part").touch()  # of a life that ended in it
        await undo(driver, [of(BIG)])
        assert await driver.world() == EMPTY
        await driver.guests.unresize(INSTANCE, MARK)  # of no guest
        await driver.guests.confirm_resize(INSTANCE, None)
        assert await driver.guests.resized(INSTANCE) is None
        assert not await driver.guests.is_of(INSTANCE, BIG)

    play(node, scene)


def test_with_several_queues_its_taps_are_made_anew(node: NodeConfig) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        guests = driver.guests
        await do(driver, prepared())
        many = msgspec.structs.replace(BIG, extra_specs={"hw:vif_multiqueue_enabled": "true"})
        build = of(many)
        await guests.switch_off(INSTANCE)
        await guests.keep_disks(INSTANCE, MARK, NEVER)
        assert await driver.define([build]) == {}
        await guests.fit(build, prepared().order.spec)
        assert await driver.make_ephemeral_disks([build]) == {}
        assert (await driver.world())["taps"] == []
        assert await guests.plug(INSTANCE, build.vifs, build.order.spec) == [build.vifs[0].port_id]
        await run(driver)
        await guests.switch_off(INSTANCE)
        await guests.unresize(INSTANCE, MARK)
        assert (await driver.world())["taps"] == []
        await guests.plug(INSTANCE, build.vifs, prepared().order.spec)
        await run(driver)

    play(node, scene)

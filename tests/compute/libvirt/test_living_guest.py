"""What a guest's own operating system does its part in: letting go of devices, shutting down, going on from its copy.

One guest of the tiny image lives through all of it, in the order in which a user would do it.
"""

import asyncio
import base64
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from actors.clock import SystemClock
from actors.cluster.config import NodeConfig
from actors.compute.block_info import disks_for
from actors.compute.build import Build
from actors.compute.libvirt.driver import LibvirtHypervisor
from actors.guest.image import build_guest_image, default_cache
from actors.messages import ImageLocation
from actors.states import Power
from tests.compute.guests import INSTANCE, order, vif
from tests.compute.libvirt.test_driver import FLAVOR, do, undo
from tests.compute.libvirt.test_guests import SPEC, VOLUME, exported
from tests.guest.machine import BUILD_TOOLS, require

pytestmark = pytest.mark.real
LIMIT_S = 240.0  # for anything that a guest does; a few seconds on a quiet core
LOOK_S = 0.5
TAIL = 400  # console lines
WATCH = b"""#!/bin/sh
last=
while :; do
  now=$(ls /sys/block /sys/class/net | tr '\\n' ' ')
  [ "$now" = "$last" ] || echo "DEVICES $now"
  last=$now
  sleep 1
done
"""


class Images:
    def __init__(self, path: Path) -> None:
        self._path = path

    async def fetch(self, location: ImageLocation, token: str) -> Path:
        return self._path


def watching() -> Build:
    """A guest that tells its console which devices it has, whenever they change."""
    flavor = replace(FLAVOR, ram_mib=128, ephemeral_gib=0, swap_mib=0)
    build = Build(order(flavor=flavor, user_data=base64.b64encode(WATCH).decode()))
    build.vifs = (vif(),)
    build.image = ImageLocation(
        image_id="i1", disk_format="qcow2", size=1, virtual_size=0, os_hash_value="", properties={}, urls=()
    )
    build.disks = disks_for(build.order.spec, ())
    return build


async def seen(driver: LibvirtHypervisor, what: Callable[[str], bool]) -> None:
    """Wait until the guest's console says so."""
    console = ""
    try:
        async with asyncio.timeout(LIMIT_S):
            while not what(console):
                await asyncio.sleep(LOOK_S)  # a console tells nobody when it grows
                console = await driver.console(INSTANCE, TAIL)
    except TimeoutError:
        raise AssertionError(f"not seen within {LIMIT_S:g} s; the console:\n{console}") from None


async def ready(driver: LibvirtHypervisor) -> None:
    await seen(driver, lambda console: "GUEST READY" in console)


async def has(driver: LibvirtHypervisor, device: str, there: bool) -> None:
    def said(console: str) -> bool:
        lists = re.findall(r"DEVICES (.*)$", console, re.MULTILINE)
        return bool(lists) and (device in lists[-1].split()) is there

    await seen(driver, said)


def test_a_guest_plugged_unplugged_copied_shut_down_and_saved(node: NodeConfig, tmp_path: Path) -> None:
    require(*BUILD_TOOLS, "qemu-nbd")

    async def live() -> None:
        driver = LibvirtHypervisor(node, SystemClock(), Images(build_guest_image(default_cache(), print)))
        await driver.start()
        try:
            await do(driver, watching())
            await ready(driver)
            await plugging(driver, tmp_path)
            await powering(driver)
        finally:
            await undo(driver, [watching()])
            await driver.close()

    asyncio.run(live())


async def plugging(driver: LibvirtHypervisor, folder: Path) -> None:
    guests = driver.guests
    with exported(folder) as disk:
        await guests.attach_disk(INSTANCE, disk, SPEC)
        await has(driver, "vdb", there=True)
        await guests.detach_disk(INSTANCE, VOLUME)
        await has(driver, "vdb", there=False)
    second = vif(port_id="p2", device="tapsecond", mac_address="fa:16:3e:00:00:02")
    await guests.plug(INSTANCE, (second,), SPEC)
    await guests.attach_interface(INSTANCE, second, SPEC)
    await has(driver, "eth1", there=True)
    await guests.detach_interface(INSTANCE, second.mac_address)
    await has(driver, "eth1", there=False)
    await guests.unplug(INSTANCE, second)


async def powering(driver: LibvirtHypervisor) -> None:
    guests = driver.guests
    copy = await guests.copy_root_disk(INSTANCE)
    assert copy.stat().st_size > 1 << 20
    copy.unlink()
    await guests.suspend(INSTANCE)
    await guests.start_paused(INSTANCE)
    await guests.unpause(INSTANCE)
    assert await guests.power(INSTANCE) is Power.RUNNING
    await guests.shut_down(INSTANCE, LIMIT_S, asyncio.Event())
    assert await guests.power(INSTANCE) is Power.SHUTDOWN
    assert "Power down" in await driver.console(INSTANCE, TAIL)  # by itself, not switched off
    await guests.start_paused(INSTANCE)
    await guests.unpause(INSTANCE)
    await ready(driver)

"""Real guests once they are built: powered, saved, plugged, copied, seen; without an operating system inside.

What needs one (shutting down by itself, letting go of a device) is in the end-to-end tests.
"""

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from actors.cluster.config import NodeConfig
from actors.compute.build import Disk
from actors.compute.libvirt.driver import LibvirtHypervisor
from actors.errors import HostError
from actors.states import Power
from tests.compute.guests import INSTANCE, spec, vif, volume
from tests.compute.libvirt.test_driver import FLAVOR, do, play, prepared

pytestmark = pytest.mark.real
SPEC = spec(flavor=FLAVOR)
VOLUME = "3f1c2b0a-0000-4000-8000-000000000001"


@contextmanager
def exported(folder: Path) -> Iterator[Disk]:
    """A volume of 1 MiB behind NBD on a socket."""
    image, socket, pid = folder / "volume.raw", folder / "nbd.sock", folder / "nbd.pid"
    image.write_bytes(bytes(1 << 20))
    where = ["-k", str(socket), "-x", VOLUME, f"--pid-file={pid}"]
    subprocess.run(["qemu-nbd", "--fork", "-f", "raw", *where, "-t", "-e", "4", str(image)], check=True)
    try:
        connection = volume(VOLUME, unix_socket=str(socket))
        yield Disk(role="volume", device="vdx", bus="virtio", format="raw", connection=connection, serial=VOLUME)
    finally:
        os.kill(int(pid.read_text()), signal.SIGTERM)


def described(disk: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(subprocess.check_output(["qemu-img", "info", "--output=json", str(disk)]))
    return told


def test_power_goes_through_its_states_each_twice(node: NodeConfig) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        guests, hurry = driver.guests, asyncio.Event()
        assert await guests.power(INSTANCE) is None
        await do(driver, prepared())
        for act, power in (
            (lambda: guests.pause(INSTANCE), Power.PAUSED),
            (lambda: guests.unpause(INSTANCE), Power.RUNNING),
            (lambda: guests.suspend(INSTANCE), Power.SHUTDOWN),
            (lambda: guests.start_paused(INSTANCE), Power.PAUSED),
            (lambda: guests.unpause(INSTANCE), Power.RUNNING),
            (lambda: guests.shut_down(INSTANCE, 0.2, hurry), Power.SHUTDOWN),
            (lambda: guests.start_paused(INSTANCE), Power.PAUSED),
            (lambda: guests.switch_off(INSTANCE), Power.SHUTDOWN),
        ):
            for _ in range(2):
                await act()
                assert await guests.power(INSTANCE) is power
        assert await guests.powers() == {INSTANCE: Power.SHUTDOWN}

    play(node, scene)


def test_one_that_was_taken_away_is_defined_of_the_disks_that_it_has(node: NodeConfig) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        await do(driver, prepared())
        await driver.stop([prepared()])
        await driver.undefine([prepared()])
        assert INSTANCE not in await driver.guests.powers()
        again = prepared()
        again.image = None  # nobody may have it any more
        await driver.guests.check_disks(again)
        assert await driver.define([again]) == {}
        await driver.guests.start_paused(INSTANCE)
        await driver.guests.unpause(INSTANCE)
        assert await driver.guests.power(INSTANCE) is Power.RUNNING
        await driver.guests.switch_off(INSTANCE)
        await driver.remove_root_disks([again])
        with pytest.raises(HostError, match="its disk is not on this host"):
            await driver.guests.check_disks(again)

    play(node, scene)


def test_a_guest_that_does_not_shut_down_is_switched_off_at_a_hurry(node: NodeConfig) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        await do(driver, prepared())
        hurry = asyncio.Event()
        began = time.monotonic()
        stopping = asyncio.create_task(driver.guests.shut_down(INSTANCE, 3_600.0, hurry))
        hurry.set()
        await stopping
        assert await driver.guests.power(INSTANCE) is Power.SHUTDOWN
        assert time.monotonic() - began < 600

    play(node, scene)


def test_a_change_is_told(node: NodeConfig) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        await do(driver, prepared())
        told: asyncio.Queue[str] = asyncio.Queue()
        driver.guests.watch(told.put_nowait)
        await driver.guests.switch_off(INSTANCE)
        assert await asyncio.wait_for(told.get(), 30) == INSTANCE

    play(node, scene)


def test_a_volume_comes_and_stays_and_goes(node: NodeConfig, tmp_path: Path) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        guests = driver.guests
        await do(driver, prepared())
        with exported(tmp_path) as disk:
            for _ in range(2):
                await guests.attach_disk(INSTANCE, disk, SPEC)
            assert len((await guests.diagnostics(INSTANCE))["disk_details"]) == 5
            await guests.switch_off(INSTANCE)
            assert len((await guests.diagnostics(INSTANCE))["disk_details"]) == 5
            await guests.start_paused(INSTANCE)
            await guests.switch_off(INSTANCE)
            for _ in range(2):
                await guests.detach_disk(INSTANCE, VOLUME)
            assert len((await guests.diagnostics(INSTANCE))["disk_details"]) == 4

    play(node, scene)


def test_an_interface_comes_and_stays_and_goes(node: NodeConfig) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        guests = driver.guests
        one = vif(port_id="p2", device="tapsecond", mac_address="fa:16:3e:00:00:02")
        await do(driver, prepared())
        assert await guests.plug(INSTANCE, (one,), SPEC) == ["p2"]
        assert await guests.plug(INSTANCE, (one,), SPEC) == []
        for _ in range(2):
            await guests.attach_interface(INSTANCE, one, SPEC)
        assert len((await guests.diagnostics(INSTANCE))["nic_details"]) == 2
        await guests.switch_off(INSTANCE)
        for _ in range(2):
            await guests.detach_interface(INSTANCE, one.mac_address)
            await guests.unplug(INSTANCE, one)
        assert len((await guests.diagnostics(INSTANCE))["nic_details"]) == 1
        assert (await driver.world())["taps"] == [f"tap{INSTANCE[:11]}"]

    play(node, scene)


@pytest.mark.parametrize("running", [True, False])
def test_the_root_disk_is_copied_whole(node: NodeConfig, running: bool) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        await do(driver, prepared())
        if not running:
            await driver.guests.switch_off(INSTANCE)
        for _ in range(2):
            copy = await driver.guests.copy_root_disk(INSTANCE)
        told = described(copy)
        assert (told["format"], told["virtual-size"], "backing-filename" in told) == ("qcow2", 1 << 30, False)
        assert await driver.guests.power(INSTANCE) is (Power.RUNNING if running else Power.SHUTDOWN)
        copy.unlink()

    play(node, scene)


def test_the_screen_of_a_running_guest_speaks_rfb(node: NodeConfig) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        await do(driver, prepared())
        reader, writer = await driver.guests.vnc(INSTANCE)
        assert await asyncio.wait_for(reader.readline(), 30) == b"RFB 003.008\n"
        writer.close()
        await driver.guests.switch_off(INSTANCE)
        with pytest.raises(LookupError):
            await driver.guests.vnc(INSTANCE)

    play(node, scene)

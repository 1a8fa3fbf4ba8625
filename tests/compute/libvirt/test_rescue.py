"""A real (empty) guest that boots from a rescue disk and from its own again, by a real libvirt daemon."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from actors.cluster.config import NodeConfig
from actors.compute.build import Build
from actors.compute.libvirt import domains
from actors.compute.libvirt.driver import LibvirtHypervisor
from actors.states import Power
from tests.compute.guests import INSTANCE
from tests.compute.libvirt.test_driver import EMPTY, do, play, prepared, undo

pytestmark = pytest.mark.real
OWN = {"console.log", "disk", "disk.config", "disk.eph0", "disk.swap"}
RESCUE = {"disk.rescue", "disk.config.rescue"}


async def rescue(driver: LibvirtHypervisor, build: Build, act_id: str = "act-1") -> None:
    await driver.guests.switch_off(INSTANCE)
    await driver.guests.rescue(build, act_id)
    await driver.guests.start_paused(INSTANCE)
    await driver.guests.unpause(INSTANCE)


async def definition(driver: LibvirtHypervisor) -> str:
    [found] = await driver._connection.call(domains.definitions)
    return found


async def files(driver: LibvirtHypervisor) -> set[str]:
    return {Path(path).name for path in (await driver.world())["files"]} - {INSTANCE}


def test_rescued_twice_unrescued_twice_and_as_it_was(node: NodeConfig) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        build, guests = prepared(), driver.guests
        await do(driver, build)
        own = await definition(driver)
        assert await guests.rescued_by(INSTANCE) == ""
        await rescue(driver, build)
        await rescue(driver, build)
        assert await guests.rescued_by(INSTANCE) == "act-1"
        assert (await guests.power(INSTANCE), await files(driver)) == (Power.RUNNING, OWN | RESCUE)
        await guests.switch_off(INSTANCE)
        for _ in range(2):
            await guests.unrescue(INSTANCE)
            assert (await definition(driver), await files(driver)) == (own, OWN)
        await guests.start_paused(INSTANCE)
        await guests.unpause(INSTANCE)
        assert await guests.power(INSTANCE) is Power.RUNNING

    play(node, scene)


@pytest.mark.parametrize(
    "properties",
    [
        {"hw_rescue_device": "disk", "hw_rescue_bus": "virtio"},
        {"hw_rescue_device": "disk", "hw_rescue_bus": "scsi"},
        {"hw_rescue_device": "disk", "hw_rescue_bus": "usb"},
        {"hw_rescue_device": "cdrom", "hw_rescue_bus": "ide"},
        {"hw_disk_bus": "ide"},
    ],
)
def test_libvirt_takes_a_rescue_disk_of_every_kind(node: NodeConfig, properties: dict[str, str]) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        build = prepared()
        await do(driver, build)
        assert build.image is not None
        build.image = msgspec.structs.replace(build.image, properties=properties)
        await rescue(driver, build)
        assert await driver.guests.power(INSTANCE) is Power.RUNNING

    play(node, scene)


def test_deletion_of_one_that_is_rescued_leaves_nothing(node: NodeConfig) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        build = prepared()
        await do(driver, build)
        await rescue(driver, build)
        (node.instances / INSTANCE / "disk.rescue.part").touch()  # of a life that ended in it
        await undo(driver, [build])
        assert await driver.world() == EMPTY
        await driver.guests.unrescue(INSTANCE)  # of no guest
        assert await driver.guests.rescued_by(INSTANCE) == ""

    play(node, scene)

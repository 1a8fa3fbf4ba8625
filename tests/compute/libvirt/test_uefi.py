"""A real guest with UEFI firmware, where the host has such: what that remembers stays with the guest, and goes too."""

from __future__ import annotations

import asyncio
from pathlib import Path

import libvirt
import pytest
from msgspec.structs import replace

from actors.cluster.config import NodeConfig
from actors.compute.block_info import disks_for
from actors.compute.build import Build
from actors.compute.libvirt import domains, moving
from actors.compute.libvirt.driver import LibvirtHypervisor
from actors.compute.libvirt.storage import NVRAM
from actors.messages import BuildOrder
from actors.states import Power
from tests.compute.guests import INSTANCE
from tests.compute.libvirt.test_driver import EMPTY, do, play, prepared, undo
from tests.compute.libvirt.test_resize import run

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        not list(Path("/usr/share/qemu/firmware").glob("*.json")), reason="the host has no UEFI firmware for guests"
    ),
]
FIRMWARE = [
    pytest.param({}, id="plain"),
    pytest.param({"hw_machine_type": "q35"}, id="q35"),
    pytest.param({"hw_machine_type": "q35", "os_secure_boot": "required"}, id="secure"),
]


def with_firmware(properties: dict[str, str]) -> Build:
    build = prepared()
    spec = replace(build.order.spec, image_properties={"hw_firmware_type": "uefi"} | properties)
    assert isinstance(build.order, BuildOrder)
    made = Build(replace(build.order, spec=spec))
    made.vifs, made.image, made.disks = build.vifs, build.image, disks_for(spec, ())
    return made


@pytest.mark.parametrize("properties", FIRMWARE)
def test_what_it_remembers_is_with_its_disks_and_goes_with_them(node: NodeConfig, properties: dict[str, str]) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        guests, nvram = driver.guests, node.instances / INSTANCE / NVRAM
        build = with_firmware(properties)
        await do(driver, build)
        await guests.switch_off(INSTANCE)
        remembered = nvram.read_bytes()
        assert remembered
        packed = await asyncio.to_thread(moving.pack, nvram.parent, lambda: False, 0, True)
        assert NVRAM in [moving.name_of(path) for path in packed]
        assert await driver.define([build]) == {}  # anew, as where it comes back
        assert nvram.read_bytes() == remembered
        await run(driver)
        await undo(driver, [build])
        assert await driver.world() == EMPTY

    play(node, scene)


def test_undefined_by_hand_and_defined_again_it_remembers(node: NodeConfig) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        guests, nvram, build = driver.guests, node.instances / INSTANCE / NVRAM, with_firmware({})
        await do(driver, build)
        await guests.switch_off(INSTANCE)
        remembered = nvram.read_bytes()
        await driver._connection.call(_undefine_but_nvram)
        assert await guests.power(INSTANCE) is None
        assert await driver.define([build]) == {}
        assert (await guests.power(INSTANCE), nvram.read_bytes()) == (Power.SHUTDOWN, remembered)
        await driver._connection.call(_undefine_but_nvram)
        await undo(driver, [build])
        assert await driver.world() == EMPTY

    play(node, scene)


def _undefine_but_nvram(connection: libvirt.virConnect) -> None:
    domain = domains.find(connection, INSTANCE)
    assert domain is not None
    domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_KEEP_NVRAM)

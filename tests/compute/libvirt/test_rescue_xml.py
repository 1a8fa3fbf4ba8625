"""The definition of a guest that is rescued: which disks it has, in which order, and that its own comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import msgspec
import pytest

from actors.compute.libvirt.guest_xml import claim_of
from actors.compute.libvirt.hardware import Hardware
from actors.compute.libvirt.rescue_xml import RescuePlan, act_of, rescued, unrescued
from actors.compute.rescue_disk import RescueDisk
from actors.errors import CallerError
from actors.messages import BlockDevice
from tests.compute.guests import INSTANCE, SMALL
from tests.compute.libvirt.test_guest_xml import shown, text

FOLDER = Path("/srv/node/instances") / INSTANCE
VOLUME = BlockDevice(source_type="volume", destination_type="volume", source_id="v1")
EVERYTHING: dict[str, Any] = {
    "block_devices": (VOLUME,),
    "flavor": msgspec.structs.replace(SMALL, ephemeral_gib=1, swap_mib=64),
}


def plan(kind: str = "disk", bus: str = "virtio", stable: bool = False, act_id: str = "act-1") -> RescuePlan:
    return RescuePlan(act_id, FOLDER, RescueDisk(kind, bus, stable), Hardware({}, {}))


def disks(root: Element) -> list[tuple[str, str, str, str]]:
    """Name, bus, file or export, and place in the boot order of each, as they stand."""
    found = []
    for disk in root.findall("./devices/disk"):
        target, source, boot = disk.find("target"), disk.find("source"), disk.find("boot")
        assert target is not None and source is not None
        where = source.get("file", source.get("name", "")).removeprefix(f"{FOLDER}/")
        found.append((target.attrib["dev"], target.attrib["bus"], where, "" if boot is None else boot.attrib["order"]))
    return found


def test_it_boots_from_the_rescue_disk_and_its_own_is_the_second() -> None:
    root = ElementTree.fromstring(rescued(text(**EVERYTHING), plan()))
    assert disks(root) == [
        ("vda", "virtio", "disk.rescue", "1"),
        ("vdb", "virtio", "disk", ""),
        ("hda", "ide", "disk.config.rescue", ""),
    ]
    assert shown(root, "./devices/interface/mac") == shown(ElementTree.fromstring(text()), "./devices/interface/mac")


def test_on_another_bus_its_own_keeps_its_name() -> None:
    root = ElementTree.fromstring(rescued(text(), plan("cdrom", "sata")))
    assert disks(root)[:2] == [("sda", "sata", "disk.rescue", "1"), ("vda", "virtio", "disk", "")]
    root = ElementTree.fromstring(rescued(text(), plan("cdrom", "ide")))
    assert [name for name, *_ in disks(root)] == ["hda", "vda", "hdb"]


def test_a_stable_one_leaves_every_disk_in_its_place() -> None:
    own = disks(ElementTree.fromstring(text(**EVERYTHING)))
    found = disks(ElementTree.fromstring(rescued(text(**EVERYTHING), plan(stable=True))))
    assert [(name, bus) for name, bus, *_ in found[:-1]] == [(name, bus) for name, bus, *_ in own]
    assert found[-1] == ("vde", "virtio", "disk.rescue", "1")
    assert [order for *_, order in found[:-1]] == [""] * len(own)
    assert ("hda", "ide", "disk.config.rescue", "") in found


def test_a_scsi_disk_has_a_controller() -> None:
    root = ElementTree.fromstring(rescued(text(), plan(bus="scsi", stable=True)))
    assert shown(root, "./devices/controller[@type='scsi']") == [{"type": "scsi", "model": "virtio-scsi"}]


def test_its_own_definition_comes_back_to_the_letter() -> None:
    own = text(name="<&> ö", **EVERYTHING)
    for stable in (False, True):
        anew = rescued(own, plan(stable=stable))
        assert (act_of(anew), act_of(own)) == ("act-1", "")
        assert unrescued(anew) == own
        assert unrescued(own) == own
        assert claim_of(anew, "host-1") == claim_of(own, "host-1") is not None


def test_a_bus_without_room_is_the_image_s_fault() -> None:
    full = tuple(
        BlockDevice(source_type="volume", destination_type="volume", source_id=f"v{n}", disk_bus="ide")
        for n in range(3)
    )
    with pytest.raises(CallerError, match="no more room for disks on the bus 'ide'"):
        rescued(text(block_devices=full), plan(bus="ide", stable=True))

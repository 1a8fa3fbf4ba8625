"""The definition of a guest that was resized: it holds the one before, and its volumes are those of now."""

from __future__ import annotations

from xml.etree import ElementTree

import msgspec
import pytest

from actors.compute.build import ResizeMark
from actors.compute.libvirt.guest_xml import claim_of
from actors.compute.libvirt.hardware import hardware_of
from actors.compute.libvirt.host import taken_by
from actors.compute.libvirt.interfaces import interface_elements
from actors.compute.libvirt.resize_xml import (
    before,
    boots_from_cdrom,
    confirmed,
    files,
    is_of,
    mark_of,
    marked,
    reverted,
)
from actors.messages import BlockDevice, Claim
from tests.compute.guests import INSTANCE, SMALL, spec, vif
from tests.compute.libvirt.test_guest_xml import text

MARK = ResizeMark("act-1", "2")
SWAPPING = msgspec.structs.replace(SMALL, id="2", vcpus=2, ram_mib=128, swap_mib=64)


def volume(volume_id: str, name: str) -> BlockDevice:
    return BlockDevice(source_type="volume", destination_type="volume", source_id=volume_id, device_name=name)


def normal(definition: str) -> str:
    return ElementTree.canonicalize(definition, strip_text=True)


def disks(definition: str) -> list[tuple[str, str]]:
    """Name and serial of each."""
    found = []
    for disk in ElementTree.fromstring(definition).iterfind("./devices/disk"):
        target = disk.find("target")
        assert target is not None
        found.append((target.get("dev", ""), disk.findtext("serial", "")))
    return found


def test_it_holds_what_it_was_and_gives_it_back() -> None:
    own = text(flavor=SMALL)
    anew = marked(text(flavor=SWAPPING), MARK, own)
    assert (mark_of(own), mark_of(anew), mark_of("")) == (None, MARK, None)
    assert (before(own), normal(before(anew))) == ("", normal(own))
    assert normal(reverted(anew)) == normal(own)
    assert normal(reverted(own)) == normal(own)
    assert normal(confirmed(anew, None)) == normal(text(flavor=SWAPPING))


def test_marked_again_it_keeps_what_it_found_first_and_of_another_resize_nothing() -> None:
    own = text(flavor=SMALL)
    once = marked(text(flavor=SWAPPING), MARK, own)
    assert normal(before(marked(text(flavor=SWAPPING), MARK, once))) == normal(own)
    later = marked(text(flavor=SMALL), ResizeMark("act-2", "1"), once)
    assert normal(before(later)) == normal(text(flavor=SWAPPING))


def test_confirmed_it_has_the_claim_that_is_told() -> None:
    claim = Claim(instance_id=INSTANCE, host="host-1", vcpus=7, ram_mib=8, disk_gib=9)
    anew = confirmed(marked(text(flavor=SWAPPING), MARK, text(flavor=SMALL)), claim)
    assert (claim_of(anew, "host-1"), mark_of(anew)) == (claim, None)


def test_volumes_that_came_stay_and_those_that_went_stay_away() -> None:
    own = text(flavor=SMALL, block_devices=(volume("v1", "/dev/vdb"), volume("v2", "/dev/vdc")))
    now = text(flavor=SWAPPING, block_devices=(volume("v2", "/dev/vdc"), volume("v3", "/dev/vde")))
    back = reverted(marked(now, MARK, own))
    assert [one for one in disks(back) if one[1]] == [("vdc", "v2"), ("vde", "v3")]
    assert [one for one in disks(back) if not one[1]] == [one for one in disks(own) if not one[1]]


def test_volumes_that_swapped_names_have_those_of_now() -> None:
    own = text(flavor=SMALL, block_devices=(volume("v1", "/dev/vdb"), volume("v3", "/dev/vdf")))
    now = text(
        flavor=SWAPPING,
        block_devices=(volume("v2", "/dev/vdb"), volume("v1", "/dev/vdc"), volume("v3", "/dev/vdf")),
    )
    back = reverted(marked(now, MARK, own))
    assert [one for one in disks(back) if one[1]] == [("vdf", "v3"), ("vdb", "v2"), ("vdc", "v1")]


def test_a_volume_whose_name_was_a_local_disk_s_gets_a_free_one() -> None:
    own, anew = text(flavor=SWAPPING), text(flavor=SMALL)
    [swap] = [name for name, _ in disks(own) if name not in {name for name, _ in disks(anew)}]
    now = text(flavor=SMALL, block_devices=(volume("v1", f"/dev/{swap}"), volume("v2", "/dev/vdc")))
    back = disks(reverted(marked(now, MARK, own)))
    assert [one for one in back if one[1]] == [("vdd", "v1"), ("vdc", "v2")]
    assert [one for one in back if not one[1]] == disks(own)


def interfaces(definition: str) -> list[tuple[str, str | None]]:
    """MAC address and queues of each."""
    found = []
    for one in ElementTree.fromstring(definition).iterfind("./devices/interface"):
        mac, driver = one.find("mac"), one.find("driver")
        assert mac is not None
        found.append((mac.get("address", ""), None if driver is None else driver.get("queues")))
    return found


@pytest.mark.parametrize(("then", "now"), [(1, 1), (1, 4), (4, 1), (2, 4)], ids=str)
def test_interfaces_are_those_of_now_with_the_queues_of_then(then: int, now: int) -> None:
    went, stays, came = (f"fa:16:3e:00:00:0{n}" for n in (1, 2, 3))

    def guest(vcpus: int, *macs: str) -> str:
        many = {"hw:vif_multiqueue_enabled": "true"}
        flavor = msgspec.structs.replace(SMALL, vcpus=vcpus, extra_specs=many)
        vifs = tuple(vif(mac_address=mac, device=f"tap{mac[-1]}") for mac in macs)
        root = ElementTree.fromstring(text(flavor=flavor))
        [devices] = root.findall("./devices")
        for old in devices.findall("interface"):
            devices.remove(old)
        devices.extend(list(interface_elements(vifs, vcpus, hardware_of(spec(flavor=flavor)))))
        return ElementTree.tostring(root, encoding="unicode")

    back = reverted(marked(guest(now, stays, came), MARK, guest(then, went, stays)))
    queues = str(then) if then > 1 else None
    assert interfaces(back) == [(stays, queues), (came, queues)]


def test_a_scsi_volume_brings_its_controller() -> None:
    bus = msgspec.structs.replace(volume("v1", "/dev/sda"), disk_bus="scsi")
    back = reverted(marked(text(flavor=SWAPPING, block_devices=(bus,)), MARK, text(flavor=SMALL)))
    controllers = ElementTree.fromstring(back).findall("./devices/controller[@type='scsi']")
    assert [one.get("model") for one in controllers] == ["virtio-scsi"]


def test_it_says_of_which_flavor_it_is() -> None:
    own = text(flavor=SMALL)
    anew = marked(text(flavor=SWAPPING), MARK, own)
    for definition, flavor in ((own, SMALL), (anew, SWAPPING), (reverted(anew), SMALL)):
        assert [one for one in (SMALL, SWAPPING) if is_of(definition, one)] == [flavor]
    others = ("name", "vcpus", "ram_mib", "disk_gib", "ephemeral_gib", "swap_mib")
    changed = [msgspec.structs.replace(SMALL, **{name: "7" if name == "name" else 7}) for name in others]
    assert not any(is_of(own, one) for one in changed)
    assert not is_of("", SMALL)
    assert not is_of("<domain/>", SMALL)


def test_its_files_are_named() -> None:
    own = text(flavor=SWAPPING)
    assert {path.rpartition("/")[2] for path in files(own)} == {"disk", "disk.swap", "disk.config"}
    [root] = [path for path in files(own) if path.endswith("/disk")]
    [drive] = [path for path in files(own) if path.endswith("/disk.config")]
    assert (boots_from_cdrom(own, root), boots_from_cdrom(own, drive)) == (False, True)


@pytest.mark.parametrize("pin", [3, 5])
def test_parts_that_it_may_have_again_are_taken(pin: int) -> None:
    tune = f"<cputune><vcpupin vcpu='0' cpuset='{pin}'/></cputune>"
    own = text(flavor=SMALL).replace("<devices>", f"{tune}<devices>", 1)
    anew = marked(text(flavor=SWAPPING), MARK, own)
    assert (taken_by([anew]).cpus, taken_by([anew, before(anew)]).cpus) == (frozenset(), frozenset({pin}))

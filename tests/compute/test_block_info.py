"""Nova's rules for buses and device names, as a table of cases."""

from typing import Any

import msgspec
import pytest

from actors.compute.block_info import disks_for, named_volumes, root_as_cdrom
from actors.compute.build import Disk
from actors.errors import CallerError
from actors.messages import BlockDevice, BootSpec
from tests.compute.guests import SMALL, spec, volume

ROOT_VOLUME = BlockDevice(source_type="volume", destination_type="volume", source_id="v0", boot_index=0)
DATA_VOLUME = BlockDevice(source_type="volume", destination_type="volume", source_id="v1")
EPHEMERAL = BlockDevice(source_type="blank", destination_type="local", size_gib=1)


def flavor(**changes: Any) -> dict[str, Any]:
    return {"flavor": msgspec.structs.replace(SMALL, **changes)}


def shown(disks: list[Disk]) -> list[tuple[str, str, str]]:
    return [(disk.role, disk.device, disk.bus) for disk in disks]


def named(wanted: BootSpec, *volumes: str) -> list[tuple[str, str, str]]:
    return shown(disks_for(wanted, tuple(volume(one) for one in volumes)))


def test_a_plain_boot_has_a_root_disk_and_the_config_drive() -> None:
    assert named(spec()) == [("root", "vda", "virtio"), ("config", "hda", "ide")]


def test_the_image_s_own_row_is_the_root_disk_too() -> None:
    row = BlockDevice(source_type="image", destination_type="local", source_id="i1", boot_index=0, disk_bus="scsi")
    assert named(spec(block_devices=(row,), config_drive=False)) == [("root", "sda", "scsi")]


def test_everything_in_nova_s_order() -> None:
    wanted = spec(block_devices=(DATA_VOLUME,), **flavor(ephemeral_gib=2, swap_mib=64))
    assert named(wanted, "v1") == [
        ("root", "vda", "virtio"),
        ("ephemeral", "vdb", "virtio"),
        ("swap", "vdc", "virtio"),
        ("volume", "vdd", "virtio"),
        ("config", "hda", "ide"),
    ]


def test_a_volume_with_boot_index_0_comes_first_and_no_local_root_is_made() -> None:
    wanted = spec(image_id="", block_devices=(DATA_VOLUME, ROOT_VOLUME))
    disks = disks_for(wanted, (volume("v1"), volume("v0")))
    assert [(disk.device, disk.serial, disk.boot_index) for disk in disks[:2]] == [("vda", "v0", 0), ("vdb", "v1", -1)]
    assert all(disk.role != "root" for disk in disks)


def test_volumes_have_their_names_before_they_are_attached() -> None:
    wanted = spec(image_id="", block_devices=(DATA_VOLUME, ROOT_VOLUME), **flavor(swap_mib=64))
    assert [(one.source_id, one.device_name) for one in named_volumes(wanted)] == [
        ("v1", "/dev/vdc"),
        ("v0", "/dev/vda"),
    ]
    assert named_volumes(spec()) == ()


def test_requested_names_are_honoured_and_not_given_to_others() -> None:
    first = msgspec.structs.replace(DATA_VOLUME, device_name="/dev/vdb")
    rows = (DATA_VOLUME, first)
    assert [name for _, name, _ in named(spec(block_devices=rows), "v1", "v2")] == ["vda", "vdc", "vdb", "hda"]


def test_a_requested_name_decides_the_bus() -> None:
    row = msgspec.structs.replace(DATA_VOLUME, device_name="sdb")
    assert named(spec(block_devices=(row,)), "v1")[1] == ("volume", "sdb", "scsi")
    row = msgspec.structs.replace(DATA_VOLUME, device_name="sdb", disk_bus="sata")
    assert named(spec(block_devices=(row,)), "v1")[1] == ("volume", "sdb", "sata")


def test_image_properties_choose_bus_and_machine() -> None:
    wanted = spec(image_properties={"hw_disk_bus": "scsi", "hw_machine_type": "q35"})
    assert named(wanted) == [("root", "sda", "scsi"), ("config", "sdb", "sata")]


def test_a_cd_rom_goes_where_the_machine_has_them() -> None:
    disc = msgspec.structs.replace(ROOT_VOLUME, device_type="cdrom")
    wanted = spec(image_id="", block_devices=(disc, DATA_VOLUME))
    disks = disks_for(wanted, (volume("v0"), volume("v1")))
    shown = [(disk.device, disk.bus, disk.kind) for disk in disks]
    assert shown == [("hda", "ide", "cdrom"), ("vda", "virtio", "disk"), ("hdb", "ide", "cdrom")]
    q35 = msgspec.structs.replace(wanted, image_properties={"hw_machine_type": "q35"})
    assert disks_for(q35, (volume("v0"), volume("v1")))[0].bus == "sata"
    on_scsi = msgspec.structs.replace(wanted, block_devices=(msgspec.structs.replace(disc, disk_bus="scsi"),))
    first = disks_for(on_scsi, (volume("v0"),))[0]
    assert (first.device, first.kind) == ("sda", "cdrom")


def test_sizes_and_formats_of_local_disks() -> None:
    rows = (EPHEMERAL, msgspec.structs.replace(EPHEMERAL, guest_format="vfat", tag="scratch"))
    disks = disks_for(spec(block_devices=rows, **flavor(ephemeral_gib=3, swap_mib=32)), ())
    local = [(disk.role, disk.size_mib, disk.guest_format, disk.tag) for disk in disks[1:4]]
    assert local == [("ephemeral", 1024, "ext4", ""), ("ephemeral", 1024, "vfat", "scratch"), ("swap", 32, "swap", "")]


def test_names_go_on_after_z() -> None:
    rows = tuple(msgspec.structs.replace(DATA_VOLUME, source_id=f"v{index}") for index in range(27))
    names = [name for _, name, _ in named(spec(block_devices=rows), *(row.source_id for row in rows))]
    assert names[25:28] == ["vdz", "vdaa", "vdab"]


def test_an_iso_root_is_a_cdrom() -> None:
    disks = root_as_cdrom(disks_for(spec(), ()), {})
    assert [(disk.role, disk.device, disk.kind) for disk in disks] == [
        ("root", "hdb", "cdrom"),
        ("config", "hda", "cdrom"),
    ]


@pytest.mark.parametrize(
    "wanted",
    [
        spec(image_id=""),
        spec(image_properties={"hw_disk_bus": "floppy?"}),
        spec(block_devices=(EPHEMERAL,)),
        spec(block_devices=(msgspec.structs.replace(EPHEMERAL, guest_format="swap", size_gib=9),)),
        spec(block_devices=(msgspec.structs.replace(EPHEMERAL, device_name="../x"),), **flavor(ephemeral_gib=1)),
        spec(
            block_devices=(msgspec.structs.replace(EPHEMERAL, device_name="vdb"),) * 2,
            **flavor(ephemeral_gib=2),
        ),
        spec(
            block_devices=(msgspec.structs.replace(EPHEMERAL, device_type="cdrom", disk_bus="virtio"),),
            **flavor(ephemeral_gib=1),
        ),
        spec(
            block_devices=(msgspec.structs.replace(EPHEMERAL, device_type="cdrom", device_name="vdb"),),
            **flavor(ephemeral_gib=1),
        ),
        spec(
            block_devices=(msgspec.structs.replace(EPHEMERAL, disk_bus="ide"),) * 5,
            **flavor(ephemeral_gib=5),
        ),
    ],
)
def test_what_can_t_be_had_is_the_caller_s_fault(wanted: BootSpec) -> None:
    with pytest.raises(CallerError) as error:
        disks_for(wanted, ())
    assert error.value.fault.status == 400
    assert error.value.fault.field

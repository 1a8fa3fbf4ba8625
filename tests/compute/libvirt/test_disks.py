"""Disks made by the real tools: sizes, formats, refusals; twice is once, and removing leaves no folder."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.compute.libvirt.backing import backing_files
from actors.compute.libvirt.disks import (
    ToolFailed,
    copy_beside,
    make_blank_disk,
    make_root_disk,
    remove_files,
    write_file,
)
from actors.errors import CallerError
from actors.messages import ImageLocation
from actors.records import Flavor
from tests.compute.guests import SMALL

MIB = 1 << 20
needs_qemu_img = pytest.mark.skipif(shutil.which("qemu-img") is None, reason="qemu-img is not installed")
pytestmark = pytest.mark.real


def image(folder: Path, disk_format: str, size_mib: int = 4) -> tuple[Path, ImageLocation]:
    path = folder / "cached"
    known = {"vhd": "vpc", "iso": "raw"}.get(disk_format, disk_format)
    subprocess.run(["qemu-img", "create", "-q", "-f", known, path, f"{size_mib}M"], check=True)
    fields: dict[str, Any] = {"image_id": "i1", "disk_format": disk_format, "size": path.stat().st_size}
    return path, ImageLocation(**fields, virtual_size=0, os_hash_value="", properties={}, urls=())


def info(path: Path) -> dict[str, Any]:
    told = subprocess.run(["qemu-img", "info", "--output=json", path], capture_output=True, check=True).stdout
    return dict(json.loads(told))


def flavor(disk_gib: int) -> Flavor:
    return msgspec.structs.replace(SMALL, disk_gib=disk_gib)


@needs_qemu_img
@pytest.mark.parametrize("disk_format", ["raw", "qcow2", "iso"])
def test_a_root_disk_is_an_overlay_of_the_flavor_s_size(tmp_path: Path, disk_format: str) -> None:
    cached, location = image(tmp_path, disk_format)
    target = tmp_path / "instances" / "a" / "disk"
    make_root_disk(cached, location, flavor(1), target)
    found = info(target)
    assert (found["format"], found["virtual-size"]) == ("qcow2", 1 << 30)
    assert found["full-backing-filename"] == str(cached)
    assert found["backing-filename-format"] == ("qcow2" if disk_format == "qcow2" else "raw")
    make_blank_disk(target.with_name("disk.swap"), 1, "swap", "swap")
    write_file(target.with_name("console.log"), b"QFI")
    assert backing_files(tmp_path / "instances") == {cached}


@needs_qemu_img
def test_a_root_disk_that_is_there_stays_but_not_one_of_another_image(tmp_path: Path) -> None:
    target = tmp_path / "instances" / "a" / "disk"
    for name, kept in (("one", False), ("one", True), ("two", False)):
        (tmp_path / name).mkdir(exist_ok=True)
        cached, location = image(tmp_path / name, "qcow2")
        before = target.stat().st_ino if target.exists() else 0
        make_root_disk(cached, location, flavor(1), target)
        assert info(target)["full-backing-filename"] == str(cached)
        assert (target.stat().st_ino == before) is kept


@needs_qemu_img
def test_without_a_size_the_image_s_own_counts(tmp_path: Path) -> None:
    cached, location = image(tmp_path, "qcow2")
    make_root_disk(cached, location, flavor(0), tmp_path / "disk")
    assert info(tmp_path / "disk")["virtual-size"] == 4 * MIB


@needs_qemu_img
@pytest.mark.parametrize("disk_format", ["vmdk", "vdi", "vhdx", "vhd"])
def test_foreign_formats_are_converted_once_a_node(tmp_path: Path, disk_format: str) -> None:
    cached, location = image(tmp_path, disk_format)
    make_root_disk(cached, location, flavor(1), tmp_path / "a" / "disk")
    converted = tmp_path / "converted" / "cached.qcow2"
    made_at = converted.stat().st_mtime_ns
    make_root_disk(cached, location, flavor(1), tmp_path / "b" / "disk")
    assert converted.stat().st_mtime_ns == made_at
    assert info(tmp_path / "b" / "disk")["full-backing-filename"] == str(converted)
    assert backing_files(tmp_path) == {converted}


@needs_qemu_img
def test_an_image_larger_than_the_flavor_s_disk_is_refused(tmp_path: Path) -> None:
    cached, location = image(tmp_path, "qcow2", size_mib=1025)
    with pytest.raises(CallerError, match="needs a disk of 2 GiB") as error:
        make_root_disk(cached, location, flavor(1), tmp_path / "a" / "disk")
    assert error.value.fault.field == "flavorRef"
    assert not (tmp_path / "a").exists()


@needs_qemu_img
def test_twice_is_once(tmp_path: Path) -> None:
    cached, location = image(tmp_path, "raw")
    make_root_disk(cached, location, flavor(1), tmp_path / "disk")
    made = (tmp_path / "disk").stat()
    make_root_disk(cached, location, flavor(1), tmp_path / "disk")
    assert (tmp_path / "disk").stat().st_ino == made.st_ino


@needs_qemu_img
def test_a_broken_image_is_the_host_s_fault_and_leaves_nothing_that_counts(tmp_path: Path) -> None:
    cached, location = image(tmp_path, "raw")
    broken = msgspec.structs.replace(location, disk_format="qcow2")
    with pytest.raises(ToolFailed, match="qemu-img"):
        make_root_disk(cached, broken, flavor(1), tmp_path / "a" / "disk")
    assert not (tmp_path / "a" / "disk").exists()


@pytest.mark.parametrize(("guest_format", "kind"), [("ext4", "ext4"), ("vfat", "vfat"), ("swap", "swap")])
def test_blank_disks_are_formatted_and_labelled(tmp_path: Path, guest_format: str, kind: str) -> None:
    target = tmp_path / "disk.eph0"
    make_blank_disk(target, 64, guest_format, "ephemeral0")
    assert target.stat().st_size == 64 * MIB
    blkid = shutil.which("blkid", path="/usr/sbin:/sbin:/usr/bin")
    if blkid is None:
        pytest.skip("blkid is not installed")
    found = subprocess.run([blkid, "-p", "-o", "export", target], capture_output=True, text=True, check=True).stdout
    assert f"TYPE={kind}" in found
    assert "LABEL=ephemeral0".casefold() in found.casefold()


def test_an_unknown_format_is_the_caller_s_fault(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="guest_format"):
        make_blank_disk(tmp_path / "a" / "disk.eph0", 64, "ntfs; rm", "x")


def test_removing_takes_the_files_their_parts_and_the_empty_folder(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    write_file(folder / "disk.config", b"drive")
    write_file(folder / "disk", b"root")
    (folder / "disk.config.part").write_bytes(b"half")
    remove_files(folder, "disk.config")
    assert [path.name for path in folder.iterdir()] == ["disk"]
    remove_files(folder, "disk")
    assert not folder.exists()
    remove_files(folder, "disk")


def test_a_copy_is_as_sparse_as_the_disk_and_one_that_is_there_stays(tmp_path: Path) -> None:
    disk, copy = tmp_path / "disk.eph0", tmp_path / "copy"
    with disk.open("wb") as file:
        file.truncate(64 * MIB)
        file.seek(32 * MIB)
        file.write(b"data")
    copy_beside(disk, copy, lambda: False, 0)
    assert copy.read_bytes() == disk.read_bytes()
    assert copy.stat().st_blocks * 512 < MIB
    disk.write_bytes(b"written since")
    copy_beside(disk, copy, lambda: False, 0)
    assert copy.stat().st_size == 64 * MIB
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "disk.eph0"]


def test_a_copy_that_takes_long_is_stopped_when_it_is_not_wanted_any_more(tmp_path: Path) -> None:
    endless, copy = tmp_path / "endless", tmp_path / "copy"
    os.mkfifo(endless)  # nobody writes into it
    wanted = iter([False, False, True])
    with pytest.raises(ToolFailed, match="not to be finished"):
        copy_beside(endless, copy, lambda: next(wanted), 0)
    assert not copy.exists()


def test_what_can_t_be_copied_is_the_tool_s_failure(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed, match=r"cp: .*No such file"):
        copy_beside(tmp_path / "nothing", tmp_path / "copy", lambda: False, 0)


def test_of_a_copy_that_failed_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed, match=r"cp: .*mem"):
        copy_beside(Path("/proc/self/mem"), tmp_path / "copy", lambda: False, 0)  # it opens, and can't be read
    assert list(tmp_path.iterdir()) == []


def test_a_copy_leaves_the_reserve_to_others(tmp_path: Path) -> None:
    endless = tmp_path / "endless"
    os.mkfifo(endless)  # nobody writes into it
    with pytest.raises(ToolFailed, match=r"cp: no room"):
        copy_beside(endless, tmp_path / "copy", lambda: False, 1 << 62)
    assert list(tmp_path.iterdir()) == [endless]

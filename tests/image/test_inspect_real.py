"""The inspection against images that qemu-img makes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from actors.errors import CallerError
from tests.image.test_inspect import MIB, inspect

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(shutil.which("qemu-img") is None, reason="qemu-img is not installed (package qemu-utils)"),
]


def made(path: Path, disk_format: str, *options: str) -> bytes:
    command = ["qemu-img", "create", "-q", "-f", disk_format, *options, str(path), "8M"]
    subprocess.run(command, check=True, capture_output=True)
    return path.read_bytes()


@pytest.mark.parametrize("disk_format", ["raw", "qcow2", "vdi", "vhdx", "vmdk"])
def test_a_plain_image_is_accepted(tmp_path: Path, disk_format: str) -> None:
    assert inspect(disk_format, made(tmp_path / "disk", disk_format), piece=MIB) == 8 * MIB


def test_a_real_backing_file_is_refused(tmp_path: Path) -> None:
    made(tmp_path / "below", "raw")
    with pytest.raises(CallerError, match="backing"):
        inspect("qcow2", made(tmp_path / "disk", "qcow2", "-b", str(tmp_path / "below"), "-F", "raw"))


def test_a_real_data_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="data"):
        inspect("qcow2", made(tmp_path / "disk", "qcow2", "-o", f"data_file={tmp_path / 'data'}"))


@pytest.mark.parametrize("kind", ["monolithicFlat", "twoGbMaxExtentFlat"])
def test_a_real_vmdk_with_extents_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(CallerError):
        inspect("vmdk", made(tmp_path / "disk.vmdk", "vmdk", "-o", f"subformat={kind}"))

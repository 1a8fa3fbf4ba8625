"""A qcow2 disk without data is one for QEMU too."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from actors.image.inspect import DISK_FORMATS
from actors.volume.empty_qcow2 import SPAN, empty_qcow2

GIB = 1 << 30


def test_its_size_follows_its_map_alone() -> None:
    assert "qcow2" in DISK_FORMATS
    assert len(empty_qcow2(GIB)) == len(empty_qcow2(SPAN)) == 4 << 16
    assert len(empty_qcow2(16_384 * GIB)) == 7 << 16


@pytest.mark.skipif(shutil.which("qemu-img") is None, reason="qemu-img is not installed (package qemu-utils)")
@pytest.mark.parametrize("gib", [1, 3, 16_384])
def test_qemu_finds_no_fault_with_it(tmp_path: Path, gib: int) -> None:
    path = tmp_path / "disk"
    path.write_bytes(empty_qcow2(gib * GIB))
    said = subprocess.run(["qemu-img", "check", "--output=json", path], check=True, capture_output=True).stdout
    assert json.loads(said)["check-errors"] == 0
    said = subprocess.run(["qemu-img", "info", "--output=json", path], check=True, capture_output=True).stdout
    assert (json.loads(said)["format"], json.loads(said)["virtual-size"]) == ("qcow2", gib * GIB)

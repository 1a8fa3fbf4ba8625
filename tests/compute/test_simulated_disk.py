"""The disk of a simulated guest is a file that others can read."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from oslo_utils.imageutils import format_inspector

from actors.compute.simulated_disk import VIRTUAL_BYTES, simulated_disk


def test_it_is_a_safe_qcow2_of_its_size(tmp_path: Path) -> None:
    file = tmp_path / "disk"
    file.write_bytes(simulated_disk("x"))
    inspector = format_inspector.detect_file_format(str(file))
    assert (str(inspector), inspector.virtual_size) == ("qcow2", VIRTUAL_BYTES)
    inspector.safety_check()


@pytest.mark.skipif(shutil.which("qemu-img") is None, reason="needs qemu-img")
def test_qemu_reads_it(tmp_path: Path) -> None:
    file, raw = tmp_path / "disk", tmp_path / "raw"
    file.write_bytes(simulated_disk("x"))
    checked = subprocess.run(["qemu-img", "check", "--output=json", file], capture_output=True, check=True)
    assert json.loads(checked.stdout)["check-errors"] == 0
    subprocess.run(["qemu-img", "convert", "-O", "raw", file, raw], check=True)
    data = raw.read_bytes()
    assert data.startswith(b"The disk of simulated server x:") and len(data) == VIRTUAL_BYTES
    assert not any(data[512:])

"""Content that isn't a plain safe disk is refused, whatever it claims."""

from __future__ import annotations

import struct

import pytest

from actors.errors import CallerError
from actors.image.inspect import Inspection
from tests.image.contents import boot_sector, flat_vmdk, qcow2

MIB = 1 << 20


def inspect(disk_format: str, data: bytes, piece: int = 4096) -> int:
    inspection = Inspection(disk_format)
    for start in range(0, len(data), piece):
        inspection.eat(data[start : start + piece])
    return inspection.finish()


def refusal(disk_format: str, data: bytes) -> str:
    with pytest.raises(CallerError) as caught:
        inspect(disk_format, data)
    assert caught.value.fault.status == 400
    assert caught.value.fault.field == "data"
    return caught.value.fault.message


def test_a_qcow2_tells_its_virtual_size() -> None:
    assert inspect("qcow2", qcow2(64 * MIB)) == 64 * MIB


def test_a_qcow2_in_tiny_pieces_is_the_same() -> None:
    assert inspect("qcow2", qcow2(64 * MIB), piece=7) == 64 * MIB


def test_raw_is_as_large_as_its_data() -> None:
    assert inspect("raw", b"\xab" * MIB) == MIB


def test_a_raw_disk_with_a_boot_sector_is_raw() -> None:
    assert inspect("raw", boot_sector() + b"\0" * MIB) == MIB + 512


def test_a_backing_file_is_refused() -> None:
    assert "backing" in refusal("qcow2", qcow2(MIB, backing=b"/etc/shadow"))


def test_an_external_data_file_is_refused() -> None:
    assert "data" in refusal("qcow2", qcow2(MIB, incompatible=1 << 2))


def test_an_unknown_feature_is_refused() -> None:
    assert "unknown" in refusal("qcow2", qcow2(MIB, incompatible=1 << 17))


def test_a_vmdk_with_extents_elsewhere_is_refused() -> None:
    refusal("vmdk", flat_vmdk())


def test_text_that_may_be_a_vmdks_and_can_not_be_read_as_one_is_refused() -> None:
    text = b"words " * 100
    assert inspect("raw", text) == len(text)
    assert "can't be told" in refusal("raw", text + "é".encode())


@pytest.mark.parametrize("claim", ["raw", "vmdk", "vdi", "vhdx", "iso"])
def test_a_qcow2_under_another_name_is_refused(claim: str) -> None:
    refusal(claim, qcow2(MIB))


@pytest.mark.parametrize("claim", ["qcow2", "vmdk", "vdi", "vhdx", "iso"])
def test_noise_is_only_raw(claim: str) -> None:
    refusal(claim, b"\x5a" * MIB)


@pytest.mark.parametrize("length", [1, 3, 71, 103, 511])
def test_a_header_cut_short_is_refused(length: int) -> None:
    refusal("qcow2", qcow2(MIB)[:length])


def test_an_absurd_size_is_refused() -> None:
    assert "bytes" in refusal("qcow2", qcow2(1 << 62))


def test_two_formats_at_once_are_refused() -> None:
    data = bytearray(b"\0" * (2 * MIB))
    data[: len(qcow2(MIB))] = qcow2(MIB)
    data[32768:32774] = b"\x01CD001"
    data[32768 + 80 : 32768 + 84] = struct.pack("<I", 64)
    assert "once" in refusal("qcow2", bytes(data)) or "Multiple" in refusal("qcow2", bytes(data))

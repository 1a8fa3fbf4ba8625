"""Chunks may come twice, never with a gap, never with other bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.errors import CallerError
from actors.image.intake import Intake
from tests.image.contents import qcow2


def new_intake(folder: Path, disk_format: str = "raw") -> Intake:
    intake = Intake(folder / "x.part", disk_format, 0.0)
    intake.open()
    return intake


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=8), st.data())
def test_repeated_and_overlapping_chunks_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes], data: st.DataObject
) -> None:
    intake = new_intake(tmp_path_factory.mktemp("intake"))
    whole = b"".join(chunks)
    offset = 0
    for chunk in chunks:
        again = data.draw(st.integers(0, offset))
        assert intake.write(again, whole[again : offset + len(chunk)]) == offset + len(chunk)
        offset += len(chunk)
    content = intake.finish("")
    assert intake.part.read_bytes() == whole
    assert content.os_hash_value == hashlib.sha512(whole).hexdigest()
    assert content.checksum == hashlib.md5(whole).hexdigest()
    assert content.size == content.virtual_size == len(whole)


def test_a_gap_is_refused(tmp_path: Path) -> None:
    intake = new_intake(tmp_path)
    intake.write(0, b"abc")
    with pytest.raises(CallerError, match="from 3 on"):
        intake.write(4, b"e")


def test_other_bytes_for_the_same_offset_are_refused(tmp_path: Path) -> None:
    intake = new_intake(tmp_path)
    intake.write(0, b"abc")
    with pytest.raises(CallerError, match="other bytes"):
        intake.write(1, b"xcd")
    assert intake.position == 3


def test_a_wrong_sha512_is_refused(tmp_path: Path) -> None:
    intake = new_intake(tmp_path)
    intake.write(0, b"abc")
    with pytest.raises(CallerError, match="sha512"):
        intake.finish("0" * 128)


def test_a_false_claim_is_refused_before_all_has_come(tmp_path: Path) -> None:
    intake = new_intake(tmp_path, "qcow2")
    with pytest.raises(CallerError):
        intake.write(0, b"not a qcow2 at all" * 1000)


def test_nothing_uploaded_is_an_image_of_no_format_but_raw(tmp_path: Path) -> None:
    assert new_intake(tmp_path, "raw").finish("").size == 0
    with pytest.raises(CallerError, match="no data was uploaded: that is no qcow2 image"):
        new_intake(tmp_path, "qcow2").finish("")


def test_an_upload_that_was_dropped_says_so(tmp_path: Path) -> None:
    intake = new_intake(tmp_path, "qcow2")
    intake.part.unlink()
    with pytest.raises(CallerError, match="dropped"):
        intake.write(0, qcow2(1 << 20))


def test_bytes_that_the_disk_did_not_take_may_come_again(tmp_path: Path) -> None:
    data = qcow2(1 << 20)
    intake = new_intake(tmp_path, "qcow2")
    intake.part.unlink()
    intake.part.mkdir()
    with pytest.raises(IsADirectoryError):  # what is full says something else
        intake.write(0, data[:20])
    intake.part.rmdir()
    intake.open()
    assert intake.write(0, data[:20]) == 20
    intake.write(20, data[20:])
    content = intake.finish("")
    assert (content.virtual_size, content.os_hash_value) == (1 << 20, hashlib.sha512(data).hexdigest())


def test_what_is_there_already_is_taken_in_piece_by_piece(tmp_path: Path) -> None:
    data = qcow2(1 << 20)
    intake = new_intake(tmp_path, "qcow2")
    intake.part.write_bytes(data)
    taken = 0
    while intake.take_in(1000):
        taken += 1
    assert taken == -(-len(data) // 1000)
    content = intake.finish("")
    assert (content.size, content.os_hash_value) == (len(data), hashlib.sha512(data).hexdigest())
    intake.part.unlink()
    with pytest.raises(CallerError):
        intake.take_in(1000)

"""The verdict on KVM: kept with what it is about, never believed about something else."""

from pathlib import Path

import pytest

from actors.guest.kvm import Verdict, read_verdict, write_verdict

WORKS = Verdict(True, "a guest started in 1.0 s")


def test_a_kept_verdict_is_read_back(tmp_path: Path) -> None:
    write_verdict(tmp_path / "kvm.json", "boot-1 image-1", WORKS)
    assert read_verdict(tmp_path / "kvm.json", "boot-1 image-1") == WORKS


def test_another_boot_or_image_asks_again(tmp_path: Path) -> None:
    write_verdict(tmp_path / "kvm.json", "boot-1 image-1", WORKS)
    assert read_verdict(tmp_path / "kvm.json", "boot-2 image-1") is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"about": "x"}', "\x00"])
def test_a_broken_file_is_no_verdict(tmp_path: Path, content: str) -> None:
    (tmp_path / "kvm.json").write_text(content)
    assert read_verdict(tmp_path / "kvm.json", "x") is None

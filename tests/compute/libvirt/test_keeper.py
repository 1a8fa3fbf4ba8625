"""What the daemon's keeper puts in order before it starts the daemon."""

from __future__ import annotations

from pathlib import Path

from actors.compute.libvirt.keeper import forget_starts

STATUS = "<!-- of libvirt's own -->\n<domstatus state='{}' reason='{}' pid='{}'>\n  <monitor path='x'/>\n</domstatus>\n"


def test_only_guests_that_had_no_process_are_forgotten(tmp_path: Path) -> None:
    (tmp_path / "runs.xml").write_text(STATUS.format("running", "booted", 4711))
    (tmp_path / "shakes-hands.xml").write_text(STATUS.format("paused", "starting up", 10))
    (tmp_path / "begins.xml").write_text(STATUS.format("paused", "starting up", 0))
    for _ in range(2):
        forget_starts(tmp_path)
        assert sorted(file.stem for file in tmp_path.iterdir()) == ["runs", "shakes-hands"]


def test_a_daemon_that_never_ran_has_written_nothing(tmp_path: Path) -> None:
    forget_starts(tmp_path / "nowhere")

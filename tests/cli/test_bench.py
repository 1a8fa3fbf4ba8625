"""`novaray bench`: tables, curves and files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from actors.cli.bench import app, curve
from tests.benchmarks.traces import write


def test_a_curve_is_a_bar_for_each_part_of_the_time() -> None:
    assert curve([0, 1, 4, 8], 8) == " ▁▄█"
    assert curve([], 8) == ""
    assert len(curve([3] * 1_000, 3)) <= 72
    assert set(curve([3] * 1_000, 3)) == {"█"}


def test_packing_writes_rows_and_a_picture_beside_them(tmp_path: Path) -> None:
    trace = write(tmp_path / "trace", ["q,q,|", "q,|", ""], ["C2,C2,|", "C2,|", ""])
    file = tmp_path / "packing.json"
    result = CliRunner().invoke(app, ["packing", "--trace", str(trace), "--json", str(file)])
    assert result.exit_code == 0, result.output
    rows = json.loads(file.read_text())["rows"]
    assert [row["profile"] for row in rows] == ["pack", "spread"]
    assert {"hosts_needed", "ratio_to_bound", "empty_share", "density"} <= set(rows[0])
    assert "needed" in result.output
    assert "hosts in use" in result.output


def test_placement_writes_rows(tmp_path: Path) -> None:
    file = tmp_path / "placement.json"
    result = CliRunner().invoke(app, ["placement", "--hosts", "10", "--json", str(file)])
    assert result.exit_code == 0, result.output
    [first, *_] = json.loads(file.read_text())["rows"]
    assert list(first) == ["case", "hosts", "decisions", "us_cpu_per_decision", "p50_us", "p99_us", "rss_mb"]


@pytest.mark.parametrize("arguments", [["--trace", "{}"], ["--trace", "{}", "--profile", "fastest"]])
def test_what_can_not_be_measured_is_said(tmp_path: Path, arguments: list[str]) -> None:
    result = CliRunner().invoke(app, ["packing", *(each.format(tmp_path) for each in arguments)])
    assert isinstance(result.exception, RuntimeError)
    assert str(tmp_path) in str(result.exception) or "fastest" in str(result.exception)

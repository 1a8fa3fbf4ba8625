"""The packing benchmark, on traces whose answer is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.packing import Replay, lower_bound, plot, run
from benchmarks.trace import load
from placement import PROFILES
from tests.benchmarks.traces import write

TWO_HALVES = (["q,q,|", "q,q,|", ""], ["C2,C2,|", "C2,C2,|", ""])  # four machines of half a host each


def test_a_trace_that_fits_exactly_needs_the_bound(tmp_path: Path) -> None:
    [pack, spread] = run(write(tmp_path, *TWO_HALVES))
    assert (pack.row["lower_bound"], pack.row["hosts_needed"], pack.row["ratio_to_bound"]) == (2, 2, 1.0)
    assert spread.row["hosts_needed"] == 2
    assert pack.hosts == 3
    assert pack.row["empty_share"] == pytest.approx(2 / 3, abs=1e-3)  # for the one step before the last event
    assert pack.row["density"] == 1.0
    assert spread.row["empty_share"] < pack.row["empty_share"]
    assert spread.row["density"] == 0.5


def test_the_bound_counts_the_busiest_moment_by_its_scarcest_resource(tmp_path: Path) -> None:
    requests, lifetimes = ["d,d,d,d,d,|", "", "", "", "d,|", ""], ["U0,U0,U0,U0,U0,|", "", "", "", "U0,|", ""]
    assert lower_bound(load(write(tmp_path, requests, lifetimes))) == 3  # 560 GiB on hosts of 256, for 80 vCPUs


def test_a_replay_stops_at_the_first_refusal(tmp_path: Path) -> None:
    trace = load(write(tmp_path, *TWO_HALVES))
    assert Replay(trace, PROFILES["pack"], 1).run() is None
    assert Replay(trace, PROFILES["pack"], 2).run() is not None


def test_the_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    plot(run(write(tmp_path / "trace", *TWO_HALVES)), tmp_path / "used.png")
    assert (tmp_path / "used.png").read_bytes().startswith(b"\x89PNG")

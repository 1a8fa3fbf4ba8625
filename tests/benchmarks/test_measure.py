"""What two readings come to."""

from __future__ import annotations

from benchmarks.growth import _against
from benchmarks.measure import Reading, calibration_ms, percentiles, spent


def test_costs_are_a_boot_s_share_of_what_was_used_between_two_readings() -> None:
    before = Reading({"a": 1.0, "gone": 5.0}, messages=10, commits=5, fsyncs=2)
    after = Reading({"a": 1.5, "new": 0.5}, messages=30, commits=15, fsyncs=4)
    row = spent(before, after, boots=100)
    assert row["cpu_ms_per_boot"] == 10.0
    assert row["cpu_ms_by_process"] == {"a": 5.0, "new": 5.0}
    assert (row["messages_per_boot"], row["commits_per_boot"], row["fsyncs_per_boot"]) == (0.2, 0.1, 0.02)


def test_percentiles_are_in_milliseconds() -> None:
    assert percentiles([n / 1000 for n in range(1, 101)]) == {"p50_ms": 51.0, "p95_ms": 96.0, "p99_ms": 100.0}
    assert percentiles([0.5]) == {"p50_ms": 500.0, "p95_ms": 500.0, "p99_ms": 500.0}


def test_growth_is_told_against_the_base_in_units_of_each_calibration() -> None:
    rows = [{"cpu_ms_per_boot": 1.0, "calibration_ms": 10.0}, {"cpu_ms_per_boot": 3.0, "calibration_ms": 20.0}]
    assert [row["ratio"] for row in _against(rows[0], rows)] == [1.0, 1.5]


def test_the_calibration_loop_takes_some_milliseconds() -> None:
    assert 0.5 < calibration_ms() < 1_000

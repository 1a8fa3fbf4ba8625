"""What a trace's files say."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.trace import Event, Flavor, load
from tests.benchmarks.traces import write


def test_machines_come_at_their_step_and_go_in_the_middle_of_their_bin(tmp_path: Path) -> None:
    trace = load(write(tmp_path, ["a,|,d,a,|,", "", "", ""], ["U0,|,C2,U1,|,", "", "", ""], start_s=0))
    assert trace.flavors["a"] == Flavor(1, 1_792)
    assert (trace.start_s, trace.end_s) == (0, 1_200)
    assert trace.events == (
        Event(0, True, 1, "a"),
        Event(0, True, 2, "d"),
        Event(0, True, 3, "a"),
        Event(150, False, 1, "a"),  # bin 0 is 0 to 300 s
        Event(600, False, 3, "a"),  # bin 1 is 300 to 900 s; the one that outlived the trace never goes
    )


def test_who_goes_makes_room_for_who_comes_at_the_same_time(tmp_path: Path) -> None:
    trace = load(write(tmp_path, ["a,|", "", "a,|", ""], ["U1,|", "", "U1,|", ""], start_s=0))
    assert [(event.at_s, event.comes) for event in trace.events] == [(0, True), (600, False), (600, True)]


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="line 2"):
        load(write(tmp_path, ["a,|", "a,a,|"], ["U0,|", "U0,|"]))

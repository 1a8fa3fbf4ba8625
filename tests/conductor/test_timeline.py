"""A story is kept in few bytes, and told as it was; also one that an earlier version kept."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from actors.boot import CONTROL, NODE
from actors.conductor.timeline import PLACED, WORDS, Moment, Timeline
from actors.saga import Phase

MOMENTS = st.builds(
    Moment,
    at=st.floats(0, 4e9),
    step=st.sampled_from(WORDS) | st.text(max_size=5),
    phase=st.sampled_from([*Phase, PLACED]),
    attempt=st.integers(0, 3),
    note=st.text(max_size=5),
)


@given(MOMENTS)
def test_a_moment_is_told_as_it_was(moment: Moment) -> None:
    assert Moment.decoded(moment.encoded()) == moment


@given(MOMENTS)
def test_what_an_earlier_version_kept_is_told_too(moment: Moment) -> None:
    fields = (moment.at, moment.step, str(moment.phase), moment.attempt, moment.note)
    assert Moment.decoded(msgspec.Raw(msgspec.msgpack.encode(fields))) == moment


def test_the_words_of_a_boot_are_kept_by_their_places() -> None:
    steps = [step.name for step in (*CONTROL, *NODE)]
    assert {*steps, *Phase, PLACED} <= set(WORDS)
    moments = [Moment(1.5e9, step, phase, 0).encoded() for step in steps for phase in (Phase.BEGUN, Phase.DONE)]
    assert len(Timeline((), moments).encoded()) < 13 * len(moments)


def test_no_word_ever_moves() -> None:
    """Stories on disk name them by their places."""
    assert WORDS[:8] == ("begun", "done", "failed", "undone", "undo_failed", "placed", "record", "place")
    assert WORDS[22:24] == ("await_running", "wait_for_capacity")

"""Who is heard, by time alone."""

from __future__ import annotations

from actors.scheduler.liveness import Liveness


def test_silence_is_told_once_and_ends_with_the_next_word() -> None:
    liveness = Liveness(6.0)
    liveness.heard("a", 0.0)
    liveness.heard("b", 3.0)
    assert liveness.gone_silent(6.0) == []
    assert liveness.gone_silent(6.1) == ["a"]
    assert liveness.gone_silent(6.2) == []
    liveness.heard("a", 7.0)
    assert liveness.gone_silent(13.0) == ["b"]
    liveness.forget("a")
    liveness.forget("never heard")
    assert liveness.gone_silent(100.0) == []

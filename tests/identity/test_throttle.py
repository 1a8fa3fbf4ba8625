"""Waits after failed logins."""

from __future__ import annotations

from actors.identity.throttle import FIRST_WAIT_S, FREE_FAILURES, LONGEST_WAIT_S, Throttle


def test_a_few_mistakes_are_free_then_each_doubles_the_wait() -> None:
    throttle = Throttle()
    for _ in range(FREE_FAILURES):
        throttle.failed("eve", 0.0)
        assert throttle.wait_s("eve", 0.0) == 0.0
    waits = []
    for _ in range(50):
        throttle.failed("eve", 0.0)
        waits.append(throttle.wait_s("eve", 0.0))
    assert waits[:3] == [FIRST_WAIT_S, 2 * FIRST_WAIT_S, 4 * FIRST_WAIT_S]
    assert waits[-1] == LONGEST_WAIT_S
    assert throttle.wait_s("eve", LONGEST_WAIT_S) == 0.0
    assert throttle.wait_s("alice", 0.0) == 0.0


def test_success_wipes_the_slate() -> None:
    throttle = Throttle()
    for _ in range(FREE_FAILURES + 3):
        throttle.failed("alice", 0.0)
    throttle.succeeded("alice")
    throttle.failed("alice", 0.0)
    assert throttle.wait_s("alice", 0.0) == 0.0


def test_the_table_is_bounded_and_forgets_the_longest_unseen() -> None:
    throttle = Throttle(table_limit=2)
    for name in ("a", "b", "a", "c"):
        for _ in range(FREE_FAILURES + 1):
            throttle.failed(name, 0.0)
    assert [throttle.wait_s(name, 0.0) > 0 for name in "abc"] == [True, False, True]

"""What a watchdog decides: who is due when, by what actors have said."""

from __future__ import annotations

from actors.compute.stakes import AGAIN_S, STOPPED_LIMIT, TRIES, Stakes

FIRST, SECOND = "the first actor", "the one after it"


def test_a_guest_is_due_when_its_time_has_come_and_not_before() -> None:
    stakes = Stakes()
    stakes.begin(FIRST, 10.0, ["a", "b"])
    stakes.begin(FIRST, 12.0, ["c"])
    assert stakes.next_at() == 10.0
    assert stakes.due(9.9) == []
    assert stakes.due(10.0) == ["a", "b"]
    assert stakes.due(12.0) == ["a", "b", "c"]


def test_an_answer_of_the_conductor_is_time_for_all_that_its_actor_has_at_stake() -> None:
    stakes = Stakes()
    stakes.begin(FIRST, 10.0, ["a"])
    stakes.begin(SECOND, 10.0, ["b"])
    stakes.renew(FIRST, 15.0)
    assert stakes.due(11.0) == ["b"]
    assert stakes.due(15.0) == ["a", "b"]


def test_what_the_conductor_has_heard_of_is_never_due() -> None:
    stakes = Stakes()
    stakes.begin(FIRST, 10.0, ["a", "b"])
    stakes.let_go(FIRST, ["a", "nobody"])
    assert stakes.due(99.0) == ["b"]


def test_the_time_of_a_guest_goes_on_when_its_actor_is_gone() -> None:
    stakes = Stakes()
    stakes.begin(FIRST, 10.0, ["a"])
    stakes.gone(FIRST)
    assert stakes.due(9.0) == []
    assert stakes.due(10.0) == ["a"]


def test_the_next_actor_takes_guests_up_and_the_one_before_can_t_let_go_of_them() -> None:
    stakes = Stakes()
    stakes.begin(FIRST, 10.0, ["a", "b"])
    stakes.begin(SECOND, 16.0, ["a"])
    stakes.let_go(FIRST, ["a"])
    stakes.gone(FIRST)
    assert stakes.due(10.0) == ["b"]
    assert stakes.due(16.0) == ["a", "b"]


def test_the_next_actor_lets_go_of_what_nobody_living_has_at_stake() -> None:
    stakes = Stakes()
    stakes.begin(FIRST, 10.0, ["a"])
    stakes.gone(FIRST)
    stakes.let_go(SECOND, ["a"])
    assert not stakes


def test_who_takes_up_hears_what_was_at_stake_or_stopped_and_once() -> None:
    stakes = Stakes()
    stakes.begin(FIRST, 10.0, ["stopped", "elsewhere"])
    stakes.begin(FIRST, 14.0, ["at stake", "another"])
    stakes.stopped(stakes.due(10.0), 10.0)
    assert stakes  # the next actor has yet to ask
    assert stakes.take_up(["long here", "at stake"]) == ["at stake"]
    assert stakes.take_up(["stopped"]) == ["stopped"]
    stakes.forget()
    assert stakes.take_up(["long here", "stopped", "at stake", "elsewhere"]) == []
    assert stakes.due(99.0) == ["another"]


def test_one_that_was_stopped_and_begins_again_is_no_longer_one_that_was_stopped() -> None:
    stakes = Stakes()
    stakes.begin(FIRST, 10.0, ["a"])
    stakes.stopped(stakes.due(10.0), 10.0)
    stakes.begin(SECOND, 20.0, ["a"])
    stakes.let_go(SECOND, ["a"])
    assert stakes.take_up(["a"]) == []


def test_a_guest_that_will_not_end_is_due_again_but_not_for_ever() -> None:
    stakes, now = Stakes(), 10.0
    stakes.begin(FIRST, now, ["a", "b"])
    for _ in range(TRIES):
        assert "a" in stakes.due(now)
        stakes.stopped(stakes.due(now), now, still=["a"])
        assert stakes.due(now) == []
        now += AGAIN_S
    assert stakes.next_at() is None


def test_what_is_remembered_has_a_limit() -> None:
    stakes = Stakes()
    stakes.begin(FIRST, 1.0, map(str, range(STOPPED_LIMIT + 2)))
    stakes.stopped(stakes.due(1.0), 1.0)
    assert stakes.take_up(["0", "1", "2"]) == ["2"]

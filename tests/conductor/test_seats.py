"""Seats for boots in flight: one project may have them all, none may keep another out."""

from __future__ import annotations

from random import Random

import pytest

from actors.conductor.seats import REMEMBER_S, Seats

LIMIT = 12


def fill(seats: Seats, project: str, count: int, now: float = 0.0) -> int:
    """Asks for so many, one by one; how many came in."""
    before = len(seats)
    for number in range(count):
        if seats.has_room(project, 1, now):
            seats.take(project, [f"{project}-{now}-{number}"])
    return len(seats) - before


def held(seats: Seats, project: str) -> list[str]:
    return [boot for boot, owner in seats._project_of.items() if owner == project]


def test_one_project_alone_may_have_all_and_not_more() -> None:
    seats = Seats(LIMIT)
    assert fill(seats, "a", 2 * LIMIT) == LIMIT
    assert not seats.has_room("a", 1, 0.0)


def test_who_was_turned_away_gets_its_share_as_seats_are_given_back() -> None:
    seats = Seats(LIMIT)
    fill(seats, "a", LIMIT)
    assert fill(seats, "b", 1) == 0
    for round_ in range(LIMIT):
        for boot in held(seats, "a")[:1]:
            seats.leave(boot)
        fill(seats, "a", 100, now=0.1 + round_ / 100)  # asks first, and for far more
        fill(seats, "b", 1, now=0.1 + round_ / 100)
    assert (len(held(seats, "a")), len(held(seats, "b"))) == (LIMIT // 2, LIMIT // 2)


def test_who_does_not_come_again_keeps_nobody_out() -> None:
    seats = Seats(LIMIT)
    fill(seats, "a", LIMIT)
    fill(seats, "b", 1)
    seats.leave(held(seats, "a")[0])
    assert not seats.has_room("a", 1, REMEMBER_S)
    assert seats.has_room("a", 1, REMEMBER_S + 0.1)


def test_who_waits_for_more_than_its_share_keeps_nobody_out() -> None:
    seats = Seats(LIMIT)
    fill(seats, "a", LIMIT // 2)
    fill(seats, "b", LIMIT)  # has half, and wants more
    seats.leave(held(seats, "a")[0])
    assert seats.has_room("a", 1, 0.0)


def test_a_message_of_many_is_served_in_turn_only_if_it_does_not_fit() -> None:
    seats = Seats(LIMIT)
    projects = ["a"] * 6 + ["b"] * 2
    assert list(seats.in_turn(projects)) == list(range(8))
    fill(seats, "b", 6)
    assert list(seats.in_turn(projects)) == [0, 6, 1, 7, 2, 3, 4, 5]


def test_leaving_twice_or_unasked_changes_nothing() -> None:
    seats = Seats(LIMIT)
    seats.take("a", ["one", "two"])
    for boot in ("one", "one", "unknown"):
        seats.leave(boot)
    assert len(seats) == 1
    seats.take("a", ["two"])
    assert len(seats) == 1


@pytest.mark.parametrize("seed", range(20))
def test_the_limit_holds_and_everybody_is_served_in_the_end(seed: int) -> None:
    random, seats, now = Random(seed), Seats(LIMIT), 0.0
    served = dict.fromkeys("abcd", 0)
    for _ in range(2_000):
        now += random.random() / 10
        project = random.choices("abcd", weights=(100, 1, 1, 1))[0]
        served[project] += fill(seats, project, random.randint(1, 5), now)
        if random.random() < 0.5 and len(seats):
            seats.leave(random.choice(list(seats._project_of)))
        assert len(seats) <= LIMIT
    assert min(served.values()) > 0

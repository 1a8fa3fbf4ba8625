"""Whose turn it is."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.conductor.boots import Boot, new_boot
from actors.conductor.capacity_queue import CapacityQueue, Waiter
from actors.messages import BootFault, BootSpec
from actors.records import Flavor
from actors.states import Event

TINY = Flavor(id="tiny", name="tiny", vcpus=1, ram_mib=512, disk_gib=1)
FULL = BootFault(code=500, message="no host", step="place")


def boot(name: str, project: str) -> Boot:
    spec = BootSpec(name=name, hostname=name, project_id=project, user_id="u", token="", flavor=TINY)
    return new_boot(spec, name, 0, 0.0)


def waiter(name: str, project: str = "a", until: float = 10.0, machines: int = 1) -> Waiter:
    return Waiter([boot(f"{name}-{n}", project) for n in range(machines)], until, 0.0, FULL)


def names(waiters: list[Waiter]) -> list[str]:
    return [each.boots[0].id.removesuffix("-0") for each in waiters]


def test_projects_take_turns_and_within_one_the_first_is_first() -> None:
    queue = CapacityQueue()
    for name, project in (("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b"), ("c1", "c"), ("b2", "b")):
        assert queue.add(waiter(name, project))
    assert names(queue.turns()) == ["a1", "b1", "c1", "a2", "b2", "a3"]
    queue.served(queue.turns()[0])
    assert names(queue.turns()) == ["b1", "c1", "a2", "b2", "a3"]
    queue.served(queue.turns()[0])
    assert names(queue.turns()) == ["c1", "a2", "b2", "a3"]
    assert len(queue) == 4


def test_a_full_queue_refuses_and_is_unchanged() -> None:
    queue = CapacityQueue(limit=3)
    assert queue.add(waiter("two", machines=2))
    assert not queue.add(waiter("two more", machines=2))
    assert queue.add(waiter("one"))
    assert len(queue) == 3


def test_time_is_up() -> None:
    queue = CapacityQueue()
    assert queue.next_deadline() == float("inf")
    queue.add(waiter("long", until=9.0))
    queue.add(waiter("short", until=3.0))
    assert queue.next_deadline() == 3.0
    assert names(queue.take_expired(3.0)) == ["short"]
    assert names(queue.turns()) == ["long"]


def test_who_no_longer_builds_leaves() -> None:
    queue = CapacityQueue()
    gone, both = waiter("gone"), waiter("both", machines=2)
    queue.add(gone)
    queue.add(both)
    for each in (gone.boots[0], both.boots[1]):
        each.hear(Event.DELETE)
        each.change(deleting=True)
    assert names(queue.turns()) == ["both"]
    assert len(queue) == 1


@settings(max_examples=100, deadline=None)
@given(projects=st.lists(st.sampled_from("abc"), min_size=1, max_size=30))
def test_while_all_wait_none_is_served_twice_more_than_another(projects: list[str]) -> None:
    queue = CapacityQueue()
    for number, project in enumerate(projects):
        queue.add(waiter(str(number), project))
    waiting, served = Counter(projects), Counter()
    while len(queue):
        turn = queue.turns()[0]
        queue.served(turn)
        served[turn.project] += 1
        still = [p for p in waiting if served[p] < waiting[p]]
        assert all(served[turn.project] - served[p] <= 1 for p in still)
    assert served == waiting

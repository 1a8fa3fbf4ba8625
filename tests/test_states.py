"""The table of instance states: the boot's own path, and what must never be possible."""

from __future__ import annotations

import pytest

from actors.states import (
    ACCEPTED,
    ACTIVE,
    DELETED,
    ERROR,
    TABLE,
    Event,
    IllegalTransitionError,
    Power,
    Task,
    Vm,
    after,
    status,
)


def test_a_boot_goes_through_the_states_of_the_specification() -> None:
    state = ACCEPTED
    seen = [state]
    for event in (Event.NETWORKING, Event.MAPPING, Event.SPAWNING, Event.SPAWNED):
        state = after(state, event)
        seen.append(state)
    assert [(s.vm, s.task, s.power) for s in seen] == [
        (Vm.BUILDING, Task.SCHEDULING, Power.NOSTATE),
        (Vm.BUILDING, Task.NETWORKING, Power.NOSTATE),
        (Vm.BUILDING, Task.BLOCK_DEVICE_MAPPING, Power.NOSTATE),
        (Vm.BUILDING, Task.SPAWNING, Power.NOSTATE),
        (Vm.ACTIVE, Task.NONE, Power.RUNNING),
    ]
    assert [status(s) for s in seen] == ["BUILD"] * 4 + ["ACTIVE"]


def test_every_living_state_can_be_deleted_and_nothing_follows_deletion() -> None:
    for state, _ in TABLE:
        if state.task is not Task.DELETING:
            assert after(after(state, Event.DELETE), Event.DELETED) == DELETED
    for event in Event:
        with pytest.raises(IllegalTransitionError):
            after(DELETED, event)


def test_an_ended_boot_hears_no_more_steps() -> None:
    for ended in (ACTIVE, ERROR):
        for event in (Event.NETWORKING, Event.SPAWNED, Event.FAIL, Event.RESCHEDULE):
            with pytest.raises(IllegalTransitionError):
                after(ended, event)


def test_deleting_hears_nothing_of_the_build() -> None:
    deleting = after(ACCEPTED, Event.DELETE)
    with pytest.raises(IllegalTransitionError):
        after(deleting, Event.SPAWNED)

"""The table of what may be done to a server that has been booted: Nova's own rules, and what must never be possible."""

from __future__ import annotations

from itertools import product

import pytest

from actors.lifecycle import ACTIONS, Refused, begun, done, failed, powered, reset
from actors.states import ACCEPTED, ACTIVE, SHELVED, Event, Power, State, Task, Vm, after, status

STOPPED = State(Vm.STOPPED, Task.NONE, Power.SHUTDOWN)
PAUSED = State(Vm.PAUSED, Task.NONE, Power.PAUSED)
SUSPENDED = State(Vm.SUSPENDED, Task.NONE, Power.SHUTDOWN)
BROKEN = State(Vm.ERROR, Task.NONE, Power.RUNNING)
RESCUED = State(Vm.RESCUED, Task.NONE, Power.RUNNING)
RESIZED = State(Vm.RESIZED, Task.NONE, Power.RUNNING)
RESIZED_OFF = State(Vm.RESIZED, Task.NONE, Power.SHUTDOWN)
LEAVING = State(Vm.SHELVED, Task.SHELVING_OFFLOADING, Power.SHUTDOWN)
AT_REST = {
    "ACTIVE": ACTIVE,
    "SHUTOFF": STOPPED,
    "PAUSED": PAUSED,
    "SUSPENDED": SUSPENDED,
    "RESCUE": RESCUED,
    "VERIFY_RESIZE": RESIZED,
    "SHELVED": LEAVING,
    "SHELVED_OFFLOADED": SHELVED,
    "ERROR": BROKEN,
}

MAY = {
    "ACTIVE": {
        *("stop", "reboot", "reboot_hard", "pause", "suspend", "createImage", "createBackup", "rebuild", "rescue"),
        *("resize", "migrate", "shelve"),
    },
    "SHUTOFF": {
        *(
            "start",
            "reboot_hard",
            "createImage",
            "createBackup",
            "rebuild_stopped",
            "rescue",
            "resize_stopped",
            "migrate_stopped",
        ),
        "shelve",
    },
    "PAUSED": {"unpause", "reboot_hard", "createImage", "createBackup", "shelve"},
    "SUSPENDED": {"resume", "reboot_hard", "createImage", "createBackup", "shelve"},
    "SHELVED": set(),
    "SHELVED_OFFLOADED": {"attach_volume", "detach_volume"},
    "RESCUE": {"unrescue"},
    "VERIFY_RESIZE": {
        *("confirmResize", "confirmResize_stopped", "revertResize", "revertResize_stopped"),
        *("attach_volume", "detach_volume"),
    },
    "ERROR": {"stop", "reboot_hard", "rebuild", "rescue"},
}
PLUGGING = {"attach_volume", "detach_volume", "attach_interface", "detach_interface"}


@pytest.mark.parametrize("shown", AT_REST)
def test_each_state_allows_what_nova_allows(shown: str) -> None:
    state = AT_REST[shown]
    assert status(state) == shown
    allowed = {name for name in ACTIONS if isinstance(begun(name, state), State)}
    assert allowed == MAY[shown] | (PLUGGING if shown in ("ACTIVE", "SHUTOFF", "PAUSED") else set())


@pytest.mark.parametrize(
    ("name", "state", "while_at", "end"),
    [
        ("stop", ACTIVE, "powering-off", STOPPED),
        ("start", STOPPED, "powering-on", ACTIVE),
        ("pause", ACTIVE, "pausing", PAUSED),
        ("unpause", PAUSED, "unpausing", ACTIVE),
        ("suspend", ACTIVE, "suspending", SUSPENDED),
        ("resume", SUSPENDED, "resuming", ACTIVE),
        ("reboot", ACTIVE, "rebooting", ACTIVE),
        ("reboot_hard", BROKEN, "rebooting_hard", ACTIVE),
        ("createImage", PAUSED, "image_snapshot", PAUSED),
        ("shelve", ACTIVE, "shelving", LEAVING),
        ("shelve", SUSPENDED, "shelving", LEAVING),
    ],
)
def test_an_action_shows_its_task_and_then_its_end(name: str, state: State, while_at: str, end: State) -> None:
    at_work = begun(name, state)
    assert isinstance(at_work, State)
    assert at_work.task == while_at
    assert done(name, at_work) == end
    assert failed(name, at_work) == state


@pytest.mark.parametrize(
    ("name", "state", "end"),
    [("rebuild", ACTIVE, ACTIVE), ("rebuild", BROKEN, ACTIVE), ("rebuild_stopped", STOPPED, STOPPED)],
)
def test_a_rebuild_that_fails_leaves_no_guest_that_could_be_as_before(name: str, state: State, end: State) -> None:
    at_work = begun(name, state)
    assert isinstance(at_work, State)
    assert (at_work.task, status(at_work)) == (Task.REBUILDING, "REBUILD")
    assert done(name, at_work) == end
    assert status(failed(name, at_work)) == "ERROR"
    assert after(at_work, Event.DELETE).task is Task.DELETING


@pytest.mark.parametrize(
    ("name", "state", "while_at", "end"),
    [
        ("rescue", ACTIVE, ("rescuing", "ACTIVE"), RESCUED),
        ("rescue", STOPPED, ("rescuing", "SHUTOFF"), RESCUED),
        ("rescue", BROKEN, ("rescuing", "ERROR"), RESCUED),
        ("unrescue", RESCUED, ("unrescuing", "RESCUE"), ACTIVE),
    ],
)
def test_a_rescue_that_fails_leaves_the_guest_off(
    name: str, state: State, while_at: tuple[str, str], end: State
) -> None:
    at_work = begun(name, state)
    assert isinstance(at_work, State)
    assert (at_work.task, status(at_work)) == while_at
    assert done(name, at_work) == end
    assert status(failed(name, at_work)) == "ERROR"


@pytest.mark.parametrize(
    ("name", "state", "while_at", "end", "fails"),
    [
        ("resize", ACTIVE, ("resize_prep", "RESIZE"), RESIZED, "ACTIVE"),
        ("resize_stopped", STOPPED, ("resize_prep", "RESIZE"), RESIZED_OFF, "SHUTOFF"),
        ("migrate", ACTIVE, ("resize_prep", "RESIZE"), RESIZED, "ACTIVE"),
        ("migrate_stopped", STOPPED, ("resize_prep", "RESIZE"), RESIZED_OFF, "SHUTOFF"),
        ("confirmResize", RESIZED, ("resize_confirming", "VERIFY_RESIZE"), ACTIVE, "VERIFY_RESIZE"),
        ("confirmResize_stopped", RESIZED_OFF, ("resize_confirming", "VERIFY_RESIZE"), STOPPED, "VERIFY_RESIZE"),
        ("revertResize", RESIZED, ("resize_reverting", "REVERT_RESIZE"), ACTIVE, "ERROR"),
        ("revertResize_stopped", RESIZED_OFF, ("resize_reverting", "REVERT_RESIZE"), STOPPED, "ERROR"),
    ],
)
def test_a_resize_that_fails_leaves_the_server_as_it_was_and_a_revert_that_fails_does_not(
    name: str, state: State, while_at: tuple[str, str], end: State, fails: str
) -> None:
    at_work = begun(name, state)
    assert isinstance(at_work, State)
    assert (at_work.task, status(at_work)) == while_at
    assert done(name, at_work) == end
    assert status(failed(name, at_work)) == fails
    assert after(at_work, Event.DELETE).task is Task.DELETING


def test_while_its_host_works_on_it_it_is_shown_as_resized() -> None:
    for state in (ACTIVE, STOPPED):
        assert status(state._replace(task=Task.RESIZE_MIGRATING)) == "RESIZE"


def test_a_server_at_work_is_shown_as_clients_expect() -> None:
    soft, hard = begun("reboot", ACTIVE), begun("reboot_hard", ACTIVE)
    assert isinstance(soft, State)
    assert isinstance(hard, State)
    assert (status(soft), status(hard)) == ("REBOOT", "HARD_REBOOT")


def test_nothing_begins_while_another_task_is_at_work_but_a_hard_reboot() -> None:
    for name, task in product(ACTIONS, (one for one in Task if one is not Task.NONE)):
        outcome = begun(name, ACTIVE._replace(task=task))
        if name != "reboot_hard":
            assert isinstance(outcome, Refused)
    assert isinstance(begun("reboot_hard", ACTIVE._replace(task=Task.REBOOTING)), State)
    assert begun("reboot_hard", ACTIVE._replace(task=Task.SNAPSHOT)) == Refused("task_state", "image_snapshot")


def test_a_server_that_is_built_or_deleted_can_t_be_acted_on() -> None:
    deleting = after(ACTIVE, Event.DELETE)
    for name in ACTIONS:
        assert begun(name, ACCEPTED) == Refused("vm_state", "building")
        assert isinstance(begun(name, deleting), Refused)


def test_whatever_is_at_work_deletion_takes_over() -> None:
    for state in AT_REST.values():
        for name in ACTIONS:
            at_work = begun(name, state)
            if isinstance(at_work, State):
                assert after(at_work, Event.DELETE).task is Task.DELETING


def test_a_guest_that_ends_by_itself_is_shut_off_and_one_started_elsewhere_runs() -> None:
    assert powered(ACTIVE, Power.SHUTDOWN) == STOPPED
    assert powered(PAUSED, Power.CRASHED) == STOPPED
    assert powered(STOPPED, Power.RUNNING) == ACTIVE
    assert powered(ACTIVE, Power.RUNNING) == ACTIVE
    assert powered(SUSPENDED, Power.SHUTDOWN) == SUSPENDED
    assert powered(RESIZED, Power.SHUTDOWN) == RESIZED_OFF
    assert powered(RESCUED, Power.SHUTDOWN) == RESCUED._replace(power=Power.SHUTDOWN)
    assert powered(ACTIVE, Power.PAUSED).vm is Vm.ACTIVE


def test_what_a_hypervisor_tells_while_an_action_is_at_work_changes_nothing() -> None:
    at_work = begun("reboot", ACTIVE)
    assert isinstance(at_work, State)
    assert powered(at_work, Power.SHUTDOWN) == at_work
    assert powered(ACCEPTED, Power.PAUSED) == ACCEPTED


def test_a_reset_ends_whatever_was_at_work() -> None:
    assert reset(ACTIVE._replace(task=Task.SNAPSHOT), Vm.ERROR) == State(Vm.ERROR, Task.NONE, Power.RUNNING)


def test_one_that_can_t_be_built_again_is_shelved_as_before() -> None:
    building = after(SHELVED, Event.UNSHELVE)
    assert building == ACCEPTED
    assert after(building, Event.STAY_SHELVED) == SHELVED
    assert after(building, Event.SPAWNED) == ACTIVE
    for state in (LEAVING, SHELVED, building):
        assert after(after(state, Event.DELETE), Event.DELETED).vm is Vm.DELETED

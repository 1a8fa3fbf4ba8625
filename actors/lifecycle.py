"""What may be done to a server that has been booted, as one table: `ACTIONS`, by the name that a user knows. Pure.

Source: Nova's compute API and manager. A row says in which vm_states an action may begin, which task_state shows it
meanwhile, and what the server is when it is done. An action that fails leaves the server as it was, unless its row says
what it is then.
Invariants: one action with a task_state at a time; only a hard reboot takes over from one that is at work.
"""

from __future__ import annotations

from typing import NamedTuple

from actors.states import Power, State, Task, Vm

ALIVE = frozenset((Vm.ACTIVE,))
AT_REST = frozenset((Vm.ACTIVE, Vm.STOPPED, Vm.PAUSED))
IMAGED = AT_REST | {Vm.SUSPENDED}
ANY = IMAGED | {Vm.ERROR}
BOOTABLE = frozenset((Vm.ACTIVE, Vm.ERROR))
REACHED_OR_SHELVED = AT_REST | {Vm.RESIZED, Vm.SHELVED_OFFLOADED}
HURT = frozenset((Vm.ACTIVE, Vm.STOPPED, Vm.ERROR))
IDLE = frozenset((Task.NONE,))
FORCED = IDLE | {
    Task.REBOOTING,
    Task.REBOOTING_HARD,
    Task.PAUSING,
    Task.UNPAUSING,
    Task.SUSPENDING,
    Task.RESUMING,
}


class Done(NamedTuple):
    """What the server is when an action is done. `task`: what follows by itself."""

    vm: Vm
    power: Power
    task: Task = Task.NONE


class Action(NamedTuple):
    """One row. `task` NONE: nothing shows while it is at work; `done` None: the server stays what it is.

    `fails` None: where it fails, too.
    """

    begins_in: frozenset[Vm]
    task: Task = Task.NONE
    done: Done | None = None
    while_at: frozenset[Task] = IDLE
    fails: State | None = None


RUNS = Done(Vm.ACTIVE, Power.RUNNING)
OFF = Done(Vm.STOPPED, Power.SHUTDOWN)
DOWN = State(Vm.STOPPED, Task.NONE, Power.SHUTDOWN)
AWAY = Done(Vm.SHELVED, Power.SHUTDOWN, Task.SHELVING_OFFLOADING)
BROKEN = State(Vm.ERROR, Task.NONE, Power.NOSTATE)  # its disk is gone or half made, or it was left off

ACTIONS: dict[str, Action] = {
    "stop": Action(ALIVE | {Vm.ERROR}, Task.POWERING_OFF, OFF),
    "start": Action(frozenset((Vm.STOPPED,)), Task.POWERING_ON, RUNS),
    "reboot": Action(ALIVE, Task.REBOOTING, RUNS),
    "reboot_hard": Action(ANY, Task.REBOOTING_HARD, RUNS, FORCED),
    "pause": Action(ALIVE, Task.PAUSING, Done(Vm.PAUSED, Power.PAUSED)),
    "unpause": Action(frozenset((Vm.PAUSED,)), Task.UNPAUSING, RUNS),
    "suspend": Action(ALIVE, Task.SUSPENDING, Done(Vm.SUSPENDED, Power.SHUTDOWN)),
    "resume": Action(frozenset((Vm.SUSPENDED,)), Task.RESUMING, RUNS),
    "createImage": Action(IMAGED, Task.SNAPSHOT),
    "createBackup": Action(IMAGED, Task.BACKUP),
    "rebuild": Action(BOOTABLE, Task.REBUILDING, RUNS, fails=BROKEN),
    "rebuild_stopped": Action(frozenset((Vm.STOPPED,)), Task.REBUILDING, OFF, fails=BROKEN),
    "rescue": Action(HURT, Task.RESCUING, Done(Vm.RESCUED, Power.RUNNING), fails=BROKEN),
    "unrescue": Action(frozenset((Vm.RESCUED,)), Task.UNRESCUING, RUNS, fails=BROKEN),
    "resize": Action(ALIVE, Task.RESIZE_PREP, Done(Vm.RESIZED, Power.RUNNING)),
    "resize_stopped": Action(frozenset((Vm.STOPPED,)), Task.RESIZE_PREP, Done(Vm.RESIZED, Power.SHUTDOWN)),
    "migrate": Action(ALIVE, Task.RESIZE_PREP, Done(Vm.RESIZED, Power.RUNNING)),
    "migrate_stopped": Action(frozenset((Vm.STOPPED,)), Task.RESIZE_PREP, Done(Vm.RESIZED, Power.SHUTDOWN)),
    "confirmResize": Action(frozenset((Vm.RESIZED,)), Task.RESIZE_CONFIRMING, RUNS),
    "confirmResize_stopped": Action(frozenset((Vm.RESIZED,)), Task.RESIZE_CONFIRMING, OFF),
    "revertResize": Action(frozenset((Vm.RESIZED,)), Task.RESIZE_REVERTING, RUNS, fails=BROKEN),
    "revertResize_stopped": Action(frozenset((Vm.RESIZED,)), Task.RESIZE_REVERTING, OFF, fails=BROKEN),
    "shelve": Action(IMAGED, Task.SHELVING, AWAY),
    "attach_volume": Action(REACHED_OR_SHELVED),
    "detach_volume": Action(REACHED_OR_SHELVED),
    "attach_interface": Action(AT_REST),
    "detach_interface": Action(AT_REST),
}


class Refused(NamedTuple):
    """Why an action can't begin: what of the server (vm_state, task_state) is what."""

    attribute: str
    value: str


def begun(name: str, state: State) -> State | Refused:
    """The server while the action is at work on it, or why it can't begin."""
    action = ACTIONS[name]
    if state.vm not in action.begins_in:
        return Refused("vm_state", state.vm.value)
    if state.task not in action.while_at:
        return Refused("task_state", state.task.value)
    return state._replace(task=action.task)


def done(name: str, state: State) -> State:
    """The server when the action is done."""
    end = ACTIONS[name].done
    return State(end.vm, end.task, end.power) if end else state._replace(task=Task.NONE)


def failed(name: str, state: State) -> State:
    return ACTIONS[name].fails or state._replace(task=Task.NONE)


def powered(state: State, power: Power) -> State:
    """The server when its hypervisor tells, unasked, how its guest is: one that ended by itself is stopped.

    While an action is at work, the action's own end says what is so.
    """
    if state.task is not Task.NONE or state.vm in (Vm.BUILDING, Vm.DELETED):
        return state
    if power in (Power.SHUTDOWN, Power.CRASHED) and state.vm in (Vm.ACTIVE, Vm.PAUSED):
        return State(Vm.STOPPED, Task.NONE, Power.SHUTDOWN)
    if power is Power.RUNNING and state.vm in (Vm.STOPPED, Vm.PAUSED):
        return State(Vm.ACTIVE, Task.NONE, Power.RUNNING)
    return state._replace(power=power)


def reset(state: State, vm: Vm) -> State:
    """An administrator says what the server is: ACTIVE or ERROR. Nothing is done to its guest."""
    return State(vm, Task.NONE, state.power)

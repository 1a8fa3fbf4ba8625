"""The states of an instance while it is booted and deleted: one table `{(state, event): state}`, and what users see.

Source: BOOT_FLOW section A, which follows Nova's vm_state / task_state / power_state. What is done to a server that
has been booted (stop, reboot, pause …) has its own table in `lifecycle.py`.
An event that the table lacks is illegal: `after` raises and nothing changes.
"""

from __future__ import annotations

from enum import StrEnum
from itertools import product
from typing import NamedTuple


class Vm(StrEnum):
    BUILDING = "building"
    ACTIVE = "active"
    STOPPED = "stopped"
    PAUSED = "paused"
    SUSPENDED = "suspended"
    RESCUED = "rescued"
    RESIZED = "resized"
    SHELVED = "shelved"  # its host is letting go of it
    SHELVED_OFFLOADED = "shelved_offloaded"
    ERROR = "error"
    DELETED = "deleted"


class Task(StrEnum):
    NONE = ""
    SCHEDULING = "scheduling"
    NETWORKING = "networking"
    BLOCK_DEVICE_MAPPING = "block_device_mapping"
    SPAWNING = "spawning"
    DELETING = "deleting"
    POWERING_OFF = "powering-off"
    POWERING_ON = "powering-on"
    REBOOTING = "rebooting"
    REBOOTING_HARD = "rebooting_hard"
    PAUSING = "pausing"
    UNPAUSING = "unpausing"
    SUSPENDING = "suspending"
    RESUMING = "resuming"
    SNAPSHOT = "image_snapshot"
    BACKUP = "image_backup"
    RESCUING = "rescuing"
    UNRESCUING = "unrescuing"
    RESIZE_PREP = "resize_prep"
    RESIZE_MIGRATING = "resize_migrating"
    RESIZE_MIGRATED = "resize_migrated"
    RESIZE_FINISH = "resize_finish"
    RESIZE_CONFIRMING = "resize_confirming"
    RESIZE_REVERTING = "resize_reverting"
    SHELVING = "shelving"
    SHELVING_OFFLOADING = "shelving_offloading"
    REBUILDING = "rebuilding"
    REBUILD_BLOCK_DEVICE_MAPPING = "rebuild_block_device_mapping"
    REBUILD_SPAWNING = "rebuild_spawning"


class Power(StrEnum):
    """Nova's power states by name; its REST number stands in `POWER_CODE`."""

    NOSTATE = "NOSTATE"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    SHUTDOWN = "SHUTDOWN"
    CRASHED = "CRASHED"
    SUSPENDED = "SUSPENDED"


POWER_CODE = {
    Power.NOSTATE: 0,
    Power.RUNNING: 1,
    Power.PAUSED: 3,
    Power.SHUTDOWN: 4,
    Power.CRASHED: 6,
    Power.SUSPENDED: 7,
}


class State(NamedTuple):
    vm: Vm
    task: Task
    power: Power


class Event(StrEnum):
    NETWORKING = "networking"  # compute has begun to ask for networks
    MAPPING = "mapping"  # compute has begun to attach block devices
    SPAWNING = "spawning"  # compute makes the guest
    SPAWNED = "spawned"  # the guest runs
    RESCHEDULE = "reschedule"  # a host failed; another is looked for
    EVACUATE = "evacuate"  # its host is no more; it is built again elsewhere
    UNSHELVE = "unshelve"  # it is built again, of the image that its root disk is in
    STAY_SHELVED = "stay_shelved"  # that could not be
    FAIL = "fail"  # the boot ended without a guest
    DELETE = "delete"  # the user asked for deletion
    DELETED = "deleted"  # nothing of it is left


class IllegalTransitionError(Exception):
    def __init__(self, state: State, event: Event) -> None:
        super().__init__(f"{event.value!r} is not possible in {'/'.join(part.value or '-' for part in state)}")
        self.state, self.event = state, event


def _building(task: Task) -> State:
    return State(Vm.BUILDING, task, Power.NOSTATE)


ACCEPTED = _building(Task.SCHEDULING)
ACTIVE = State(Vm.ACTIVE, Task.NONE, Power.RUNNING)
ERROR = State(Vm.ERROR, Task.NONE, Power.NOSTATE)
SHELVED = State(Vm.SHELVED_OFFLOADED, Task.NONE, Power.SHUTDOWN)
DELETED = State(Vm.DELETED, Task.NONE, Power.NOSTATE)

# What Nova calls the tasks of a boot where the server has run before; only shown.
AGAIN = {
    Task.SCHEDULING: Task.REBUILDING,
    Task.NETWORKING: Task.REBUILDING,
    Task.BLOCK_DEVICE_MAPPING: Task.REBUILD_BLOCK_DEVICE_MAPPING,
    Task.SPAWNING: Task.REBUILD_SPAWNING,
}

_BUILD_TASKS = (Task.SCHEDULING, Task.NETWORKING, Task.BLOCK_DEVICE_MAPPING, Task.SPAWNING)
_STEP_EVENTS = {
    Event.NETWORKING: _building(Task.NETWORKING),
    Event.MAPPING: _building(Task.BLOCK_DEVICE_MAPPING),
    Event.SPAWNING: _building(Task.SPAWNING),
    Event.SPAWNED: ACTIVE,
    Event.RESCHEDULE: ACCEPTED,
    Event.FAIL: ERROR,
    Event.STAY_SHELVED: SHELVED,
}

# A build may be told of its steps again (after a restart it runs them from the first), so every step event
# is legal from every building state.
TABLE: dict[tuple[State, Event], State] = {
    (_building(task), event): target for task in _BUILD_TASKS for event, target in _STEP_EVENTS.items()
}
# A server of a node that left is built again; whether it may be stands in `conductor/evacuation.py`.
for _start in product((Vm.ACTIVE, Vm.STOPPED, Vm.ERROR), (Task.NONE,), Power):
    TABLE[State._make(_start), Event.EVACUATE] = ACCEPTED
for _power in (SHELVED.power, Power.NOSTATE):  # without a state it was shelved by an older version
    TABLE[SHELVED._replace(power=_power), Event.UNSHELVE] = ACCEPTED
# Whatever is done to a server when its deletion is asked for, deletion takes over.
_LIVING = tuple(vm for vm in Vm if vm not in (Vm.BUILDING, Vm.DELETED))
_ONLY_SHOWN = (Task.REBUILD_BLOCK_DEVICE_MAPPING, Task.REBUILD_SPAWNING)
_TASKS = tuple(task for task in Task if task not in (*_BUILD_TASKS, *_ONLY_SHOWN, Task.DELETING))
for _start in (*(_building(task) for task in _BUILD_TASKS), *map(State._make, product(_LIVING, _TASKS, Power))):
    _deleting = _start._replace(task=Task.DELETING)
    TABLE[_start, Event.DELETE] = _deleting
    TABLE[_deleting, Event.DELETE] = _deleting  # asking twice changes nothing
    TABLE[_deleting, Event.DELETED] = DELETED


def after(state: State, event: Event) -> State:
    """The state that follows; raises `IllegalTransitionError` where the table has none."""
    try:
        return TABLE[state, event]
    except KeyError:
        raise IllegalTransitionError(state, event) from None


_SHOWN = {Vm.BUILDING: "BUILD", Vm.STOPPED: "SHUTOFF", Vm.RESCUED: "RESCUE", Vm.RESIZED: "VERIFY_RESIZE"}
_SHOWN_WHILE = {
    (Vm.ACTIVE, Task.REBOOTING): "REBOOT",
    (Vm.ACTIVE, Task.REBOOTING_HARD): "HARD_REBOOT",
    (Vm.ACTIVE, Task.REBUILDING): "REBUILD",
    (Vm.STOPPED, Task.REBUILDING): "REBUILD",
    (Vm.ERROR, Task.REBUILDING): "REBUILD",
    (Vm.ACTIVE, Task.RESIZE_PREP): "RESIZE",
    (Vm.ACTIVE, Task.RESIZE_MIGRATING): "RESIZE",
    (Vm.STOPPED, Task.RESIZE_PREP): "RESIZE",
    (Vm.STOPPED, Task.RESIZE_MIGRATING): "RESIZE",
    (Vm.ACTIVE, Task.RESIZE_MIGRATED): "RESIZE",
    (Vm.STOPPED, Task.RESIZE_MIGRATED): "RESIZE",
    (Vm.ACTIVE, Task.RESIZE_FINISH): "RESIZE",
    (Vm.STOPPED, Task.RESIZE_FINISH): "RESIZE",
    (Vm.RESIZED, Task.RESIZE_REVERTING): "REVERT_RESIZE",
}


def status(state: State) -> str:
    """What a user sees as `status`: BUILD, ACTIVE, SHUTOFF, PAUSED, SUSPENDED, RESCUE, REBOOT, HARD_REBOOT, REBUILD,
    RESIZE, VERIFY_RESIZE, REVERT_RESIZE, SHELVED, SHELVED_OFFLOADED, ERROR, DELETED.
    """
    shown = _SHOWN_WHILE.get((state.vm, state.task)) or _SHOWN.get(state.vm)
    return shown or state.vm.value.upper()

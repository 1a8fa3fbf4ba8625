"""What an administrator may say that a server is."""

from __future__ import annotations

import pytest

from actors.acts import Edit
from actors.conductor.boots import Boot, new_boot
from actors.conductor.edits import edited
from actors.messages import BootSpec, Evacuation
from actors.records import Flavor
from actors.states import ACTIVE, ERROR, SHELVED, Event, State

SPEC = BootSpec(
    name="vm",
    hostname="vm",
    project_id="demo",
    user_id="ann",
    token="",
    flavor=Flavor(id="tiny", name="tiny", vcpus=1, ram_mib=128, disk_gib=1),
)


def boot(state: State | None, launched_at: float = 1.0) -> Boot:
    made = new_boot(SPEC, "an-instance", 0, 0.0)
    if state is not None:
        made.become(state)
        made.change(launched_at=launched_at)
    return made


def test_one_that_has_run_is_what_an_administrator_says() -> None:
    for state in (ACTIVE, ERROR):
        for wanted in ("active", "error"):
            one = boot(state)
            assert edited(one, Edit(instance_id=one.id, vm_state=wanted), 2.0) is None
            assert (one.instance.vm_state, one.instance.task_state) == (wanted, "")


def deleted() -> Boot:
    one = boot(ACTIVE)
    one.hear(Event.DELETE, deleting=True)
    return one


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (boot(None), "vm_state building"),
        (boot(SHELVED), "vm_state shelved_offloaded"),
        (deleted(), "task_state deleting"),
        (boot(ERROR, launched_at=0.0), "it has never been active"),
    ],
    ids=["building", "shelved", "deleting", "never built"],
)
def test_one_whose_state_is_yet_to_come_is_not_reset(one: Boot, why: str) -> None:
    before = one.instance
    fault = edited(one, Edit(instance_id=one.id, vm_state="active"), 2.0)
    assert fault is not None
    assert (fault.status, fault.message) == (409, f"Cannot 'os-resetState' instance {one.id} while {_of(why)}")
    assert one.instance == before


def test_one_that_was_lost_with_its_node_is_not_said_to_be_there() -> None:
    one = boot(ERROR)
    one.ask_anew(evacuation=Evacuation(host="node-1", node="node-1"))
    fault = edited(one, Edit(instance_id=one.id, vm_state="active"), 2.0)
    assert fault is not None
    assert (fault.status, "has no host" in fault.message, one.instance.vm_state) == (409, True, "error")


def _of(why: str) -> str:
    return why if why.startswith("it ") else f"it is in {why}"

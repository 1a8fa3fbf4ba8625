"""Evacuation: servers of a node that is no more are built again on other hosts, with their ports and volumes.

Part of the conductor's service. What is on volumes is kept; a root disk that was made of an image went with its host
and is made of the image again, where the operator allows that. Invariants: nobody is evacuated from a node that is up;
what a server had besides its host is never given away, also where no host is found for it: then it is in ERROR and can
be evacuated again; a request that comes twice evacuates once, and its repeat is answered as it was.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from actors.conductor import moved
from actors.conductor.attached import with_named_volumes
from actors.conductor.boots import Boot
from actors.conductor.departures import Departures
from actors.conductor.letting_go import let_go_of_hosts
from actors.conductor.moves import EVACUATION
from actors.errors import CallerFault, HostError, bad_request, conflict
from actors.messages import EvacuateRequest, Evacuation
from actors.records import InstanceAction
from actors.states import Event, Task, Vm

if TYPE_CHECKING:
    from actors.conductor.service import Conductor

MOVABLE = (Vm.ACTIVE, Vm.STOPPED, Vm.ERROR)  # as in Nova


class Evacuations(Departures[EvacuateRequest]):
    event = "instance.evacuate"

    def why_not(self, boot: Boot, request: EvacuateRequest) -> CallerFault | None:
        return _why_not(self._conductor, boot, request)

    def set_out(self, boot: Boot, request: EvacuateRequest) -> InstanceAction:
        self._conductor.forget_resize(boot)
        action = self._actions.evacuates(request, boot, self._conductor.clock.now())
        self._conductor.moves.begin(boot, action, EVACUATION)
        _set_out(self._conductor, boot, request)
        return action

    async def go(self, boots: list[Boot]) -> None:
        with suppress(ConnectionError, HostError):  # the build itself takes over what they had
            await let_go_of_hosts(self._conductor, boots)
        self._conductor.go(boots)


def on_node(conductor: Conductor, node: str) -> list[Boot]:
    """Servers that ran on it, as they are when it leaves, and those for which no host was found since; another in ERROR
    waits for somebody to look at it."""
    there = [boot for boot in conductor.all_boots() if boot.instance.node == node and boot.instance.launched_at]
    return [boot for boot in there if boot.instance.vm_state in (Vm.ACTIVE, Vm.STOPPED) or boot.homeless]


def about_to_leave(conductor: Conductor, node: str) -> list[Boot]:
    """Servers that migrate and have left it, but have not arrived: where that comes to nothing they are there again."""
    on_their_way = (boot for boot in conductor.all_boots() if boot.elsewhere and boot.instance.task_state)
    moving = [boot for boot in on_their_way if boot.instance.node != node and not boot.instance.deleting]
    return [boot for boot in moving if (known := boot.spec().moving) is not None and known.node == node]


def _why_not(conductor: Conductor, boot: Boot, request: EvacuateRequest) -> CallerFault | None:
    row = boot.instance
    if row.task_state != Task.NONE or row.vm_state not in MOVABLE or not row.launched_at or row.deleting:
        what = "task_state" if row.task_state else "vm_state"
        shown = boot.task or row.vm_state
        return conflict("", f"Cannot 'evacuate' instance {boot.id} while it is in {what} {shown}")
    if boot.undoing:
        return conflict("", f"Cannot 'evacuate' instance {boot.id} while its last evacuation is being undone")
    node = conductor.nodes.row(row.node)
    if node is None or not (node.gone or node.forced_down):
        return bad_request("", f"Compute service of {row.node or 'no host'} is still in use.")
    if boot.spec().image_id and not request.from_image:
        text = f"Instance {boot.id} boots from an image: its root disk went with its host, and would be made anew"
        return conflict("", text)
    return None


def _set_out(conductor: Conductor, boot: Boot, request: EvacuateRequest) -> None:
    """It is as one that is built for the first time, but with what it has."""
    if boot.spec().shelved is not None:  # its state was reset while it was being shelved: that image is of no use
        moved.go_on(boot)
    row, spec = boot.instance, boot.spec()
    left = Evacuation(host=row.host, node=row.node, to=request.host, stopped=request.stop or row.vm_state == Vm.STOPPED)
    boot.ask_anew(
        token=request.token,
        auto_network=False,
        networks=moved.networks_of(boot),
        block_devices=with_named_volumes(spec, boot.id),
        batch="",
        evacuation=left,
    )
    boot.hear(Event.EVACUATE)
    boot.failures, boot.ended = [], None
    boot.change(
        host="", node="", attempt=row.attempt + 1, failed_hosts=(row.host,), fault={}, updated_at=conductor.clock.now()
    )
    conductor.seat(boot)

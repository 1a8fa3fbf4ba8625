"""Evacuation: servers of a node that is no more are built again on other hosts, with their ports and volumes.

Part of the conductor's service. What is on volumes is kept; a root disk that was made of an image went with its host
and is made of the image again, where the operator allows that. Invariants: nobody is evacuated from a node that is up;
what a server had besides its host is never given away, also where no host is found for it: then it is in ERROR and can
be evacuated again.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from actors.conductor import moved
from actors.conductor.attached import attached_volumes
from actors.conductor.boots import Boot
from actors.conductor.questions import no_server
from actors.conductor.steps import release
from actors.errors import CallerFault, bad_request, conflict
from actors.messages import EvacuateRequest, Evacuation, NetworkRequest
from actors.states import Event, Task, Vm

if TYPE_CHECKING:
    from actors.conductor.service import Conductor

MOVABLE = (Vm.ACTIVE, Vm.STOPPED, Vm.ERROR)  # as in Nova


async def evacuate(conductor: Conductor, requests: list[EvacuateRequest]) -> list[CallerFault | None]:
    """Durably begun when this returns; a fault in the place of each that may not be."""
    replies: list[CallerFault | None] = []
    going: list[Boot] = []
    for request in requests:
        boot = conductor.boot(request.instance_id)
        fault = no_server(request.instance_id) if boot is None else _why_not(conductor, boot, request)
        replies.append(fault)
        if boot is not None and fault is None:
            _set_out(conductor, boot, request)
            going.append(boot)
    if going:
        await conductor.write(going, "instance.evacuate")
        await let_go_of_hosts(conductor, going)
        conductor.go(going)
    return replies


def on_node(conductor: Conductor, node: str) -> list[Boot]:
    """Servers that ran on it, as they are when it leaves; one in ERROR waits for somebody to look at it."""
    rows = (boot for boot in conductor.all_boots() if boot.instance.node == node)
    return [boot for boot in rows if boot.instance.vm_state in (Vm.ACTIVE, Vm.STOPPED) and boot.instance.launched_at]


def _why_not(conductor: Conductor, boot: Boot, request: EvacuateRequest) -> CallerFault | None:
    row = boot.instance
    if row.task_state != Task.NONE or row.vm_state not in MOVABLE or not row.launched_at or row.deleting:
        what = "task_state" if row.task_state else "vm_state"
        shown = row.task_state or row.vm_state
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
    row, spec = boot.instance, boot.spec()
    left = Evacuation(host=row.host, node=row.node, to=request.host, stopped=request.stop or row.vm_state == Vm.STOPPED)
    boot.ask_anew(
        token=request.token,
        auto_network=False,
        networks=tuple(NetworkRequest(port_id=vif.port_id, tag=vif.tag) for vif in row.addresses),
        block_devices=(
            *(device for device in spec.block_devices if device.destination_type != "volume"),
            *attached_volumes(spec, boot.id),
        ),
        batch="",
        evacuation=left,
    )
    boot.hear(Event.EVACUATE)
    boot.failures, boot.ended = [], None
    boot.change(
        host="", node="", attempt=row.attempt + 1, failed_hosts=(row.host,), fault={}, updated_at=conductor.clock.now()
    )
    conductor.seat(boot)


async def let_go_of_hosts(conductor: Conductor, boots: list[Boot]) -> None:
    """What still says that it is on the old hosts, of those that are evacuated, or could not be. Their exports end, so
    whoever lives on there writes no more."""
    left = {boot.id: evacuation.host for boot in boots if (evacuation := boot.spec().evacuation) is not None}
    boots = [boot for boot in boots if boot.id in left]
    if not boots:
        return
    with suppress(ConnectionError):  # the build itself takes them over
        await release(conductor, boots)
        await conductor.volume.detach([kept for boot in boots for kept in moved.detach_kept(boot, left[boot.id])])
        await conductor.network.deallocate([moved.unbind(boot, left[boot.id]) for boot in boots])

"""What an act that is over makes of its server, by how it ended.

Called by `acts.py`, which writes the server and the action's end in one commit. It awaits nothing. What the act had
changed of its server's order is changed back where it failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors import lifecycle
from actors.acts import (
    LEFT_DOWN,
    LEFT_OFF,
    STAYS,
    ActDone,
    AttachInterface,
    AttachVolume,
    ConfirmResize,
    DetachInterface,
    DetachVolume,
    Migrate,
    Reboot,
    Rebuild,
    Rescue,
    Resize,
    RevertResize,
    Shelve,
    Start,
    Unrescue,
    act_of,
    name_of,
)
from actors.conductor import moved
from actors.conductor.attached import without_volume
from actors.conductor.boots import Boot
from actors.conductor.migrating import Migrating
from actors.conductor.moves_told import ends
from actors.conductor.rebuilt import broken, rebuilt
from actors.conductor.resized import over
from actors.errors import Fault, HostFault
from actors.records import InstanceAction
from actors.states import State, Task, Vm
from actors.vifs import alike

if TYPE_CHECKING:
    from actors.conductor.service import Conductor


class Settling:
    def __init__(self, conductor: Conductor, migrating: Migrating) -> None:
        self._conductor = conductor
        self._migrating = migrating

    def settle(self, boot: Boot, action: InstanceAction, reply: ActDone | Fault) -> None:
        """The server is as the act left it: its state, and what its order and its row say of it."""
        act, now = act_of(action.act), self._conductor.clock.now()
        boot.acted_at = now
        boot.change(updated_at=now)
        well = isinstance(reply, ActDone)
        acting = boot.acting == action.id
        if acting:  # no other has taken over
            turn = lifecycle.done if well else lifecycle.failed
            boot.become(_left(reply, boot.state) or turn(name_of(act), boot.state))
            boot.acting = ""
        match act:
            case AttachVolume() if not well:
                boot.ask_anew(block_devices=without_volume(boot.spec(), boot.id, act.device.source_id))
            case DetachVolume() if well:
                boot.ask_anew(block_devices=without_volume(boot.spec(), boot.id, act.volume_id))
            case AttachInterface() if isinstance(reply, ActDone):
                vifs = self._conductor.floating.over(reply.vifs)
                boot.change(addresses=(*boot.instance.addresses, *map(alike, vifs)))
            case DetachInterface() if well:
                left = tuple(vif for vif in boot.instance.addresses if vif.port_id != act.port_id)
                boot.change(addresses=left)
            case Rebuild() if acting:
                boot.change(**(rebuilt(reply) if isinstance(reply, ActDone) else broken(reply, now)))
            case Rescue() | Unrescue() if acting and not isinstance(reply, ActDone):
                boot.change(**broken(reply, now, action.name))
            case Start() | Reboot() if well and boot.spec().adrift:
                boot.ask_anew(adrift=False)
            case Shelve():
                if not (well and acting):  # an administrator may have reset it meanwhile
                    moved.go_on(boot)
                self._conductor.shelving.add([boot.id])
            case Migrate() | Resize() | ConfirmResize() | RevertResize():
                was = boot.counted
                if boot.spec().moving is not None:
                    self._migrating.settle(boot, act, reply)
                elif not isinstance(act, Migrate):
                    over(boot, act, well)
                ends(self._conductor.moves, boot, act, well, now)
                self._conductor.charge(boot, was)
                if acting and boot.instance.vm_state == Vm.ERROR and not isinstance(reply, ActDone):
                    boot.change(**broken(reply, now, action.name))


def _left(reply: ActDone | Fault, state: State) -> State | None:
    """Of a guest that failed, and is not what it was either, or is where it went."""
    step = reply.step if isinstance(reply, HostFault) else ""
    stays = state._replace(task=Task.NONE)
    return {LEFT_OFF: lifecycle.BROKEN, LEFT_DOWN: lifecycle.DOWN, STAYS: stays}.get(step)

"""What an act changes of its server's order when it is accepted, and why it is refused then.

Called by `acts.py`, before anything is awaited: two acts that exclude each other can't both begin. Invariant: what is
refused has changed nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from actors import lifecycle
from actors.acts import (
    ActRequest,
    AnyAct,
    AttachInterface,
    AttachVolume,
    ConfirmResize,
    DetachInterface,
    DetachVolume,
    Migrate,
    Rebuild,
    Rescue,
    Resize,
    RevertResize,
    Shelve,
    Unrescue,
    act_of,
    name_of,
    shown_name,
)
from actors.conductor.attached import attached_volumes, with_named_volumes, with_volume
from actors.conductor.boots import Boot
from actors.conductor.held import counted
from actors.conductor.instance_actions import InstanceActions
from actors.conductor.moving_orders import set_out
from actors.conductor.rebuilt import taken_in
from actors.conductor.resized import RESIZES, asked, reverting
from actors.errors import CallerError, CallerFault, bad_request, conflict, forbidden, not_found
from actors.messages import Shelved

if TYPE_CHECKING:
    from actors.conductor.service import Conductor

FIRST_PLACE = 1_000  # of interfaces that are added: no boot asks for so many


class Preparing:
    def __init__(self, conductor: Conductor, actions: InstanceActions) -> None:
        self._conductor = conductor
        self._actions = actions

    def is_resizing(self, instance_id: str) -> bool:
        return any(isinstance(act_of(one.act), RESIZES | Migrate) for one in self._actions.pending(instance_id))

    def prepared(self, boot: Boot, act: AnyAct, action_id: str) -> AnyAct:
        """What the act changes of the server's order, and what it must know of it. Raises `CallerError`."""
        spec, row = boot.spec(), boot.instance
        match act:
            case AttachVolume():
                if any(one.source_id == act.device.source_id for one in attached_volumes(spec, boot.id)):
                    text = f"volume {act.device.source_id} already attached to instance {boot.id}"
                    raise CallerError(bad_request("volumeId", f"Invalid volume: {text}"))
                devices = with_volume(spec, boot.id, act.device)
                boot.ask_anew(block_devices=devices)
                return msgspec.structs.replace(act, device=devices[-1])
            case DetachVolume():
                return msgspec.structs.replace(act, device_name=self._detachable(boot, act.volume_id))
            case AttachInterface():
                boot.change(interfaces_added=row.interfaces_added + 1)
                return msgspec.structs.replace(act, place=FIRST_PLACE + row.interfaces_added)
            case DetachInterface():
                if not any(vif.port_id == act.port_id for vif in row.addresses):
                    raise CallerError(not_found("port_id", f"The requested port {act.port_id} is not attached"))
                self._check_not_going(boot, act)
            case Rebuild():
                if at_work := self._actions.pending(boot.id):  # a volume that is being detached must not come back
                    text = f"Cannot 'rebuild' instance {boot.id} while {at_work[0].name} is under way"
                    raise CallerError(conflict("", text))
                return taken_in(boot, act, self._conductor.limits(row.project_id))
            case Rescue() | Unrescue():
                return msgspec.structs.replace(act, attempt=row.attempt)
            case Resize() | ConfirmResize() | RevertResize():
                return self._resized(boot, act)
            case Shelve():
                return self._shelved(boot, act)
            case Migrate():
                return self._moved(boot, act, action_id)
        return act

    def _resized(self, boot: Boot, act: RESIZES) -> AnyAct:
        """A project is charged for what is asked from now on."""
        if self.is_resizing(boot.id):  # it was reset since
            raise CallerError(conflict("", f"Cannot '{name_of(act)}' instance {boot.id} while a resize is under way"))
        spec, was = boot.spec(), boot.counted
        if spec.moving is not None:
            boot.ask_anew(moving=msgspec.structs.replace(spec.moving, back=isinstance(act, RevertResize)))
            return act
        match act:
            case Resize():
                spec = asked(spec, boot.id, act)
                if fault := self._conductor.fault_of_more(boot, counted(spec)):
                    raise CallerError(fault)
                act = msgspec.structs.replace(act, flavor=None, disk_config=None)
            case RevertResize():
                spec = reverting(spec)
        boot.ask_anew(flavor=spec.flavor, resized=spec.resized, disk_config=spec.disk_config)
        self._conductor.charge(boot, was)
        return msgspec.structs.replace(act, attempt=boot.instance.attempt)

    def _moved(self, boot: Boot, act: Migrate, action_id: str) -> AnyAct:
        """Its order says so until it is over; whoever dies, room that is held for it is known."""
        if any(isinstance(act_of(one.act), RESIZES | Shelve | Migrate) for one in self._actions.pending(boot.id)):
            raise CallerError(conflict("", f"Cannot 'migrate' instance {boot.id} while another action is under way"))
        set_out(boot, act, action_id)
        return act

    def _shelved(self, boot: Boot, act: Shelve) -> AnyAct:
        """From now on the order names the image: whatever comes of this, somebody sees to it."""
        if any(isinstance(act_of(one.act), RESIZES | Shelve | Migrate) for one in self._actions.pending(boot.id)):
            raise CallerError(conflict("", f"Cannot 'shelve' instance {boot.id} while another action is under way"))
        shelved = Shelved(image_id=act.image_id)
        boot.ask_anew(shelved=shelved, block_devices=with_named_volumes(boot.spec(), boot.id))
        return msgspec.structs.replace(act, attempt=boot.instance.attempt)

    def check_host(self, boot: Boot, request: ActRequest) -> None:
        """What nobody can do now would be done whenever the node is back, whatever the server is by then. One that was
        moved goes back where that is up, and stays where it is up, or nowhere else is."""
        check_home(boot)
        moving, needed, act = boot.spec().moving, boot.instance.node, request.act
        nodes = self._conductor.nodes
        if moving is not None and moving.given_up and isinstance(act, ConfirmResize):
            raise CallerError(conflict("", f"Instance {boot.id} can only be reverted: its disk is on {moving.host}"))
        if moving is not None and isinstance(act, RevertResize):
            left_s = 0.0 if request.above_locks or not nodes.has_left(needed) else nodes.lost_in_s(needed)
            needed = moving.node
            if left_s > 0.0 and not nodes.has_left(needed):  # where the node only restarts, its guest runs on there
                text = f"The host of instance {boot.id} is down, and may be back; it can be reverted in {left_s:.0f} s"
                raise CallerError(conflict("", text))
        if boot.instance.launched_at and nodes.has_left(needed):
            raise CallerError(conflict("", f"The host of instance {boot.id} is down: its node left the cluster"))

    def _detachable(self, boot: Boot, volume_id: str) -> str:
        """The name of the disk. Raises `CallerError`."""
        volume = next((one for one in attached_volumes(boot.spec(), boot.id) if one.source_id == volume_id), None)
        if volume is None:
            raise CallerError(not_found("volume_id", f"Volume {volume_id} is not attached to instance {boot.id}"))
        if volume.boot_index == 0:
            raise CallerError(forbidden("Cannot detach a root device volume"))
        pending = [act_of(one.act) for one in self._actions.pending(boot.id)]
        if any(isinstance(one, AttachVolume) and one.device.source_id == volume_id for one in pending):
            raise CallerError(conflict("volume_id", f"volume {volume_id} is being attached"))
        self._check_not_going(boot, DetachVolume(volume_id=volume_id, device_name=volume.device_name))
        return volume.device_name

    def _check_not_going(self, boot: Boot, act: AnyAct) -> None:
        if any(act_of(one.act) == act for one in self._actions.pending(boot.id)):
            raise CallerError(conflict("", "it is being detached already"))


def check_home(boot: Boot) -> None:
    """What its old host still has of it, when that is back, is no guest of its own."""
    if boot.homeless:
        raise CallerError(
            conflict("", f"Instance {boot.id} has no host: its node was lost, and it was built nowhere else")
        )


def check_lock(boot: Boot, above_locks: bool) -> None:
    if boot.instance.locked_by and not above_locks:
        raise CallerError(conflict("", f"Instance {boot.id} is locked"))


def wrong_state(name: str, boot: Boot, refused: lifecycle.Refused) -> CallerFault:
    text = f"Cannot '{shown_name(name)}' instance {boot.id} while it is in {refused.attribute} {refused.value}"
    return conflict("", text)

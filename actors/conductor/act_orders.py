"""What an act on a server is to its compute actor: the order, made of the server as it is now. Pure.

Called by `acts.py`, each time that an act is told.
"""

from __future__ import annotations

import msgspec

from actors.acts import (
    ActOrder,
    AnyAct,
    ConfirmResize,
    Migrate,
    Rebuild,
    Rescue,
    Resize,
    RevertResize,
    Shelve,
    Unrescue,
    act_of,
)
from actors.conductor import moved
from actors.conductor.boots import Boot
from actors.conductor.rebuilt import spec_of
from actors.conductor.resized import RESIZES
from actors.messages import Claim
from actors.records import InstanceAction
from actors.states import Power, Vm


def as_it_stands(boot: Boot, act: AnyAct) -> AnyAct:
    """What is rebuilt or resized while it is off is off afterwards, and what is shelved then need not shut down."""
    row, resized = boot.instance, boot.spec().resized
    match act:
        case Rebuild() | Resize() | Migrate():
            return msgspec.structs.replace(act, stopped=row.vm_state == Vm.STOPPED)
        case ConfirmResize():
            return msgspec.structs.replace(act, stopped=row.power_state == Power.SHUTDOWN)
        case RevertResize():
            moving = boot.spec().moving
            was = moving or resized
            return msgspec.structs.replace(act, stopped=was is not None and was.stopped)
        case Shelve():
            return msgspec.structs.replace(act, runs=row.vm_state == Vm.ACTIVE)
    return act


def is_too_late(boot: Boot, action: InstanceAction) -> bool:
    """It was built again elsewhere since: what is on its disk now is not what the act was about."""
    act = act_of(action.act)
    if isinstance(act, RESIZES) and boot.spec().moving is not None:
        return False  # that it is on another host is what they are about
    return isinstance(act, Rebuild | Rescue | Unrescue | Shelve | RESIZES) and act.attempt != boot.instance.attempt


def order_of(boot: Boot, action: InstanceAction, by: int, epoch: int) -> ActOrder:
    """`by`: the conductor's life; `epoch`: of the node, where it counts."""
    row, act = boot.instance, act_of(action.act)
    spec = moved.with_what_it_has(boot) if boot.spec().adrift else boot.spec()
    return ActOrder(
        id=action.id,
        instance_id=row.id,
        attempt=row.attempt,
        host=row.host,
        spec=spec_of(boot) if isinstance(act, Rebuild) else spec,
        vifs=row.addresses,
        act=act,
        by=by,
        epoch=epoch,
        **_claims(boot, act),
    )


def _claims(boot: Boot, act: AnyAct) -> dict[str, Claim]:
    """What one that was ever resized holds on its host, and what it holds (again) where that failed, or will fail."""
    spec = boot.spec()
    if spec.resized is None:
        return {}
    if spec.resized.other is None or isinstance(act, ConfirmResize | RevertResize):
        return {"claim": boot.claim_of(spec.flavor)}
    whole = boot.claim() if isinstance(act, Resize) else boot.claim_of(spec.flavor)
    return {"claim": whole, "claim_before": boot.claim_of(spec.resized.other)}

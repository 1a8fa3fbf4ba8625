"""What a resize changes of a server's row and order. Pure; called by the conductor's acts.

The order is what the guest is made of: it has the new flavor once the server's host has room for it, and again the one
before from when a revert is accepted. Invariant: as long as a guest may be of either flavor, the order names both
(`Resized.other`), and room and quota are those of whichever needs more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from actors.acts import ConfirmResize, Resize, RevertResize
from actors.conductor.attached import check_disks, with_named_volumes
from actors.conductor.held import edition
from actors.errors import CallerError, bad_request
from actors.messages import BootSpec, Resized
from actors.states import Vm

if TYPE_CHECKING:
    from actors.conductor.boots import Boot

RESIZES = Resize | ConfirmResize | RevertResize
NOT_RESIZED = "Instance has not been resized."


def asked(spec: BootSpec, instance_id: str, act: Resize) -> BootSpec:
    """The order with what is asked for. Raises `CallerError` where the flavor has no room for its disks."""
    assert act.flavor is not None, "the door has found it"
    check_disks(replace(spec, flavor=act.flavor), instance_id)
    wanted = Resized(edition=edition(spec), to=act.flavor, stopped=act.stopped)
    return replace(spec, resized=wanted, disk_config=act.disk_config or spec.disk_config)


def granted(boot: Boot) -> None:
    """Its host has room: the order has the new flavor, and its volumes the names that they have."""
    spec = boot.spec()
    resized = spec.resized
    assert resized is not None and resized.to is not None, "it was asked for"
    boot.ask_anew(
        flavor=resized.to,
        resized=replace(resized, edition=resized.edition + 1, to=None, other=spec.flavor),
        block_devices=with_named_volumes(spec, boot.id),
    )


def reverting(spec: BootSpec) -> BootSpec:
    """The order of a revert that was accepted. Raises `CallerError`."""
    if spec.resized is None or spec.resized.other is None:
        raise CallerError(bad_request("", NOT_RESIZED))
    return replace(spec, flavor=spec.resized.other, resized=replace(spec.resized, other=spec.flavor))


def over(boot: Boot, act: RESIZES, well: bool) -> None:
    """It has ended; of one that was built again elsewhere since, nothing changes."""
    resized = boot.spec().resized
    if resized is None or act.attempt != boot.instance.attempt:
        return
    may_revert = boot.instance.vm_state == Vm.RESIZED
    match act:
        case Resize() if well:
            boot.change(flavor=boot.spec().flavor)
            if not may_revert:  # an administrator has reset it meanwhile
                forget(boot)
        case Resize():
            if resized.other is not None:
                boot.ask_anew(flavor=resized.other)
            forget(boot)
        case RevertResize():
            boot.change(flavor=boot.spec().flavor)
            forget(boot)
        case ConfirmResize():  # also where its end was lost: its host may have thrown the old disks away
            forget(boot)


def forget(boot: Boot) -> None:
    """It is of its flavor alone."""
    boot.ask_anew(resized=Resized(edition=edition(boot.spec()) + 1))

"""What a rebuild changes of a server's row and order. Pure; called by the conductor's acts.

The order is what the guest is made of, so what a user asks anew is in it before compute is told; a rebuild that failed
leaves it so, as in Nova: the server is in ERROR, and may be rebuilt again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from actors.acts import INTO_ORDER, ActDone, Rebuild
from actors.conductor.attached import VOLUME, attached_volumes
from actors.conductor.boots import Boot
from actors.conductor.quotas import fault_of_files
from actors.errors import CallerError, Fault, HostFault, forbidden
from actors.messages import BootFault, BootSpec
from actors.saga import describe


def taken_in(boot: Boot, act: Rebuild, limits: Mapping[str, int]) -> Rebuild:
    """The order has it; what is left of the act is for compute. Raises `CallerError`.

    `limits`: the project's quotas, -1 = any number.
    """
    most = limits["metadata_items"]
    if act.metadata is not None and 0 <= most < len(act.metadata):
        raise CallerError(forbidden(f"Maximum number of metadata items exceeds {most}"))
    if act.files and (fault := fault_of_files(act.files, limits)) is not None:
        raise CallerError(fault)
    asked = {field: value for field in INTO_ORDER if (value := getattr(act, field)) is not None}
    boot.ask_anew(**asked)
    boot.change(name=boot.spec().name)
    return Rebuild(
        token=act.token,
        preserve_ephemeral=act.preserve_ephemeral,
        stopped=act.stopped,
        reimage=act.reimage,
        attempt=boot.instance.attempt,
    )


def spec_of(boot: Boot) -> BootSpec:
    """What its guest is made of: volumes that its boot made are made no more."""
    spec = boot.spec()
    local = (device for device in spec.block_devices if device.destination_type != VOLUME)
    return msgspec.structs.replace(spec, block_devices=(*local, *attached_volumes(spec, boot.id)))


def rebuilt(reply: ActDone) -> dict[str, Any]:
    """The fields of the row that change."""
    return {"fault": {}, "root_device": reply.root_device}


def broken(fault: Fault, now: float, step: str = "rebuild") -> dict[str, Any]:
    """The same where it failed: who asks what the server is reads why."""
    host, code = ("", 500)
    if isinstance(fault, HostFault):
        step, host = fault.step, fault.host
    else:
        code = fault.status
    return {"fault": msgspec.to_builtins(BootFault(code=code, message=describe(fault), step=step, host=host, at=now))}

"""What is true of a server that is built again, since its node is no more: pure.

Used by the conductor's steps, by its answers and by `evacuation.py`, which says when it is so.
"""

from __future__ import annotations

from actors.conductor.attached import attached_volumes
from actors.conductor.boots import Boot
from actors.messages import DeallocateRequest, DetachRequest
from actors.states import Vm


def detach_kept(boot: Boot, host: str) -> list[DetachRequest]:
    """Release its volumes from a host, and delete none."""
    ids = tuple(device.source_id for device in attached_volumes(boot.spec(), boot.id))
    return [DetachRequest(instance_id=boot.id, host=host, volume_ids=ids)] if ids else []


def unbind(boot: Boot, host: str) -> DeallocateRequest:
    return DeallocateRequest(instance_id=boot.id, host=host, keep=True)


def failed(boot: Boot) -> dict[str, str]:
    """Where a server is whose evacuation failed: it was somewhere, and its next try begins there."""
    evacuation = boot.spec().evacuation
    return {} if evacuation is None else {"host": evacuation.host, "node": evacuation.node}


def arrived(boot: Boot) -> bool:
    """Forget where it came from. Whether it is to be stopped, as it was."""
    evacuation = boot.spec().evacuation
    if evacuation is None:
        return False
    boot.ask_anew(evacuation=None)
    return evacuation.stopped


def is_expected(boot: Boot | None, node: str) -> bool:
    """Whether what this node has of it is no stray yet: it is being evacuated from there, or could not be."""
    if boot is None or boot.instance.vm_state == Vm.ACTIVE:
        return False
    evacuation = boot.spec().evacuation
    return evacuation is not None and evacuation.node == node

"""What is true of a server that is built again, since its node is no more or it was shelved: pure.

Used by the conductor's steps, by its answers, and by `evacuation.py` and `shelving.py`, which say when it is so.
"""

from __future__ import annotations

from msgspec.structs import replace

from actors.conductor.attached import attached_volumes, with_named_volumes
from actors.conductor.boots import Boot
from actors.conductor.held import kept_places
from actors.messages import BootSpec, DeallocateRequest, DetachRequest, NetworkRequest
from actors.states import Vm


def detach_kept(boot: Boot, host: str) -> list[DetachRequest]:
    """Release its volumes from a host, and delete none. Of one that is shelved, or moves, they stay its own."""
    spec = boot.spec()
    ids = tuple(device.source_id for device in attached_volumes(spec, boot.id))
    keep = spec.shelved is not None or spec.moving is not None
    return [DetachRequest(instance_id=boot.id, host=host, volume_ids=ids, keep=keep)] if ids else []


def unbind(boot: Boot, host: str) -> DeallocateRequest:
    return DeallocateRequest(instance_id=boot.id, host=host, keep=True)


def networks_of(boot: Boot) -> tuple[NetworkRequest, ...]:
    """The ports that it has, to be asked for again."""
    return tuple(NetworkRequest(port_id=vif.port_id, tag=vif.tag) for vif in boot.instance.addresses)


def with_what_it_has(boot: Boot) -> BootSpec:
    """Its order, as asked for again on the host where it is, or goes."""
    spec = boot.spec()
    devices = with_named_volumes(spec, boot.id)
    return replace(spec, networks=networks_of(boot), auto_network=False, block_devices=devices)


def failed(boot: Boot) -> dict[str, str]:
    """Where a server is whose evacuation failed: it was somewhere, and its next try begins there. One that is shelved
    is nowhere."""
    spec = boot.spec()
    if spec.shelved is not None:
        return {"host": "", "node": ""}
    evacuation = spec.evacuation
    return {} if evacuation is None else {"host": evacuation.host, "node": evacuation.node}


def arrived(boot: Boot) -> bool:
    """Forget where it came from. Whether it is to be stopped, as it was."""
    spec = boot.spec()
    if spec.shelved is not None:
        go_on(boot)
    evacuation = spec.evacuation
    if evacuation is None:
        return False
    boot.ask_anew(evacuation=None, adrift=False)  # till then its volumes may be held for it, on no host
    return evacuation.stopped


def go_on(boot: Boot) -> None:
    """It is not shelved any more, or is not after all: what its root disk was kept in is to be deleted."""
    spec = boot.spec()
    image_id = spec.shelved.image_id if spec.shelved else ""
    unwanted = (*spec.unwanted_images, image_id) if image_id else spec.unwanted_images
    boot.ask_anew(shelved=None, unwanted_images=unwanted)


def images_of(boot: Boot) -> list[str]:
    """What shelving it made and is there, perhaps."""
    spec = boot.spec()
    kept = (spec.shelved.image_id,) if spec.shelved and spec.shelved.image_id else ()
    return [*spec.unwanted_images, *kept]


def is_expected(boot: Boot | None, node: str) -> bool:
    """Whether what this node has of it is no stray yet: it is being evacuated from there, or could not be, or it
    went elsewhere and may come back."""
    if boot is None:
        return False
    spec = boot.spec()
    if any(place.node == node for place in kept_places(spec, boot.instance.host)):
        return True
    if boot.instance.vm_state == Vm.ACTIVE:
        return False
    evacuation = spec.evacuation
    return evacuation is not None and evacuation.node == node

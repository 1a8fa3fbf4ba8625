"""Devices that were coming to a server, or going, when its node left: how that ends without its host.

Called by the conductor's acts, when nobody on that node may ask for anything any more. What was coming is given back.
What was going has gone if its owner has let go of it, which is what its host does last: the rows say so. Invariant:
what a server is said to have afterwards is its own, and what it is not is free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.acts import ActDone, AttachInterface, AttachVolume, DetachInterface, DetachVolume, name_of
from actors.conductor.boots import Boot
from actors.errors import Fault, HostError, HostFault
from actors.messages import DeallocateRequest, DetachRequest
from actors.network.naming import boot_port_id
from actors.records import Port, VolumeAttachment

if TYPE_CHECKING:
    from actors.conductor.service import Conductor

LEFT = "the host left the cluster"
Devices = AttachVolume | DetachVolume | AttachInterface | DetachInterface


async def end_without_host(conductor: Conductor, boot: Boot, act: Devices) -> ActDone | Fault:
    """Can run twice. Raises `ConnectionError` where it is to be tried again."""
    began = conductor.clock.now()
    try:
        is_done = await _settle(conductor, boot, act)
    except HostError as error:
        raise ConnectionError(str(error)) from error
    if is_done:
        return ActDone(started_at=began, finished_at=conductor.clock.now())
    return HostFault(name_of(act), boot.instance.host, LEFT)


async def _settle(conductor: Conductor, boot: Boot, act: Devices) -> bool:
    """Whether it was done."""
    host = boot.instance.host
    match act:
        case AttachVolume():
            volume_ids = (act.device.source_id,)
            await conductor.volume.detach([DetachRequest(instance_id=boot.id, host=host, volume_ids=volume_ids)])
            return False
        case AttachInterface():
            port_ids = (act.network.port_id or boot_port_id(boot.id, act.place),)
            await conductor.network.deallocate([DeallocateRequest(instance_id=boot.id, host=host, port_ids=port_ids)])
            return False
        case DetachVolume():
            attachments = await conductor.rows_of(VolumeAttachment, "instance_id", boot.id)
            return all(row.volume_id != act.volume_id for row in attachments)
        case DetachInterface():
            return all(row.id != act.port_id for row in await conductor.rows_of(Port, "device_id", boot.id))

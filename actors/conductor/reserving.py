"""Volumes that come to a server while it is shelved, or go: it has no guest, so nobody but the volume room is asked.

Called by the conductor's acts. What comes is the server's at once, and reached when it runs again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.acts import ActDone, AttachVolume, DetachVolume
from actors.conductor.boots import Boot
from actors.errors import CallerFault, Fault, HostError, HostFault
from actors.messages import AttachRequest, DetachRequest

if TYPE_CHECKING:
    from actors.conductor.service import Conductor


async def reserve(conductor: Conductor, boot: Boot, act: AttachVolume | DetachVolume) -> ActDone | Fault:
    """Can run twice; a volume that can't be had is given back."""
    started_at = conductor.clock.now()
    try:
        if isinstance(act, DetachVolume):
            await _free(conductor, boot, act.volume_id)
        elif fault := await _reserved(conductor, boot, act):
            await _free(conductor, boot, act.device.source_id)
            return fault
    except HostError as error:
        return error.fault
    except ConnectionError as error:
        return HostFault("volume_attach", "", str(error))
    return ActDone(started_at=started_at, finished_at=conductor.clock.now())


async def _reserved(conductor: Conductor, boot: Boot, act: AttachVolume) -> CallerFault | HostFault | None:
    request = AttachRequest(
        token=act.token,
        instance_id=boot.id,
        attempt=boot.instance.attempt,
        project_id=boot.instance.project_id,
        host="",
        devices=(act.device,),
    )
    [reply] = await conductor.volume.attach([request])
    return reply if isinstance(reply, CallerFault | HostFault) else None


async def _free(conductor: Conductor, boot: Boot, volume_id: str) -> None:
    await conductor.volume.detach([DetachRequest(instance_id=boot.id, host="", volume_ids=(volume_id,))])

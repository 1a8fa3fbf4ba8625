"""Volumes and interfaces of guests that have been built: attached and detached, each with its undo.

Called by `acts.py`. What is attached is asked of its owner first (the volume room, the network room) and then given to
the guest; where that fails it is given back. Detaching goes the other way, and may be run again from its beginning.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from actors.acts import ActOrder, AttachInterface, AttachVolume
from actors.compute.block_info import one_more
from actors.errors import CallerError, HostError, HostFault, value_of
from actors.messages import (
    AllocateRequest,
    AttachRequest,
    DeallocateRequest,
    DetachRequest,
    NetworkRequest,
    Vif,
)

if TYPE_CHECKING:
    from actors.compute.service import Compute

REFUSALS = (CallerError, HostError, ConnectionError, TimeoutError)  # after these what was begun is given back


# ---------------------------------------------------------------- volumes


async def attach_volume(node: Compute, order: ActOrder, act: AttachVolume) -> None:
    """Under the name that the conductor chose for it."""
    device = act.device
    disk = one_more([], device, order.spec.image_properties)
    request = AttachRequest(
        token=act.token,
        instance_id=order.instance_id,
        attempt=order.attempt,
        project_id=order.spec.project_id,
        host=order.host,
        devices=(device,),
        epoch=node.epoch,
    )
    try:
        [reply] = await node.volume.attach([request])
        (connection,) = value_of(reply)
        await node.hypervisor.guests.attach_disk(order.instance_id, replace(disk, connection=connection), order.spec)
    except REFUSALS:
        await node.volume.detach([_detach(node, order, device.source_id)])
        raise


async def detach_volume(node: Compute, order: ActOrder, volume_id: str) -> None:
    await node.hypervisor.guests.detach_disk(order.instance_id, volume_id)
    await node.volume.detach([_detach(node, order, volume_id)])


def _detach(node: Compute, order: ActOrder, volume_id: str) -> DetachRequest:
    return DetachRequest(instance_id=order.instance_id, host=order.host, volume_ids=(volume_id,), epoch=node.epoch)


# ---------------------------------------------------------------- interfaces


async def attach_interface(node: Compute, order: ActOrder, act: AttachInterface) -> Vif:
    guests = node.hypervisor.guests
    [reply] = await node.network.allocate([allocation(node, order, act)])
    (vif,) = value_of(reply)
    try:
        await plug(node, order, (vif,), lambda: guests.attach_interface(order.instance_id, vif, order.spec))
    except REFUSALS:
        await _take_away(node, order, vif)
        raise
    return vif


def allocation(node: Compute, order: ActOrder, act: AttachInterface) -> AllocateRequest:
    spec, zone = order.spec, node.config.availability_zone
    return AllocateRequest(
        token=act.token,
        instance_id=order.instance_id,
        project_id=spec.project_id,
        host=order.host,
        hostname=spec.hostname,
        networks=(act.network,),
        auto=act.network == NetworkRequest(),
        security_groups=(),
        availability_zone=spec.availability_zone.partition(":")[0] or zone,
        first_place=act.place,
        epoch=node.epoch,
    )


async def detach_interface(node: Compute, order: ActOrder, port_id: str) -> None:
    vif = next((one for one in order.vifs if one.port_id == port_id), None)
    if vif is not None:  # else it was detached before
        await _take_away(node, order, vif)


async def _take_away(node: Compute, order: ActOrder, vif: Vif) -> None:
    await node.hypervisor.guests.detach_interface(order.instance_id, vif.mac_address)
    await node.hypervisor.guests.unplug(order.instance_id, vif)
    await node.network.deallocate(
        [DeallocateRequest(instance_id=order.instance_id, host=order.host, port_ids=(vif.port_id,), epoch=node.epoch)]
    )


async def plug(node: Compute, order: ActOrder, vifs: tuple[Vif, ...], act: Callable[[], Awaitable[None]]) -> None:
    """Make the taps that are missing, act, and wait until the new ones are wired. Raises `HostError`."""
    ports = [vif.port_id for vif in vifs]
    node.plugs.expect(order.instance_id, ports)
    try:
        made = await node.hypervisor.guests.plug(order.instance_id, vifs, order.spec)
        for port_id in set(ports) - set(made):
            node.plugs.tell(order.instance_id, port_id)
        await act()
        missing = await node.plugs.plugged([order.instance_id], node.config.vif_plugging_timeout_s)
    finally:
        node.plugs.forget(order.instance_id)
    if missing and node.config.vif_plugging_is_fatal:
        cause = f"no network-vif-plugged for port {', '.join(sorted(missing[order.instance_id]))}"
        raise HostError(HostFault("await_plugged", order.host, cause))

"""A guest that is not on its host any more is defined there again, off, of the disks that it had.

Called by `acts.py` before what is done to a guest, from the order alone, and does nothing where the guest is there. Its
host may have forgotten it (a simulated one does with each life), or an operator have taken it away. What it was beside
its server's order, rescued or resized, is forgotten with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from actors.acts import ActOrder, name_of
from actors.compute import steps
from actors.compute.block_info import disks_for
from actors.compute.build import Build, order_again
from actors.errors import HostError, HostFault, value_of
from actors.messages import Claim, ConnectionInfo
from actors.volume.plan import id_of

if TYPE_CHECKING:
    from actors.compute.service import Compute

NO_PLACE = "the guest is not on this host"
VOLUME = "volume"


async def bring_back(node: Compute, order: ActOrder) -> None:
    """Raises `HostError` where its host holds nothing for it, or lacks one of its disks; `CallerError` for an order
    that no guest can be made of."""
    guests, instance_id = node.hypervisor.guests, order.instance_id
    if await guests.power(instance_id) is not None or instance_id in await guests.powers():
        return  # it is there, also where nobody could tell at first
    claim = node.hosts.claim_of(order.host, instance_id)
    if claim is None:
        raise HostError(HostFault(name_of(order.act), order.host, NO_PLACE))
    build = await _with_volumes(node, order, claim)
    build.vifs = order.vifs
    build.disks = disks_for(build.order.spec, build.connections)
    await guests.check_disks(build)
    value_of((await steps.define_guest(node, [build])).get(build.id))


async def _with_volumes(node: Compute, order: ActOrder, claim: Claim) -> Build:
    """With those that it has now: one that is about to be attached comes by itself."""
    devices = [device for device in order.spec.block_devices if device.destination_type == VOLUME]
    found: dict[str, ConnectionInfo] = {}
    if devices:
        [reply] = await node.volume.connections([order.instance_id])
        found = {connection.volume_id: connection for connection in value_of(reply)}
    connections = {place: found.get(id_of(device, order.instance_id, place)) for place, device in enumerate(devices)}
    kept = [device for place, device in enumerate(devices) if connections[place]]
    others = [device for device in order.spec.block_devices if device.destination_type != VOLUME]
    build = Build(order_again(order, node.epoch, replace(order.spec, block_devices=(*others, *kept)), claim))
    build.connections = tuple(connection for connection in connections.values() if connection)
    return build

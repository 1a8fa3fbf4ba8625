"""A guest that is not on its host any more is defined there again, off, of the disks that it had.

Called by `acts.py` before what is done to a guest, from the order alone, and does nothing where the guest is there. Its
host may have forgotten it (a simulated one does with each life), or an operator have taken it away. It is what its
server's order says: one whose resize is not confirmed can be reverted as before, where the copies of its disks are
there, and one that was rescued boots from its own disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from actors.acts import ActOrder, ConfirmResize, Resize, RevertResize, name_of
from actors.compute import steps
from actors.compute.block_info import disks_for
from actors.compute.build import Build, ResizeMark, order_again
from actors.errors import HostError, HostFault, value_of
from actors.messages import BootSpec, Claim, ConnectionInfo
from actors.volume.plan import id_of

if TYPE_CHECKING:
    from actors.compute.service import Compute

NO_PLACE = "the guest is not on this host"
NO_COPIES = "the guest is not on this host, nor are the disks that it had before its resize: nothing can be reverted"
VOLUME = "volume"


class _Kinds(NamedTuple):
    """What a guest is, and what it may be again."""

    now: BootSpec
    before: BootSpec | None = None


async def bring_back(node: Compute, order: ActOrder) -> None:
    """Raises `HostError` where its host holds nothing for it, or lacks one of its disks; `CallerError` for an order
    that no guest can be made of."""
    guests, instance_id = node.hypervisor.guests, order.instance_id
    if await guests.power(instance_id) is not None or instance_id in await guests.powers():
        return  # it is there, also where nobody could tell at first
    claim = node.hosts.claim_of(order.host, instance_id)
    if claim is None:
        raise HostError(HostFault(name_of(order.act), order.host, NO_PLACE))
    now, before = _kinds(order)
    found = await _connections(node, order)
    build = _build(node, order, now, claim, found)
    if before is not None:
        was = _build(node, order, before, _claim_before(order) or claim, found)
        if await guests.has_copies(was):
            build.before, build.mark = was, ResizeMark(order.id, now.flavor.id)
        elif isinstance(order.act, RevertResize):
            raise HostError(HostFault(name_of(order.act), order.host, NO_COPIES))
    await guests.check_disks(build)
    value_of((await steps.write_config_drive(node, [build])).get(build.id))
    value_of((await steps.define_guest(node, [build])).get(build.id))


def _kinds(order: ActOrder) -> _Kinds:
    """An order to revert has the flavor of then already, and the other for what it is until then."""
    spec = order.spec
    other = spec.resized.other if spec.resized else None
    if other is None:
        return _Kinds(spec)
    match order.act:
        case Resize():
            return _Kinds(replace(spec, flavor=other))  # it is not resized yet
        case ConfirmResize():
            return _Kinds(spec)
        case RevertResize():
            return _Kinds(replace(spec, flavor=other), before=spec)
        case _:
            return _Kinds(spec, before=replace(spec, flavor=other))


def _claim_before(order: ActOrder) -> Claim | None:
    return order.claim if isinstance(order.act, RevertResize) else order.claim_before


async def _connections(node: Compute, order: ActOrder) -> dict[str, ConnectionInfo]:
    """Of the volumes that it has now, by their ids."""
    if all(device.destination_type != VOLUME for device in order.spec.block_devices):
        return {}
    [reply] = await node.volume.connections([order.instance_id])
    return {connection.volume_id: connection for connection in value_of(reply)}


def _build(node: Compute, order: ActOrder, spec: BootSpec, claim: Claim, found: dict[str, ConnectionInfo]) -> Build:
    """With those volumes: one that is about to be attached comes by itself."""
    devices = [device for device in spec.block_devices if device.destination_type == VOLUME]
    connections = {place: found.get(id_of(device, order.instance_id, place)) for place, device in enumerate(devices)}
    kept = [device for place, device in enumerate(devices) if connections[place]]
    others = [device for device in spec.block_devices if device.destination_type != VOLUME]
    build = Build(order_again(order, node.epoch, replace(spec, block_devices=(*others, *kept)), claim))
    build.connections = tuple(connection for connection in connections.values() if connection)
    build.vifs = order.vifs
    build.disks = disks_for(build.order.spec, build.connections)
    return build

"""Which volumes a server has, each by its id and under the name that its guest knows it by. Pure.

Read from the server's order alone: what a boot made and named, and what was attached since, which is put into the
order as if it had been asked for. Called by the conductor's views and its acts.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from actors.compute.block_info import disks_for, named_volumes, one_more
from actors.compute.build import Disk
from actors.conductor.held import possible
from actors.errors import CallerError
from actors.messages import BlockDevice, BootSpec, ConnectionInfo
from actors.volume.plan import id_of

VOLUME = "volume"


def attached_volumes(spec: BootSpec, instance_id: str) -> tuple[BlockDevice, ...]:
    """Those whose destination is a volume, in order; of one that the boot made, the source is that volume."""
    devices = [device for device in spec.block_devices if device.destination_type == VOLUME]
    if not devices:
        return ()
    ids = [id_of(device, instance_id, place) for place, device in enumerate(devices)]
    try:
        named = named_volumes(spec)
    except CallerError:  # a boot that could not be: its disks have no names
        named = tuple(replace(device, device_name="") for device in devices)
    return tuple(
        replace(device, source_type=VOLUME, source_id=volume_id) for device, volume_id in zip(named, ids, strict=True)
    )


def with_volume(spec: BootSpec, instance_id: str, device: BlockDevice) -> tuple[BlockDevice, ...]:
    """The order's devices and one more, under a free name. Raises `CallerError` where there is none."""
    volumes = attached_volumes(spec, instance_id)
    ids = [volume.source_id for volume in volumes]
    disks = [disk for flavor in possible(spec) for disk in _disks(replace(spec, flavor=flavor), ids)]
    disk = one_more(disks, device, spec.image_properties)
    return (*_local(spec), *volumes, replace(device, device_name=f"/dev/{disk.device}", disk_bus=disk.bus))


def with_named_volumes(spec: BootSpec, instance_id: str) -> tuple[BlockDevice, ...]:
    """The order's devices, the volumes under the names that they have, whatever disks come before them."""
    return (*_local(spec), *attached_volumes(spec, instance_id))


def check_disks(spec: BootSpec, instance_id: str) -> None:
    """Raises `CallerError` for an order whose flavor has no room for its disks."""
    _disks(spec, [volume.source_id for volume in attached_volumes(spec, instance_id)])


def without_volume(spec: BootSpec, instance_id: str, volume_id: str) -> tuple[BlockDevice, ...]:
    """The order's devices without one; the others keep their names."""
    volumes = attached_volumes(spec, instance_id)
    return (*_local(spec), *(volume for volume in volumes if volume.source_id != volume_id))


def with_ends(spec: BootSpec, instance_id: str, ends: Mapping[str, bool]) -> tuple[BlockDevice, ...]:
    """The order's devices, of which these volumes go with the server or stay."""
    found, place = [], 0
    for device in spec.block_devices:
        if device.destination_type == VOLUME:
            goes = ends.get(id_of(device, instance_id, place), device.delete_on_termination)
            device, place = replace(device, delete_on_termination=goes), place + 1
        found.append(device)
    return tuple(found)


def _local(spec: BootSpec) -> list[BlockDevice]:
    return [device for device in spec.block_devices if device.destination_type != VOLUME]


def _disks(spec: BootSpec, volume_ids: list[str]) -> list[Disk]:
    return disks_for(spec, tuple(ConnectionInfo(volume_id=one, size_gib=0, export=one) for one in volume_ids))

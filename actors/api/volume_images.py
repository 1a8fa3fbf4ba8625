"""An image of a server that boots from a volume: no data, but a mapping of snapshots, of which volumes are made again.

Called by the compute API's room; the other way, `mapped` gives a boot from such an image its devices. The mapping is
kept as Nova keeps it, in the image's properties, so that one made elsewhere boots here too. Invariant: an image whose
making was refused leaves no snapshot behind.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from actors.errors import CallerError, CallerFault, bad_request, value_of
from actors.faces import ImageFace, VolumeFace
from actors.image.messages import DEVICES, CreateImage, FinishUpload
from actors.messages import BlockDevice, BootSpec, ImageRequest, ServerView
from actors.records import VolumeSnapshot
from actors.volume.messages import CreateSnapshot, SnapshotRequest

OWN = {DEVICES, "bdm_v2", "root_device_name"}  # properties that say how a mapping is to be read
MAPPING_LIMIT = 64  # devices of one image


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A device in the image's property, in Nova's words; what else is in a row is left alone."""

    source_type: str
    destination_type: str = "volume"
    snapshot_id: str | None = None
    volume_id: str | None = None
    image_id: str | None = None
    boot_index: int | None = None
    volume_size: int | None = None
    delete_on_termination: bool | None = None
    device_name: str | None = None
    disk_bus: str | None = None
    guest_format: str | None = None
    tag: str | None = None


async def image_of_volumes(volume: VolumeFace, images: ImageFace, server: ServerView, image: CreateImage) -> None:
    """`image` with a snapshot of each of the server's volumes. Raises `CallerError`."""
    asked = [
        CreateSnapshot(token=image.token, volume_id=one.source_id, name=f"snapshot for {image.name}", force=True)
        for one in server.volumes
    ]
    taken = await volume.create_snapshot(asked)
    try:
        rows = [_row(device, value_of(one)) for device, one in zip(server.volumes, taken, strict=True)]
        await _make(images, image, rows)
    except CallerError:
        made = [one.id for one in taken if isinstance(one, VolumeSnapshot)]
        await volume.delete_snapshot([SnapshotRequest(token=image.token, snapshot_id=one) for one in made])
        raise


async def _make(images: ImageFace, image: CreateImage, rows: list[Row]) -> None:
    mapping = {"bdm_v2": "True", DEVICES: msgspec.json.encode(rows).decode()}
    described = msgspec.structs.replace(image, disk_format="raw", properties=image.properties | mapping)
    request = ImageRequest(token=image.token, image_id=image.image_id)
    [made] = await images.create([described])
    value_of(made)
    try:
        value_of((await images.begin_upload([request]))[0])
        value_of((await images.finish_upload([FinishUpload(token=image.token, image_id=image.image_id)]))[0])
    except CallerError:
        await images.delete([request])
        raise


def _row(device: BlockDevice, snapshot: VolumeSnapshot) -> Row:
    return Row(
        source_type="snapshot",
        snapshot_id=snapshot.id,
        boot_index=device.boot_index if device.boot_index >= 0 else None,
        volume_size=snapshot.size_gib,
        delete_on_termination=device.delete_on_termination,
        device_name=device.device_name or None,
        disk_bus=device.disk_bus or None,
        tag=device.tag or None,
    )


def mapped(spec: BootSpec) -> BootSpec | CallerFault:
    """A boot whose image has a mapping: its devices are the image's and its own, and its root is no copy of the image.

    What the request says of a device's name, or of the root, goes before what the image says.
    """
    if DEVICES not in spec.image_properties:
        return spec
    try:
        rows = msgspec.json.decode(spec.image_properties[DEVICES], type=list[Row])
    except (msgspec.DecodeError, UnicodeError):
        return bad_request("image", f"its property {DEVICES} can't be read")
    if len(rows) > MAPPING_LIMIT:
        return bad_request("image", f"its property {DEVICES} has more than {MAPPING_LIMIT} devices")
    devices = (*_free(map(_device, rows), spec.block_devices), *spec.block_devices)
    has_root = any(device.boot_index == 0 for device in devices)
    return msgspec.structs.replace(
        spec,
        block_devices=devices,
        image_id="" if has_root else spec.image_id,
        image_properties={name: text for name, text in spec.image_properties.items() if name not in OWN},
    )


def _free(devices: Iterable[BlockDevice], asked: tuple[BlockDevice, ...]) -> list[BlockDevice]:
    names = {one.device_name for one in asked if one.device_name}
    own_root = any(one.boot_index == 0 for one in asked)
    return [one for one in devices if one.device_name not in names and not (own_root and one.boot_index == 0)]


def _device(row: Row) -> BlockDevice:
    return BlockDevice(
        source_type=row.source_type,
        destination_type=row.destination_type,
        source_id=row.snapshot_id or row.volume_id or row.image_id or "",
        boot_index=-1 if row.boot_index is None else row.boot_index,
        size_gib=row.volume_size or 0,
        guest_format=row.guest_format or "",
        delete_on_termination=bool(row.delete_on_termination),
        device_name=(row.device_name or "").removeprefix("/dev/"),
        disk_bus=row.disk_bus or "",
        tag=row.tag or "",
    )

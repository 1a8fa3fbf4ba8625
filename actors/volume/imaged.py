"""What becomes of a volume's row when an image is written over its data: pure, in Cinder's words.

Source: Cinder's specification "Add volume re-image API" and Nova's "volume-backed server rebuild", both of Yoga.
"""

from __future__ import annotations

from msgspec.structs import replace

from actors.errors import CallerError, bad_request, conflict
from actors.image.messages import DEVICES
from actors.messages import ImageLocation, ReimageRequest
from actors.records import Volume, VolumeAttachment
from actors.volume import rules
from actors.volume.states import TABLE, Event, after

FREE, FREE_OR_RESERVED = "available or error", "available or error or reserved"


def check_fits(image: ImageLocation, volume: Volume) -> None:
    """Raises `CallerError` 400."""
    if DEVICES in image.properties:
        raise CallerError(bad_request("image", f"image {image.image_id} is one of volumes, and no data of a disk"))
    least_gib = rules.image_size_gib(image)
    if volume.size_gib < least_gib:
        text = f"Volume {volume.id} is smaller than the minimum size specified in image metadata. "
        raise CallerError(bad_request("image", f"{text}Volume size is {volume.size_gib} GiB, minimum is {least_gib}"))


def begun(volume: Volume, holder: VolumeAttachment | None, reserved_too: bool) -> Volume:
    """The volume while it is written on its owner's word. Raises `CallerError` 400."""
    used = holder is not None and holder.of_server
    if used or (volume.status == "reserved" and not reserved_too) or (volume.status, Event.REIMAGE) not in TABLE:
        needed = FREE_OR_RESERVED if reserved_too else FREE
        text = f"Volume {volume.id} status must be {needed}, but current status is: {volume.status}."
        raise CallerError(bad_request("status", text))
    return _being_written(volume)


def begun_for_server(volume: Volume, holder: VolumeAttachment | None, request: ReimageRequest) -> Volume:
    """The volume while it is written for its server. Raises `CallerError` 409 where that does not have it there."""
    there = (request.instance_id, request.host)
    if holder is None or not holder.of_server or (holder.instance_id, holder.host) != there:
        raise CallerError(conflict("volume_id", f"volume {volume.id} is not attached to {request.instance_id} there"))
    return _being_written(volume)


def _being_written(volume: Volume) -> Volume:
    """Its server's boot made it once, and can't make it again: whatever comes now, it is not thrown away with that."""
    return replace(volume, status="downloading", made_for="")


def written(volume: Volume, holder: VolumeAttachment | None, image: ImageLocation) -> Volume:
    """… and when its data is the image's."""
    if holder is not None and holder.of_server:
        status = "in-use"
    else:
        status = after(volume.status, Event.REIMAGED_HELD if holder is not None else Event.REIMAGED)
    metadata = rules.Origin(image=image).image_metadata
    return replace(volume, status=status, bootable=True, image_id=image.image_id, image_metadata=metadata)

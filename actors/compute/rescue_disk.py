"""What an image says of the disk that a guest is rescued from, and whether it is fit for that. Pure.

Called by the compute API's door, which refuses, and by the hypervisor driver. Source: Nova's «Rescue an instance». An
image with `hw_rescue_device` or `hw_rescue_bus` leaves the guest's disks where they are and becomes one more, from
which the guest boots; any other is its first disk, with its own root disk as the second, and its volumes wait.
"""

from __future__ import annotations

from typing import NamedTuple

from actors.compute.block_info import cdrom_bus, disk_bus
from actors.errors import CallerError, CallerFault, bad_request
from actors.image.messages import DEVICES
from actors.messages import ImageLocation

DEVICE, BUS = "hw_rescue_device", "hw_rescue_bus"
KINDS = ("disk", "cdrom")
BUSES = ("virtio", "scsi", "ide", "sata", "usb")


class RescueDisk(NamedTuple):
    kind: str  # of `KINDS`
    bus: str  # of `BUSES`
    stable: bool  # the guest's own disks stay where they are


def rescue_disk(image: ImageLocation) -> RescueDisk:
    """Raises `CallerError` 400 for an image from which no guest can be rescued."""
    said = image.properties
    stable = DEVICE in said or BUS in said
    kind = said.get(DEVICE, "disk") if stable else ("cdrom" if image.disk_format == "iso" else "disk")
    bus = said.get(BUS, "") or (cdrom_bus(said) if kind == "cdrom" else disk_bus(said))
    if DEVICES in said or kind not in KINDS or bus not in BUSES or (kind, bus) == ("cdrom", "virtio"):
        raise CallerError(unsupported(image.image_id))
    return RescueDisk(kind, bus, stable)


def rescues_volumes(image: ImageLocation) -> bool:
    """Whether also a server can be rescued from it that boots from a volume: it says both, as Nova wants it."""
    return DEVICE in image.properties and BUS in image.properties


def unsupported(image_id: str) -> CallerFault:
    return bad_request("", f"Requested rescue image '{image_id}' is not supported")

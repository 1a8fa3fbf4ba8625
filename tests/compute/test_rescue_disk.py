"""What an image says of the disk that a guest is rescued from."""

from __future__ import annotations

import pytest

from actors.compute.rescue_disk import RescueDisk, rescue_disk, rescues_volumes
from actors.errors import CallerError
from actors.messages import ImageLocation


def image(disk_format: str = "qcow2", **properties: str) -> ImageLocation:
    return ImageLocation(
        image_id="i1", disk_format=disk_format, size=1, virtual_size=1, os_hash_value="", properties=properties, urls=()
    )


@pytest.mark.parametrize(
    ("given", "disk"),
    [
        (image(), RescueDisk("disk", "virtio", stable=False)),
        (image(hw_disk_bus="scsi"), RescueDisk("disk", "scsi", stable=False)),
        (image("iso"), RescueDisk("cdrom", "ide", stable=False)),
        (image("iso", hw_machine_type="q35"), RescueDisk("cdrom", "sata", stable=False)),
        (image(hw_rescue_bus="usb"), RescueDisk("disk", "usb", stable=True)),
        (image(hw_rescue_device="disk", hw_disk_bus="sata"), RescueDisk("disk", "sata", stable=True)),
        (image(hw_rescue_device="cdrom"), RescueDisk("cdrom", "ide", stable=True)),
        (image(hw_rescue_device="cdrom", hw_rescue_bus="scsi"), RescueDisk("cdrom", "scsi", stable=True)),
    ],
)
def test_the_image_says_device_bus_and_whether_the_others_stay(given: ImageLocation, disk: RescueDisk) -> None:
    assert rescue_disk(given) == disk


@pytest.mark.parametrize(
    "given",
    [
        image(hw_rescue_device="floppy"),
        image(hw_rescue_bus="xen"),
        image(hw_rescue_device="cdrom", hw_rescue_bus="virtio"),
        image(hw_disk_bus="fdc"),
        image(hw_disk_bus="no bus"),
        image(block_device_mapping="[]"),
    ],
)
def test_one_that_is_not_fit_is_refused(given: ImageLocation) -> None:
    with pytest.raises(CallerError) as refused:
        rescue_disk(given)
    assert refused.value.fault.status == 400


def test_a_server_on_a_volume_wants_both_words() -> None:
    assert rescues_volumes(image(hw_rescue_device="disk", hw_rescue_bus="virtio"))
    assert not any(map(rescues_volumes, (image(), image(hw_rescue_device="disk"), image(hw_rescue_bus="virtio"))))

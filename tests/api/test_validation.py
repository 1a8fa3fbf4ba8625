"""What the door refuses by itself: each refusal names its field."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from actors.api.messages import BootRequest
from actors.api.validation import (
    flavor_fault,
    hostname_of,
    image_fault,
    key_fault,
    local_disks_fault,
    name_fault,
    request_fault,
)
from actors.messages import BlockDevice, ImageLocation, NetworkRequest
from actors.records import Flavor

LIMIT = 65_535
GIB = 1 << 30


def request(**changes: Any) -> BootRequest:
    fields: dict[str, Any] = {"token": "t", "name": "vm", "flavor": "tiny", "image": "i"}
    return BootRequest(**(fields | changes))


def test_a_plain_request_passes() -> None:
    assert request_fault(request(), LIMIT) is None


@pytest.mark.parametrize("name", ["", "  ", "a" * 256, "tab\there", "bell\x07", "<domain>"])
def test_a_wrong_name_is_named(name: str) -> None:
    fault = name_fault("name", name)
    assert fault is not None
    assert (fault.status, fault.field) == (400, "name")


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("count", {"count": 0}),
        ("count", {"count": 1001}),
        ("networks", {"count": 2, "networks": (NetworkRequest(network_id="n", fixed_ip="10.0.0.5"),)}),
        ("networks", {"networks": (NetworkRequest(port_id="p"), NetworkRequest(port_id="p"))}),
        ("networks[0]", {"networks": (NetworkRequest(),)}),
        ("network_mode", {"network_mode": "some"}),
        ("user_data", {"user_data": base64.b64encode(bytes(1 << 20)).decode()}),
        ("user_data", {"user_data": "not base64!"}),
        ("metadata", {"metadata": {str(n): "" for n in range(1_001)}}),
        ("metadata[k]", {"metadata": {"k": "v" * 256}}),
        ("public_key", {"public_key": "hello"}),
        ("image", {"image": ""}),
        (
            "block_device_mapping_v2[0].source_type",
            {"block_devices": (BlockDevice(source_type="x", destination_type="local"),)},
        ),
        (
            "block_device_mapping_v2[0].source_id",
            {"block_devices": (BlockDevice(source_type="volume", destination_type="volume"),)},
        ),
        (
            "block_device_mapping_v2[0].device_type",
            {"block_devices": (BlockDevice(source_type="blank", destination_type="local", device_type="floppy"),)},
        ),
        (
            "block_device_mapping_v2[0].disk_bus",
            {
                "block_devices": (
                    BlockDevice(
                        source_type="blank",
                        destination_type="volume",
                        size_gib=1,
                        device_type="cdrom",
                        disk_bus="virtio",
                    ),
                )
            },
        ),
        (
            "block_device_mapping_v2[0].size_gib",
            {"block_devices": (BlockDevice(source_type="blank", destination_type="volume"),)},
        ),
    ],
)
def test_a_wrong_field_is_named(field: str, changes: dict[str, Any]) -> None:
    fault = request_fault(request(**changes), LIMIT)
    assert fault is not None
    assert (fault.status, fault.field) == (400, field)


def flavor(**changes: Any) -> Flavor:
    fields: dict[str, Any] = {"id": "f", "name": "f", "vcpus": 1, "ram_mib": 128, "disk_gib": 1}
    return Flavor(**(fields | changes))


def image(**changes: Any) -> ImageLocation:
    fields: dict[str, Any] = {
        "image_id": "i",
        "disk_format": "qcow2",
        "size": 1,
        "virtual_size": GIB,
        "os_hash_value": "",
        "properties": {},
        "urls": (),
    }
    return ImageLocation(**(fields | changes))


def test_an_image_must_fit_its_flavor() -> None:
    assert image_fault(image(), flavor()) is None
    assert image_fault(image(virtual_size=50 * GIB), flavor(disk_gib=0)) is None
    for wrong in (image(virtual_size=GIB + 1), image(min_disk_gib=2), image(min_ram_mib=256)):
        fault = image_fault(wrong, flavor())
        assert fault is not None and fault.field == "flavor"


def test_local_disks_are_no_larger_than_the_flavor_s() -> None:
    def blank(size: int, guest_format: str = "") -> BlockDevice:
        return BlockDevice(
            source_type="blank", destination_type="local", size_gib=size, boot_index=-1, guest_format=guest_format
        )

    volume = BlockDevice(source_type="blank", destination_type="volume", size_gib=99, boot_index=-1)
    has = flavor(ephemeral_gib=2, swap_mib=64)
    for fits in ((), (volume,), (blank(1), blank(1), blank(64, "swap"))):
        assert local_disks_fault(fits, has) is None
    for wrong in ((blank(3),), (blank(1), blank(2)), (blank(65, "swap"),), (blank(1, "swap"), blank(1, "swap"))):
        fault = local_disks_fault(wrong, has)
        assert fault is not None and fault.status == 400


def test_a_flavor_needs_a_cpu_and_memory() -> None:
    assert flavor_fault(flavor()) is None
    for field, wrong in (("vcpus", 0), ("ram_mib", 0), ("disk_gib", -1), ("swap_mib", -1)):
        fault = flavor_fault(flavor(**{field: wrong}))
        assert fault is not None and fault.field == field


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Web_1.prod", "web-1-prod"),
        ("été", "ete"),
        ("-x-", "x"),
        ("日本", ""),
        ("a" * 80, "a" * 63),
        ("my vm!", "my-vm"),
    ],
)
def test_a_host_name_is_a_dns_label(name: str, label: str) -> None:
    assert hostname_of(name) == label


def test_keys_are_one_line_of_a_known_type() -> None:
    assert key_fault("k", "ssh-ed25519 AAAA me") is None
    assert key_fault("k", "ssh-ed25519 AAAA\nssh-rsa BBBB") is not None

"""Is a boot request well formed, and does its image fit its flavor? Pure: each check names the field and the reason.

Limits are Nova's own unless the line says otherwise. A request that passes here can still be refused by the rooms that
own networks, images and volumes; the API asks them before anything is recorded.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterable

from actors.api.messages import BootRequest
from actors.errors import CallerFault, bad_request
from actors.messages import BlockDevice, ImageLocation
from actors.records import Flavor

NAME_LIMIT = 255  # characters
COUNT_LIMIT = 1_000  # servers in one request (osapi_max_limit)
WAIT_LIMIT_S = 7 * 24 * 3600.0  # for room
METADATA_LIMIT = 1_000  # items of one server, whatever the quota says
METADATA_VALUE_LIMIT = 255  # characters
GIB = 1 << 30

SPEC_KEY = re.compile(r"[a-zA-Z0-9_.: -]{1,255}")
SOURCES = ("image", "volume", "snapshot", "blank")
DEVICE_TYPES = ("", "disk", "cdrom")  # Nova's floppy and lun are for other hypervisors
DESTINATIONS = ("local", "volume")
CURVES = ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")
PLAIN_KEYS = ("ssh-rsa", "ssh-ed25519", *CURVES, "ssh-dss")
HARDWARE_KEYS = ("sk-ssh-ed25519", "sk-ecdsa-sha2-nistp256")
KEY_TYPES = (  # OpenSSH's, as ssh-keygen and ssh-add print them
    *PLAIN_KEYS,
    *(f"{name}@openssh.com" for name in HARDWARE_KEYS),
    *(f"{name}-cert-v01@openssh.com" for name in (*PLAIN_KEYS, *HARDWARE_KEYS)),
)


def request_fault(request: BootRequest, user_data_limit: int) -> CallerFault | None:
    """The first thing wrong with the request itself, but for the name of its server (`name_fault`)."""
    return (
        _count_fault(request)
        or _wait_fault(request)
        or _network_fault(request)
        or user_data_fault(request.user_data, user_data_limit)
        or metadata_fault(request.metadata)
        or key_fault("public_key", request.public_key)
        or _devices_fault(request)
    )


def name_fault(field: str, name: str) -> CallerFault | None:
    if not name.strip():
        return bad_request(field, "must not be empty")
    if len(name) > NAME_LIMIT:
        return bad_request(field, f"is {len(name)} characters long; at most {NAME_LIMIT} are allowed")
    if not name.isprintable() and any(unicodedata.category(character).startswith("C") for character in name):
        return bad_request(field, "must not contain control characters")
    if "<" in name or ">" in name:
        return bad_request(field, "must not contain markup ('<' or '>')")
    return None


def _count_fault(request: BootRequest) -> CallerFault | None:
    if not 1 <= request.count <= COUNT_LIMIT:
        return bad_request("count", f"must be from 1 to {COUNT_LIMIT}, not {request.count}")
    if not 0 <= request.min_count <= request.count:
        return bad_request("min_count", f"must be from 0 to count, which is {request.count}, not {request.min_count}")
    if request.count > 1 and any(network.port_id or network.fixed_ip for network in request.networks):
        return bad_request("networks", "a port or a fixed address can be given to one server only, not to several")
    return None


def _wait_fault(request: BootRequest) -> CallerFault | None:
    if not 0 <= request.wait_for_capacity_s <= WAIT_LIMIT_S:  # refuses NaN too
        return bad_request(
            "wait_for_capacity_s", f"must be from 0 to {WAIT_LIMIT_S:g} s, not {request.wait_for_capacity_s:g}"
        )
    return None


def _network_fault(request: BootRequest) -> CallerFault | None:
    if not request.networks and request.network_mode not in ("auto", "none"):
        return bad_request("network_mode", f"must be 'auto' or 'none', not {request.network_mode!r}")
    for index, network in enumerate(request.networks):
        if not network.network_id and not network.port_id:
            return bad_request(f"networks[{index}]", "names neither a network nor a port")
    ports = [network.port_id for network in request.networks if network.port_id]
    if len(ports) != len(set(ports)):
        return bad_request("networks", "the same port is asked for twice")
    return None


def user_data_fault(user_data: str, limit: int) -> CallerFault | None:
    if not user_data:
        return None
    if len(user_data) > limit:
        return bad_request("user_data", f"is {len(user_data)} characters of base64; at most {limit} are allowed")
    try:
        base64.b64decode(user_data, validate=True)
    except (binascii.Error, ValueError):
        return bad_request("user_data", "is not base64")
    return None


def metadata_fault(metadata: dict[str, str]) -> CallerFault | None:
    if len(metadata) > METADATA_LIMIT:
        return bad_request("metadata", f"has {len(metadata)} items; at most {METADATA_LIMIT} are allowed")
    for key, value in metadata.items():
        if not key or len(key) > METADATA_VALUE_LIMIT or len(value) > METADATA_VALUE_LIMIT:
            return bad_request(f"metadata[{key[:40]}]", f"keys and values have 1 to {METADATA_VALUE_LIMIT} characters")
    return None


def key_fault(field: str, public_key: str) -> CallerFault | None:
    """An OpenSSH public key: type and base64 on one line ('' passes)."""
    if public_key and (public_key.split(" ", 1)[0] not in KEY_TYPES or "\n" in public_key.strip()):
        return bad_request(field, f"is not one OpenSSH public key ({', '.join(PLAIN_KEYS)}, ...)")
    return None


def _devices_fault(request: BootRequest) -> CallerFault | None:
    for index, device in enumerate(request.block_devices):
        if fault := _device_fault(f"block_device_mapping_v2[{index}]", device):
            return fault
    roots = [device for device in request.block_devices if device.boot_index == 0]
    if len(roots) > 1:
        return bad_request("block_device_mapping_v2", "only one device can have boot_index 0")
    if roots and request.image and roots[0].destination_type == "volume" and roots[0].source_type != "image":
        return bad_request(
            "block_device_mapping_v2", "the server boots either from the image or from the volume with boot_index 0"
        )
    if not request.image and not roots:
        return bad_request("image", "is needed, or else a block device with boot_index 0")
    return None


def _device_fault(field: str, device: BlockDevice) -> CallerFault | None:
    if device.source_type not in SOURCES:
        return bad_request(f"{field}.source_type", f"must be one of {', '.join(SOURCES)}")
    if device.destination_type not in DESTINATIONS:
        return bad_request(f"{field}.destination_type", f"must be one of {', '.join(DESTINATIONS)}")
    if device.source_type in ("volume", "snapshot") and device.destination_type == "local":
        return bad_request(f"{field}.destination_type", f"a {device.source_type} can't become a local disk")
    if device.source_type != "blank" and not device.source_id:
        return bad_request(f"{field}.source_id", f"is needed for a {device.source_type}")
    if device.device_type not in DEVICE_TYPES:
        return bad_request(f"{field}.device_type", f"must be one of {', '.join(filter(None, DEVICE_TYPES))}")
    name = device.device_name.removeprefix("/dev/")
    if device.device_type == "cdrom" and (device.disk_bus == "virtio" or name.startswith("vd")):
        return bad_request(f"{field}.disk_bus", "a CD-ROM can't be on the bus 'virtio'")
    if device.source_type == "blank" and device.size_gib < 1:
        return bad_request(f"{field}.size_gib", "is needed for a blank device, at least 1")
    return None


def local_disks_fault(devices: Iterable[BlockDevice], flavor: Flavor) -> CallerFault | None:
    """Do the swap disk (MiB) and the ephemeral disks (GiB) that are asked for fit the flavor? The host would refuse
    them too, when the server was answered for already."""
    blanks = [device for device in devices if (device.source_type, device.destination_type) == ("blank", "local")]
    swaps = [device.size_gib for device in blanks if device.guest_format == "swap"]
    ephemerals = [device.size_gib for device in blanks if device.guest_format != "swap"]
    if len(swaps) > 1:
        return bad_request("block_device_mapping_v2", "More than one swap drive requested.")
    if sum(swaps) > flavor.swap_mib:
        text = f"Swap drive requested is larger than the flavor's: {sum(swaps)} of {flavor.swap_mib} MiB."
        return bad_request("block_device_mapping_v2", text)
    if sum(ephemerals) > flavor.ephemeral_gib:
        text = (
            f"Ephemeral disks requested are larger than the flavor's: {sum(ephemerals)} of {flavor.ephemeral_gib} GiB."
        )
        return bad_request("block_device_mapping_v2", text)
    return None


def image_fault(image: ImageLocation, flavor: Flavor) -> CallerFault | None:
    """Does the image fit the flavor? A flavor with 0 GiB of disk takes the image's own size, as in Nova."""
    if flavor.ram_mib < image.min_ram_mib:
        return bad_request(
            "flavor", f"{flavor.name} has {flavor.ram_mib} MiB of RAM; the image needs {image.min_ram_mib}"
        )
    if not flavor.disk_gib:
        return None
    needed_gib = max(image.min_disk_gib, -(-image.virtual_size // GIB))
    if flavor.disk_gib < needed_gib:
        return bad_request("flavor", f"{flavor.name} has {flavor.disk_gib} GiB of disk; the image needs {needed_gib}")
    return None


def flavor_fault(flavor: Flavor) -> CallerFault | None:
    for field, value, least in (
        ("vcpus", flavor.vcpus, 1),
        ("ram_mib", flavor.ram_mib, 1),
        ("disk_gib", flavor.disk_gib, 0),
    ):
        if value < least:
            return bad_request(field, f"must be at least {least}, not {value}")
    if flavor.ephemeral_gib < 0 or flavor.swap_mib < 0:
        return bad_request("ephemeral_gib" if flavor.ephemeral_gib < 0 else "swap_mib", "must not be negative")
    return name_fault("name", flavor.name)


def specs_fault(specs: dict[str, str]) -> CallerFault | None:
    """Keys of letters, digits and `_-.: `; values of at most 255 characters."""
    for key, value in specs.items():
        if not SPEC_KEY.fullmatch(key) or len(value) > NAME_LIMIT:
            return bad_request("extra_specs", f"{key[:40]!r} is no key of a flavor, or its value is too long")
    return None


def hostname_of(name: str) -> str:
    """A DNS label (RFC 1123) from a server's name, by the rules of Nova's sanitize_hostname."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    label = re.sub(r"[^a-z0-9-]+", "-", re.sub(r"[ _.]+", "-", ascii_name.lower())).strip("-")
    return label[:63].strip("-")

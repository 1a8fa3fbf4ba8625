"""Which disks a guest has, in order, each with its bus and its device name (BOOT_FLOW B2 and B3). Pure.

Called by the step `block_devices`. The rules are Nova's: root first, then ephemeral disks, swap, volumes, and the
config drive last; names count up by bus (`vda`, `vdb` …, `hda` for a CD-ROM on a `pc` machine); a requested name is
honoured and decides the bus. Invariant: no two disks of a guest share a name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from string import ascii_lowercase

import msgspec

from actors.compute.build import Disk
from actors.errors import CallerError, bad_request, conflict
from actors.messages import BlockDevice, BootSpec, ConnectionInfo

MAPPING = "block_device_mapping_v2"
BUS_PREFIXES = {"virtio": "vd", "ide": "hd", "sata": "sd", "scsi": "sd", "usb": "sd", "fdc": "fd"}
PREFIX_BUSES = {"vd": "virtio", "hd": "ide", "sd": "scsi", "fd": "fdc"}
IDE_DISKS = 4  # two channels of two
DISKS_A_BUS = 26 * 27  # a to zz
EPHEMERAL_FORMAT = "ext4"  # what Nova formats a Linux guest's ephemeral disk with


def disks_for(spec: BootSpec, connections: tuple[ConnectionInfo, ...]) -> list[Disk]:
    """Every disk of the guest. `connections` are those of the mappings whose destination is a volume, in their order.

    Raises CallerError where the mapping can't be had: nothing to boot from, a name asked for twice, a full bus.
    """
    wanted = list(_wanted(spec, connections))
    if not any(one.disk.boot_index == 0 for one in wanted):
        raise CallerError(bad_request(MAPPING, "nothing has boot_index 0 and no image is given: nothing to boot from"))
    return _named(wanted, spec.image_properties)


def named_volumes(spec: BootSpec) -> tuple[BlockDevice, ...]:
    """The mappings whose destination is a volume, in order, each under the name that its disk has: `/dev/vdb`.

    Raises CallerError as `disks_for`.
    """
    volumes = [device for device in spec.block_devices if device.destination_type == "volume"]
    if not volumes:
        return ()
    disks = disks_for(spec, unconnected(spec))
    names = {disk.connection.volume_id: disk.device for disk in disks if disk.connection}
    return tuple(
        msgspec.structs.replace(device, device_name=f"/dev/{names[str(place)]}") for place, device in enumerate(volumes)
    )


def unconnected(spec: BootSpec) -> tuple[ConnectionInfo, ...]:
    """In place of connections that nobody has asked for yet: the id of each volume is its place."""
    volumes = [device for device in spec.block_devices if device.destination_type == "volume"]
    return tuple(ConnectionInfo(volume_id=str(place), size_gib=0, export="") for place in range(len(volumes)))


def root_as_cdrom(disks: list[Disk], image_properties: dict[str, str]) -> list[Disk]:
    """The same disks where the image turns out to be an ISO: the guest boots from a CD-ROM."""
    bus = cdrom_bus(image_properties)
    taken = {disk.device for disk in disks if disk.role != "root"}
    device = next(name for name in device_names(bus) if name not in taken)
    return [replace(disk, kind="cdrom", bus=bus, device=device) if disk.role == "root" else disk for disk in disks]


def one_more(disks: list[Disk], device: BlockDevice, image_properties: dict[str, str]) -> Disk:
    """The disk that a volume becomes which is attached to a guest that has these."""
    taken = {disk.device for disk in disks}
    name = device.device_name.removeprefix("/dev/")
    if name in taken:
        raise CallerError(conflict("device", f"The supplied device path (/dev/{name}) is in use."))
    disk = Disk(role="volume", device="", bus=device.disk_bus, format="raw", serial=device.source_id, tag=device.tag)
    return _with_name(_Wanted(disk, name), taken, image_properties)


def disk_bus(image_properties: dict[str, str]) -> str:
    bus = image_properties.get("hw_disk_bus", "virtio")
    if bus not in BUS_PREFIXES:
        raise CallerError(bad_request("hw_disk_bus", f"'{bus}' is none of {', '.join(BUS_PREFIXES)}"))
    return bus


def cdrom_bus(image_properties: dict[str, str]) -> str:
    """A `q35` machine has no IDE controller, a `pc` no SATA."""
    default = "sata" if "q35" in image_properties.get("hw_machine_type", "") else "ide"
    return image_properties.get("hw_cdrom_bus", default)


# ---------------------------------------------------------------- which disks


@dataclass(frozen=True, slots=True)
class _Wanted:
    disk: Disk
    name: str = ""  # as requested, without /dev/


def _wanted(spec: BootSpec, connections: tuple[ConnectionInfo, ...]) -> Iterator[_Wanted]:
    volumes = [device for device in spec.block_devices if device.destination_type == "volume"]
    attached = list(zip(volumes, connections, strict=True))
    yield from _root(spec)
    yield from (_volume(device, connection) for device, connection in attached if device.boot_index == 0)
    yield from _ephemerals(spec)
    yield from _swap(spec)
    yield from (_volume(device, connection) for device, connection in attached if device.boot_index != 0)
    if spec.config_drive:
        yield _Wanted(Disk(role="config", device="", bus=cdrom_bus(spec.image_properties), format="raw", kind="cdrom"))


def _root(spec: BootSpec) -> Iterator[_Wanted]:
    """The image's own disk, unless something else has boot_index 0."""
    images = [d for d in spec.block_devices if d.destination_type == "local" and d.source_type == "image"]
    for device in images:
        if device.boot_index != 0:
            raise CallerError(bad_request(MAPPING, "an image on a local disk must have boot_index 0"))
        yield _local(device, Disk(role="root", device="", bus="", format="qcow2", boot_index=0))
    if spec.image_id and not any(device.boot_index == 0 for device in spec.block_devices):
        yield _Wanted(Disk(role="root", device="", bus="", format="qcow2", boot_index=0))


def _ephemerals(spec: BootSpec) -> Iterator[_Wanted]:
    """Those asked for, within the flavor's size; else one of the flavor's whole size."""
    rows = [device for device in _blanks(spec) if device.guest_format != "swap"]
    whole_gib = spec.flavor.ephemeral_gib
    if not rows and whole_gib:
        rows = [BlockDevice(source_type="blank", destination_type="local")]
    sizes = [device.size_gib or whole_gib for device in rows]
    if sum(sizes) > whole_gib:
        message = f"{sum(sizes)} GiB of ephemeral disks; flavor '{spec.flavor.name}' has {whole_gib}"
        raise CallerError(bad_request(MAPPING, message))
    for device, size_gib in zip(rows, sizes, strict=True):
        guest_format = device.guest_format or EPHEMERAL_FORMAT
        disk = Disk(role="ephemeral", device="", bus="", format="raw", boot_index=device.boot_index)
        yield _local(device, replace(disk, size_mib=size_gib * 1024, guest_format=guest_format))


def _swap(spec: BootSpec) -> Iterator[_Wanted]:
    """A swap row's size is in MiB, as in Nova's mapping."""
    rows = [device for device in _blanks(spec) if device.guest_format == "swap"]
    if not rows and spec.flavor.swap_mib:
        rows = [BlockDevice(source_type="blank", destination_type="local", guest_format="swap")]
    if len(rows) > 1:
        raise CallerError(bad_request(MAPPING, "more than one swap disk"))
    for device in rows:
        size_mib = device.size_gib or spec.flavor.swap_mib
        if not 0 < size_mib <= spec.flavor.swap_mib:
            message = f"{size_mib} MiB of swap; flavor '{spec.flavor.name}' has {spec.flavor.swap_mib}"
            raise CallerError(bad_request(MAPPING, message))
        disk = Disk(role="swap", device="", bus="", format="raw", size_mib=size_mib, guest_format="swap")
        yield _local(device, disk)


def _blanks(spec: BootSpec) -> list[BlockDevice]:
    return [d for d in spec.block_devices if d.destination_type == "local" and d.source_type == "blank"]


def _volume(device: BlockDevice, connection: ConnectionInfo) -> _Wanted:
    serial = connection.serial or connection.volume_id
    disk = Disk(role="volume", device="", bus="", format="raw", connection=connection, serial=serial)
    return _local(device, replace(disk, boot_index=device.boot_index))


def _local(device: BlockDevice, disk: Disk) -> _Wanted:
    """What the mapping's row says of any disk: bus, tag, requested name, whether it is a CD-ROM."""
    kind = device.device_type or disk.kind
    name = device.device_name.removeprefix("/dev/")
    return _Wanted(replace(disk, bus=device.disk_bus, tag=device.tag, kind=kind), name)


# ---------------------------------------------------------------- their names


def _named(wanted: list[_Wanted], image_properties: dict[str, str]) -> list[Disk]:
    taken: set[str] = set()
    for one in wanted:
        if one.name in taken:
            raise CallerError(bad_request(MAPPING, f"the device name '{one.name}' is asked for twice"))
        taken |= {one.name} - {""}
    return [_with_name(one, taken, image_properties) for one in wanted]


def _with_name(one: _Wanted, taken: set[str], image_properties: dict[str, str]) -> Disk:
    is_cdrom = one.disk.kind == "cdrom"
    bus = one.disk.bus or (cdrom_bus(image_properties) if is_cdrom else disk_bus(image_properties))
    if bus not in BUS_PREFIXES:
        raise CallerError(bad_request(MAPPING, f"'{bus}' is no disk bus; known are {', '.join(BUS_PREFIXES)}"))
    if one.name:
        bus = _bus_of(one.name, bus)
    if is_cdrom and bus == "virtio":
        raise CallerError(bad_request(MAPPING, "a CD-ROM can't be on the bus 'virtio'"))
    if one.name:
        return replace(one.disk, device=one.name, bus=bus)
    device = next((name for name in device_names(bus) if name not in taken), "")
    if not device:
        raise CallerError(bad_request(MAPPING, f"no more room for disks on the bus '{bus}'"))
    taken.add(device)
    return replace(one.disk, device=device, bus=bus)


def _bus_of(name: str, bus: str) -> str:
    """The bus asked for if the name fits it, else the one that the name is of."""
    prefix, letters = name[:2], name[2:]
    if prefix not in PREFIX_BUSES or not letters or not set(letters) <= set(ascii_lowercase):
        raise CallerError(bad_request(MAPPING, f"'{name}' is no device name (such as vdb)"))
    return bus if BUS_PREFIXES[bus] == prefix else PREFIX_BUSES[prefix]


def device_names(bus: str) -> Iterator[str]:
    limit = IDE_DISKS if bus == "ide" else DISKS_A_BUS
    for index in range(limit):
        first, last = divmod(index, 26)
        yield BUS_PREFIXES[bus] + (ascii_lowercase[first - 1] if first else "") + ascii_lowercase[last]

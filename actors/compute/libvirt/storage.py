"""The guest's disks as elements of its definition, and the files that are theirs. Pure.

Called by `guest_xml.py` and by `disks.py`, which makes the files. A disk is a file under the instance's folder or an
NBD export; the path is found from the instance id and the disk alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from actors.compute.build import Disk
from actors.compute.libvirt.elements import element, leaf
from actors.compute.libvirt.hardware import Hardware
from actors.messages import ConnectionInfo

# Guests of one image read it through the host's page cache (a guest's own flush still reaches the disk).
CACHE_MODE = "writeback"
IO_QUOTAS = (
    "read_bytes_sec",
    "write_bytes_sec",
    "total_bytes_sec",
    "read_iops_sec",
    "write_iops_sec",
    "total_iops_sec",
)
CONSOLE_LOG = "console.log"
NVRAM = "nvram.fd"  # goes with the root disk wherever that goes


def disk_files(folder: Path, disks: list[Disk]) -> dict[str, Path]:
    """The file of each local disk, by its device name; Nova's names: disk, disk.eph0, disk.swap, disk.config."""
    ephemerals = [disk for disk in disks if disk.role == "ephemeral"]
    names = {disk.device: f"disk.eph{index}" for index, disk in enumerate(ephemerals)}
    fixed = {"root": "disk", "swap": "disk.swap", "config": "disk.config"}
    names |= {disk.device: fixed[disk.role] for disk in disks if disk.role in fixed}
    return {device: folder / name for device, name in names.items()}


def disk_elements(disks: list[Disk], files: dict[str, Path], wanted: Hardware) -> Iterator[Element]:
    orders = _boot_orders(disks)
    for disk in disks:
        yield disk_element(disk, files, orders.get(disk.device, 0), wanted)
    if any(disk.bus == "scsi" for disk in disks):
        model = wanted.text("scsi_model", "virtio-scsi")
        yield element("controller", {"type": "scsi", "index": 0, "model": model})


def _boot_orders(disks: list[Disk]) -> dict[str, int]:
    """libvirt counts from one; disks without a boot index are never booted from."""
    bootable = sorted((disk for disk in disks if disk.boot_index >= 0), key=lambda disk: disk.boot_index)
    return {disk.device: order for order, disk in enumerate(bootable, start=1)}


def disk_element(disk: Disk, files: dict[str, Path], order: int, wanted: Hardware) -> Element:
    """One disk; `order` is its place in the boot order (0 = never)."""
    kind = "network" if disk.connection else "file"
    made = element("disk", {"type": kind, "device": disk.kind})
    discard = "unmap" if disk.kind == "disk" else ""
    leaf(made, "driver", "", {"name": "qemu", "type": disk.format, "cache": CACHE_MODE, "discard": discard})
    if disk.connection:
        made.append(_nbd_source(disk.connection))
    else:
        leaf(made, "source", "", {"file": str(disk.path or files[disk.device])})
    leaf(made, "target", "", {"dev": disk.device, "bus": disk.bus})
    limits = {name: wanted.quota(f"disk_{name}") for name in IO_QUOTAS}
    if disk.kind == "disk" and any(limits.values()):
        made.append(_iotune(limits))
    if disk.kind == "cdrom":
        leaf(made, "readonly")
    if disk.serial:
        leaf(made, "serial", disk.serial)
    if order:
        leaf(made, "boot", "", {"order": order})
    return made


def _nbd_source(connection: ConnectionInfo) -> Element:
    if connection.unix_socket:
        where = element("host", {"transport": "unix", "socket": connection.unix_socket})
    else:
        where = element("host", {"name": connection.host, "port": connection.port})
    return element("source", {"protocol": "nbd", "name": connection.export}, where)


def _iotune(limits: dict[str, int]) -> Element:
    tune = element("iotune")
    for name, value in limits.items():
        if value:
            leaf(tune, name, value)
    return tune

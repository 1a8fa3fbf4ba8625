"""What is done to a libvirt domain that has been built, each act blocking and harmless when repeated.

Called through `Connection.call`, so in threads. A device is changed in the running guest and in its definition alike,
so that it is there, or gone, after the next start too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import libvirt

from actors.compute.libvirt.domains import ALIVE, find
from actors.states import Power

POWERS = {
    libvirt.VIR_DOMAIN_NOSTATE: Power.NOSTATE,
    libvirt.VIR_DOMAIN_RUNNING: Power.RUNNING,
    libvirt.VIR_DOMAIN_BLOCKED: Power.RUNNING,
    libvirt.VIR_DOMAIN_PAUSED: Power.PAUSED,
    libvirt.VIR_DOMAIN_SHUTDOWN: Power.RUNNING,  # on its way down: its end is an event of its own
    libvirt.VIR_DOMAIN_SHUTOFF: Power.SHUTDOWN,
    libvirt.VIR_DOMAIN_CRASHED: Power.CRASHED,
    libvirt.VIR_DOMAIN_PMSUSPENDED: Power.SUSPENDED,
}
COPY_FLAGS = libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB


def power(connection: libvirt.virConnect, instance_id: str) -> Power | None:
    domain = find(connection, instance_id)
    return None if domain is None else POWERS[domain.state()[0]]


def powers(connection: libvirt.virConnect) -> dict[str, Power]:
    return {domain.UUIDString(): POWERS[domain.state()[0]] for domain in connection.listAllDomains()}


def ask_to_shut_down(connection: libvirt.virConnect, instance_id: str) -> None:
    """A guest that is paused can't hear it."""
    domain = connection.lookupByUUIDString(instance_id)
    if domain.state()[0] in ALIVE:
        domain.shutdown()


def pause(connection: libvirt.virConnect, instance_id: str) -> None:
    domain = connection.lookupByUUIDString(instance_id)
    if domain.state()[0] in ALIVE:
        domain.suspend()


def save(connection: libvirt.virConnect, instance_id: str) -> None:
    """Its memory to disk, from where the next start takes it."""
    domain = connection.lookupByUUIDString(instance_id)
    if domain.isActive():
        domain.managedSave()


def forget_memory(connection: libvirt.virConnect, instance_id: str) -> None:
    """A guest that is switched off while its memory is on disk starts from nothing again."""
    domain = connection.lookupByUUIDString(instance_id)
    if domain.hasManagedSaveImage():
        domain.managedSaveRemove()


def definition(connection: libvirt.virConnect, instance_id: str) -> Element:
    """As it runs; of one that does not, as it is defined."""
    return ElementTree.fromstring(connection.lookupByUUIDString(instance_id).XMLDesc())


def disk_of(root: Element, volume_id: str) -> Element | None:
    return next((one for one in root.iterfind("./devices/disk") if one.findtext("serial") == volume_id), None)


def interface_of(root: Element, mac_address: str) -> Element | None:
    return next((one for one in root.iterfind("./devices/interface") if _mac(one) == mac_address), None)


def _mac(interface: Element) -> str:
    mac = interface.find("mac")
    return "" if mac is None else mac.get("address", "")


def attach(connection: libvirt.virConnect, instance_id: str, device: str) -> None:
    domain = connection.lookupByUUIDString(instance_id)
    domain.attachDeviceFlags(device, _wherever(domain))


def detach(connection: libvirt.virConnect, instance_id: str, device: Element) -> None:
    """From its definition now, from the running guest when the guest lets go of it."""
    domain = connection.lookupByUUIDString(instance_id)
    domain.detachDeviceFlags(ElementTree.tostring(device, encoding="unicode"), _wherever(domain))


def _wherever(domain: libvirt.virDomain) -> int:
    live: int = libvirt.VIR_DOMAIN_AFFECT_LIVE if domain.isActive() else 0
    return live | int(libvirt.VIR_DOMAIN_AFFECT_CONFIG)


# ---------------------------------------------------------------- copies


def begin_copy(connection: libvirt.virConnect, instance_id: str, device: str, target: Path) -> bool:
    """Copy a disk of a running guest while it goes on writing. False: the guest does not run."""
    domain = connection.lookupByUUIDString(instance_id)
    if not domain.isActive():
        return False
    if domain.blockJobInfo(device):
        domain.blockJobAbort(device)  # of an earlier life of ours
    wanted = f"<disk type='file'><source file='{target}'/><driver type='qcow2'/></disk>"
    domain.blockCopy(device, wanted, {}, COPY_FLAGS)
    return True


def copy_is_whole(connection: libvirt.virConnect, instance_id: str, device: str) -> bool:
    """Whether source and copy are the same now. Raises libvirtError where the copy failed."""
    found = connection.lookupByUUIDString(instance_id).blockJobInfo(device)
    return bool(found) and found["end"] > 0 and found["cur"] == found["end"]


def end_copy(connection: libvirt.virConnect, instance_id: str, device: str) -> None:
    """The copy is what the disk was at this moment."""
    domain = connection.lookupByUUIDString(instance_id)
    if domain.isActive() and domain.blockJobInfo(device):
        domain.blockJobAbort(device)


def root_device(root: Element) -> tuple[str, str]:
    """The name and the file of the disk that Nova calls `disk`; ('', '') for a guest that boots from a volume."""
    for disk in root.iterfind("./devices/disk"):
        source, target = disk.find("source"), disk.find("target")
        if source is not None and target is not None and source.get("file", "").endswith("/disk"):
            return target.get("dev", ""), source.get("file", "")
    return "", ""


def vnc_port(root: Element) -> int:
    """0: it has no such screen, or does not run."""
    found = root.find("./devices/graphics[@type='vnc']")
    return max(int(found.get("port", "0")), 0) if found is not None else 0


# ---------------------------------------------------------------- diagnostics


def diagnostics(connection: libvirt.virConnect, instance_id: str) -> dict[str, Any]:
    """Nova's server diagnostics, what libvirt knows of them."""
    domain = connection.lookupByUUIDString(instance_id)
    state, maximum_kib, used_kib, vcpus, cpu_time_ns = domain.info()
    root = ElementTree.fromstring(domain.XMLDesc())
    active = bool(domain.isActive())
    return {
        "state": POWERS[state].lower(),
        "hypervisor": root.get("type"),
        "hypervisor_os": "linux",
        "memory_details": {"maximum": maximum_kib // 1024, "used": used_kib // 1024},
        "cpu_details": [{"id": index, "time": cpu_time_ns // vcpus, "utilisation": None} for index in range(vcpus)],
        "nic_details": [_nic(domain, one, active) for one in root.iterfind("./devices/interface")],
        "disk_details": [_disk(domain, one, active) for one in root.iterfind("./devices/disk")],
    }


def _nic(domain: libvirt.virDomain, interface: Element, active: bool) -> dict[str, Any]:
    target = interface.find("target")
    counted = domain.interfaceStats(target.get("dev")) if active and target is not None else (0,) * 8
    names = ("octets", "packets", "errors", "drop")
    received = {f"rx_{name}": value for name, value in zip(names, counted[:4], strict=True)}
    sent = {f"tx_{name}": value for name, value in zip(names, counted[4:], strict=True)}
    return {"mac_address": _mac(interface), "rx_rate": None, "tx_rate": None} | received | sent


def _disk(domain: libvirt.virDomain, disk: Element, active: bool) -> dict[str, Any]:
    target = disk.find("target")
    counted = domain.blockStats(target.get("dev")) if active and target is not None else (0,) * 5
    reads, read_bytes, writes, write_bytes, errors = counted
    return {
        "read_bytes": read_bytes,
        "read_requests": reads,
        "write_bytes": write_bytes,
        "write_requests": writes,
        "errors_count": errors,
    }

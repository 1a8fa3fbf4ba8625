"""The definition of a guest that is rescued, made from its own, and its own again from that. Pure.

Called by `rescue.py`. Invariant: a rescued guest's definition holds the whole of the one before, as text, so that there
is no moment at which a host that dies has lost it, and what is unrescued is what it was, to the last address.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from actors.compute.block_info import device_names
from actors.compute.build import Disk
from actors.compute.libvirt.elements import element, safe_text
from actors.compute.libvirt.hardware import Hardware
from actors.compute.libvirt.storage import disk_element
from actors.compute.rescue_disk import RescueDisk
from actors.errors import CallerError, bad_request

NAMESPACE = "https://novaray.invalid/xmlns/rescue/1"
MARK = f"{{{NAMESPACE}}}rescue"
ROOT, CONFIG = "disk", "disk.config"  # files of a guest's own, as `storage.disk_files` names them
RESCUE, RESCUE_CONFIG = "disk.rescue", "disk.config.rescue"

ElementTree.register_namespace("rescue", NAMESPACE)


@dataclass(frozen=True, slots=True)
class RescuePlan:
    act_id: str  # of the act that rescues it
    folder: Path  # of the guest's files
    disk: RescueDisk
    wanted: Hardware  # of the guest


def rescued(definition: str, plan: RescuePlan) -> str:
    """The guest that boots from the rescue disk. Raises `CallerError` where a bus has no more room."""
    domain = ElementTree.fromstring(definition)
    devices = domain.find("devices")
    metadata = domain.find("metadata")
    assert devices is not None and metadata is not None, "a guest that this driver has defined"
    own = devices.findall("disk")
    disks = _beside(own, plan) if plan.disk.stable else _before(own, plan)
    for disk in own:
        devices.remove(disk)
    for place, disk in enumerate(disks):
        devices.insert(place, disk)
    if plan.disk.bus == "scsi" and devices.find("controller[@type='scsi']") is None:
        devices.append(element("controller", {"type": "scsi", "model": plan.wanted.text("scsi_model", "virtio-scsi")}))
    mark = element(MARK, {"act": plan.act_id})
    mark.text = safe_text(definition)
    metadata.append(mark)
    return ElementTree.tostring(domain, encoding="unicode")


def act_of(definition: str) -> str:
    """The act that rescued the guest; '' for one that is not rescued."""
    mark = _mark(definition)
    return "" if mark is None else mark.get("act", "")


def unrescued(definition: str) -> str:
    """The definition before; of a guest that is not rescued, its own."""
    mark = _mark(definition)
    return definition if mark is None else mark.text or definition


def _mark(definition: str) -> Element | None:
    return ElementTree.fromstring(definition).find(f"./metadata/{MARK}")


# ---------------------------------------------------------------- its disks


def _beside(own: list[Element], plan: RescuePlan) -> list[Element]:
    """All of its own where they are, and the rescue disk as one more."""
    for disk in own:
        _take_out(disk, "boot")
        _with_rescue_config(disk, plan)
    return [*own, _rescue_element(_free_name(plan.disk.bus, own), plan)]


def _before(own: list[Element], plan: RescuePlan) -> list[Element]:
    """The rescue disk, its own root disk as the next, its config drive; the others are not there meanwhile."""
    disks = [_rescue_element(_free_name(plan.disk.bus, []), plan)]
    for file in (ROOT, CONFIG):
        for disk in (one for one in own if _file(one) == str(plan.folder / file)):
            _take_out(disk, "boot", "address", "alias")  # where it is plugged, libvirt chooses anew
            _name_anew(disk, disks)
            _with_rescue_config(disk, plan)
            disks.append(disk)
    return disks


def _rescue_element(device: str, plan: RescuePlan) -> Element:
    path, (kind, bus, _) = plan.folder / RESCUE, plan.disk
    disk = Disk(role="rescue", device=device, bus=bus, format="qcow2", path=path, kind=kind)
    return disk_element(disk, {}, 1, plan.wanted)


def _with_rescue_config(disk: Element, plan: RescuePlan) -> None:
    """What it is told besides its own is on a drive of its own."""
    source = disk.find("source")
    if source is not None and _file(disk) == str(plan.folder / CONFIG):
        source.set("file", str(plan.folder / RESCUE_CONFIG))


def _name_anew(disk: Element, others: list[Element]) -> None:
    """Its own name where that is free."""
    target = disk.find("target")
    assert target is not None, "libvirt knows no disk without a target"
    if target.get("dev", "") in _names(others):
        target.set("dev", _free_name(target.get("bus", ""), others))


def _free_name(bus: str, others: list[Element]) -> str:
    taken = _names(others)
    name = next((one for one in device_names(bus) if one not in taken), "")
    if not name:
        raise CallerError(bad_request("rescue_image_ref", f"no more room for disks on the bus '{bus}'"))
    return name


def _names(disks: list[Element]) -> set[str]:
    targets = (disk.find("target") for disk in disks)
    return {target.get("dev", "") for target in targets if target is not None}


def _file(disk: Element) -> str:
    source = disk.find("source")
    return "" if source is None else source.get("file", "")


def _take_out(disk: Element, *tags: str) -> None:
    for tag in tags:
        for found in disk.findall(tag):
            disk.remove(found)

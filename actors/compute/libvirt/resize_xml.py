"""The definition of a guest that was resized: it holds the one before, until the resize is confirmed. Pure.

Called by `resize.py` and by the driver's `define`. Invariant: what is reverted is what it was, to the last address; of
volumes and ports it has those that it has now. What a guest may be again of its host's own parts (CPUs, devices) stays
its own.
"""

from __future__ import annotations

from copy import deepcopy
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from actors.compute.block_info import device_names
from actors.compute.build import ResizeMark
from actors.compute.libvirt.elements import element, safe_text
from actors.compute.libvirt.guest_xml import CLAIM_NAMESPACE, NOVA_NAMESPACE, claim_element
from actors.messages import Claim
from actors.records import Flavor

NAMESPACE = "https://novaray.invalid/xmlns/resize/1"
MARK = f"{{{NAMESPACE}}}resize"
FLAVOR = f"./metadata/{{{NOVA_NAMESPACE}}}instance/{{{NOVA_NAMESPACE}}}flavor"
SIZES = {  # by Nova's names
    "memory": "ram_mib",
    "disk": "disk_gib",
    "swap": "swap_mib",
    "ephemeral": "ephemeral_gib",
    "vcpus": "vcpus",
}
TAP = "ethernet"  # the type of an interface that is one
OF_FLAVOR = ("driver", "bandwidth")  # what a flavor says of a tap
CLAIM = f"{{{CLAIM_NAMESPACE}}}claim"

ElementTree.register_namespace("resize", NAMESPACE)


def marked(anew: str, mark: ResizeMark, current: str) -> str:
    """The new definition with what it was before: a repeated resize keeps what its first run found."""
    domain = ElementTree.fromstring(anew)
    held = element(MARK, {"act": mark.act_id, "flavor": mark.flavor_id})
    held.text = safe_text(before(current) if mark_of(current) == mark else confirmed(current, None))
    _metadata(domain).append(held)
    return ElementTree.tostring(domain, encoding="unicode")


def mark_of(definition: str) -> ResizeMark | None:
    held = _mark(ElementTree.fromstring(definition)) if definition else None
    return None if held is None else ResizeMark(held.get("act", ""), held.get("flavor", ""))


def before(definition: str) -> str:
    """'' for one that is not marked."""
    held = _mark(ElementTree.fromstring(definition))
    return "" if held is None else held.text or ""


def confirmed(definition: str, claim: Claim | None) -> str:
    """Without the mark; with this claim, if one is given."""
    domain = ElementTree.fromstring(definition)
    metadata = domain.find("metadata")
    held = _mark(domain)
    if metadata is None or (held is None and claim is None):
        return definition
    if held is not None:
        metadata.remove(held)
    if claim is not None:
        for old in metadata.findall(CLAIM):
            metadata.remove(old)
        metadata.append(claim_element(claim))
    return ElementTree.tostring(domain, encoding="unicode")


def reverted(definition: str) -> str:
    """What it was, with the volumes and ports that it has now; of one that is not marked, itself."""
    text = before(definition)
    if not text:
        return definition
    now, domain = _devices(ElementTree.fromstring(definition)), ElementTree.fromstring(text)
    _revert_volumes(_devices(domain), now)
    _revert_interfaces(_devices(domain), now)
    return ElementTree.tostring(domain, encoding="unicode")


def _revert_volumes(devices: Element, now: Element) -> None:
    """One that has the name that it had stays as it was; a name that a local disk has again goes to no volume."""
    came = {_volume(disk): disk for disk in now.findall("disk") if _serial(disk)}
    for disk in devices.findall("disk"):
        if _serial(disk) and came.pop(_volume(disk), None) is None:
            devices.remove(disk)
    local = {_name(disk) for disk in devices.findall("disk") if not _serial(disk)}
    taken = local | {_name(disk) for disk in now.findall("disk") if _serial(disk)}
    for disk in came.values():
        if _name(disk) in local:
            free = next(name for name in device_names(_bus(disk)) if name not in taken)
            _target(disk).set("dev", free)
            taken.add(free)
        devices.append(_unplaced(disk))
    if any(_bus(disk) == "scsi" for disk in came.values()) and devices.find("controller[@type='scsi']") is None:
        for controller in now.findall("controller[@type='scsi']"):
            devices.append(_unplaced(controller))


def _revert_interfaces(devices: Element, now: Element) -> None:
    """One that came has what the flavor gave those of then: so many queues, such limits."""
    came = {_port(one): one for one in now.findall("interface")}
    had = devices.findall("interface")
    for one in had:
        if came.pop(_port(one), None) is None:
            devices.remove(one)
    like = next((one for one in had if one.get("type") == TAP), element("interface"))
    for one in came.values():
        if one.get("type") == TAP:
            for tag in OF_FLAVOR:
                for found in one.findall(tag):
                    one.remove(found)
                one.extend(deepcopy(like.findall(tag)))
        devices.append(_unplaced(one))


def is_of(definition: str, flavor: Flavor) -> bool:
    """By what it says itself, in Nova's words, of the flavor that it was made by."""
    found = ElementTree.fromstring(definition).find(FLAVOR) if definition else None
    if found is None:
        return False
    says = [found.get("name", ""), *(found.findtext(f"{{{NOVA_NAMESPACE}}}{size}", "") for size in SIZES)]
    return says == [flavor.name, *(str(getattr(flavor, field)) for field in SIZES.values())]


def files(definition: str) -> set[str]:
    """The paths of its local disks."""
    sources = ElementTree.fromstring(definition).iterfind("./devices/disk/source")
    return {path for source in sources if (path := source.get("file", ""))}


def many_queues(definition: str) -> bool:
    """Whether its taps have several queues."""
    drivers = ElementTree.fromstring(definition).iterfind("./devices/interface/driver")
    return any(driver.get("queues") for driver in drivers)


def boots_from_cdrom(definition: str, root: str) -> bool:
    """Whether the disk of this path is one."""
    disks = ElementTree.fromstring(definition).iterfind("./devices/disk[@device='cdrom']/source")
    return any(source.get("file", "") == root for source in disks)


def _mark(domain: Element) -> Element | None:
    return domain.find(f"./metadata/{MARK}")


def _metadata(domain: Element) -> Element:
    metadata = domain.find("metadata")
    assert metadata is not None, "a guest that this driver has defined"
    return metadata


def _devices(domain: Element) -> Element:
    devices = domain.find("devices")
    assert devices is not None, "a guest that this driver has defined"
    return devices


def _serial(disk: Element) -> str:
    """Of a volume: its id."""
    return disk.findtext("serial", "")


def _target(disk: Element) -> Element:
    target = disk.find("target")
    assert target is not None, "every disk has one"
    return target


def _name(disk: Element) -> str:
    return _target(disk).get("dev", "")


def _bus(disk: Element) -> str:
    return _target(disk).get("bus", "")


def _volume(disk: Element) -> tuple[str, str, str]:
    return _serial(disk), _name(disk), _bus(disk)


def _port(interface: Element) -> tuple[str, str, str]:
    """Its kind, its MAC address and its tap."""
    mac, target = interface.find("mac"), interface.find("target")
    address, tap = ("" if found is None else found.get(key, "") for found, key in ((mac, "address"), (target, "dev")))
    return interface.get("type", ""), address, tap


def _unplaced(device: Element) -> Element:
    """Where it is plugged, libvirt chooses anew."""
    for tag in ("address", "alias"):
        for found in device.findall(tag):
            device.remove(found)
    return device

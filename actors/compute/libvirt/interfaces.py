"""The guest's network interfaces as elements of its definition. Pure.

Called by `guest_xml.py`. An ordinary port is a tap that `taps.py` has made and QEMU only opens (`managed='no'`), so
that the guest runs without the right to make devices; a port with a physical function of its own is passed through.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from actors.compute.libvirt.elements import element, leaf
from actors.compute.libvirt.hardware import Hardware
from actors.errors import CallerError, bad_request
from actors.messages import Vif

MODELS = ("virtio", "e1000", "e1000e", "rtl8139", "ne2k_pci", "pcnet", "igb", "vmxnet3")
BANDWIDTHS = {"inbound": "vif_inbound", "outbound": "vif_outbound"}
RATES = ("average", "peak", "burst")


def is_passed_through(vif: Vif) -> bool:
    """Has no tap: the guest owns a physical function (SR-IOV)."""
    return vif.vnic_type in ("direct", "direct-physical")


def queues(vcpus: int, wanted: Hardware) -> int:
    """How many queues an interface has: one for each vCPU where the image or flavor enables it."""
    return vcpus if vcpus > 1 and wanted.flag("vif_multiqueue_enabled") else 1


def interface_elements(vifs: tuple[Vif, ...], vcpus: int, wanted: Hardware) -> Iterator[Element]:
    for vif in vifs:
        yield _passed_through(vif) if is_passed_through(vif) else _tap(vif, queues(vcpus, wanted), wanted)


def _tap(vif: Vif, queue_count: int, wanted: Hardware) -> Element:
    model = wanted.choice("vif_model", MODELS, "virtio")
    made = element("interface", {"type": "ethernet"})
    leaf(made, "mac", "", {"address": vif.mac_address})
    leaf(made, "target", "", {"dev": vif.device, "managed": "no"})
    leaf(made, "model", "", {"type": model})
    if model == "virtio" and queue_count > 1:
        leaf(made, "driver", "", {"queues": queue_count})
    if vif.mtu:
        leaf(made, "mtu", "", {"size": vif.mtu})
    bandwidth = _bandwidth(wanted)
    if len(bandwidth):
        made.append(bandwidth)
    return made


def _bandwidth(wanted: Hardware) -> Element:
    """Limits of the flavor's, in KiB a second (average, peak) and KiB (burst)."""
    made = element("bandwidth")
    for way, quota in BANDWIDTHS.items():
        rates: dict[str, str | int] = {rate: limit for rate in RATES if (limit := wanted.quota(f"{quota}_{rate}"))}
        if rates:
            leaf(made, way, "", rates)
    return made


def _passed_through(vif: Vif) -> Element:
    made = element("interface", {"type": "hostdev", "managed": "yes"})
    leaf(made, "mac", "", {"address": vif.mac_address})
    if "pci_slot" not in vif.profile:
        raise CallerError(bad_request("networks", f"port {vif.port_id} is {vif.vnic_type} but names no pci_slot"))
    address = pci_address(vif.profile["pci_slot"])
    address.set("type", "pci")  # an interface's source must say so, a hostdev's must not
    made.append(element("source", {}, address))
    if vif.profile.get("vlan"):
        made.append(element("vlan", {}, element("tag", {"id": vif.profile["vlan"]})))
    return made


def pci_address(text: str) -> Element:
    """`0000:3b:10.2` as libvirt's address element. Raises CallerError if it isn't one."""
    try:
        domain, bus, place = text.split(":")
        slot, function = place.split(".")
        parts = {"domain": int(domain, 16), "bus": int(bus, 16), "slot": int(slot, 16), "function": int(function, 16)}
    except ValueError:
        raise CallerError(bad_request("pci_slot", f"'{text}' is no PCI address (such as 0000:3b:10.2)")) from None
    widths = {"domain": 4, "bus": 2, "slot": 2, "function": 1}
    return element("address", {key: f"0x{parts[key]:0{width}x}" for key, width in widths.items()})

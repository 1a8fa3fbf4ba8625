"""The guest's other devices: consoles, channels, video, watchdog, balloon, RNG, passed-through devices. Pure.

Called by `guest_xml.py`. Each function writes one kind of device and nothing where none is wanted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from xml.etree.ElementTree import Element

from actors.compute.libvirt.elements import element, leaf
from actors.compute.libvirt.hardware import Hardware, as_number
from actors.compute.libvirt.interfaces import pci_address

WATCHDOG_ACTIONS = ("none", "pause", "poweroff", "reset", "disabled")
VIDEO_MODELS = ("vga", "cirrus", "virtio", "qxl", "vmvga", "bochs", "none")
POINTERS = ("usbtablet", "ps2mouse")
BALLOON_PERIOD_S = 10  # between two memory statistics of a guest, Nova's default
LISTEN_ADDRESS = "127.0.0.1"  # consoles are reached through the node, never from outside
SERIAL_PORTS = 4  # that an ISA bus has
VIDEO_KIB_A_MIB = 1024


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """What the node adds to the flavor's and image's own wishes."""

    console_log: Path
    graphics: str = "vnc"  # vnc, spice, none
    pci_addresses: tuple[str, ...] = ()
    mdevs: tuple[str, ...] = ()


def device_elements(plan: DevicePlan, wanted: Hardware) -> Iterator[Element]:
    return chain(
        _serial(plan, wanted),
        _channels(plan, wanted),
        _pointer(wanted),
        _graphics(plan, wanted),
        _host_devices(plan),
        _watchdog(wanted),
        (element("memballoon", {"model": "virtio"}, element("stats", {"period": BALLOON_PERIOD_S})),),
        _rng(wanted),
    )


def pci_aliases(wanted: Hardware) -> dict[str, int]:
    """How many devices of each alias the flavor passes through: `pci_passthrough:alias` = `a1:2,b7:1`."""
    said = wanted.flavor.get("pci_passthrough:alias", "")
    pairs = [pair.partition(":") for pair in said.split(",") if pair]
    return {name.strip(): as_number("pci_passthrough:alias", count or "1") for name, _, count in pairs}


def vgpus(wanted: Hardware) -> int:
    return as_number("resources:VGPU", wanted.flavor.get("resources:VGPU", "0"))


def _serial(plan: DevicePlan, wanted: Hardware) -> Iterator[Element]:
    """The first port's output goes to a file and stays interactive; QEMU itself writes the file."""
    for port in range(min(max(wanted.number("serial_port_count", 1), 1), SERIAL_PORTS)):
        made = element("serial", {"type": "pty"})
        if port == 0:
            leaf(made, "log", "", {"file": str(plan.console_log), "append": "off"})
        leaf(made, "target", "", {"type": "isa-serial", "port": port})
        yield made
    yield element("console", {"type": "pty"}, element("target", {"type": "serial", "port": 0}))


def _channels(plan: DevicePlan, wanted: Hardware) -> Iterator[Element]:
    if wanted.flag("qemu_guest_agent"):
        target = element("target", {"type": "virtio", "name": "org.qemu.guest_agent.0"})
        yield element("channel", {"type": "unix"}, target)
    if plan.graphics == "spice":
        target = element("target", {"type": "virtio", "name": "com.redhat.spice.0"})
        yield element("channel", {"type": "spicevmc"}, target)


def _pointer(wanted: Hardware) -> Iterator[Element]:
    """A USB tablet only where asked for: its polling costs an idle guest CPU time."""
    if wanted.choice("pointer_model", POINTERS) == "usbtablet":
        yield element("input", {"type": "tablet", "bus": "usb"})


def _graphics(plan: DevicePlan, wanted: Hardware) -> Iterator[Element]:
    if plan.graphics != "none":
        listen = element("listen", {"type": "address", "address": LISTEN_ADDRESS})
        websocket = "-1" if plan.graphics == "vnc" else ""
        yield element("graphics", {"type": plan.graphics, "autoport": "yes", "websocket": websocket}, listen)
    model = wanted.choice("video_model", VIDEO_MODELS, "qxl" if plan.graphics == "spice" else "vga")
    ram_mib = wanted.number("video_ram")
    video = element("model", {"type": model})
    if model not in ("none", "virtio"):
        video.attrib |= {"vram": str(ram_mib * VIDEO_KIB_A_MIB)} if ram_mib else {}
    yield element("video", {}, video)


def _host_devices(plan: DevicePlan) -> Iterator[Element]:
    for address in plan.pci_addresses:
        source = element("source", {}, pci_address(address))
        yield element("hostdev", {"mode": "subsystem", "type": "pci", "managed": "yes"}, source)
    for uuid in plan.mdevs:
        source = element("source", {}, element("address", {"uuid": uuid}))
        yield element("hostdev", {"mode": "subsystem", "type": "mdev", "model": "vfio-pci"}, source)


def _watchdog(wanted: Hardware) -> Iterator[Element]:
    action = wanted.choice("watchdog_action", WATCHDOG_ACTIONS, "disabled")
    if action != "disabled":
        yield element("watchdog", {"model": "i6300esb", "action": action})


def _rng(wanted: Hardware) -> Iterator[Element]:
    if wanted.flavor.get("hw_rng:allowed", "true").lower() in ("false", "0", "no"):
        return
    made = element("rng", {"model": "virtio"})
    rate_bytes = wanted.flavor.get("hw_rng:rate_bytes", "")
    if rate_bytes:
        leaf(made, "rate", "", {"bytes": rate_bytes, "period": wanted.flavor.get("hw_rng:rate_period", "1000")})
    leaf(made, "backend", "/dev/urandom", {"model": "random"})
    yield made

"""The machine round the guest's processors: machine type, firmware, SMBIOS, features, clock. Pure.

Called by `guest_xml.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

from actors.compute.libvirt.elements import element, leaf
from actors.compute.libvirt.hardware import Hardware
from actors.errors import CallerError, bad_request

MACHINE = "pc"  # starts 0.3 s sooner than q35 under TCG
SECURE_MACHINE = "q35"  # no other has the mode of the processor that guards the keys
TCG_CACHE_MIB = 32  # of translated code; QEMU's own default costs a small guest more than its memory
HYPERV_FEATURES = ("relaxed", "vapic")  # what Windows guests are told
# Guests know an OpenStack instance by these words in their SMBIOS tables.
VENDOR = {"manufacturer": "OpenStack Foundation", "product": "OpenStack Nova", "family": "Virtual Machine"}


@dataclass(frozen=True, slots=True)
class Machine:
    uuid: str
    virt_type: str  # kvm, qemu
    architecture: str
    nvram: Path  # what its firmware remembers, where that is UEFI: libvirt makes it of the firmware's own at a start


def machine_elements(machine: Machine, wanted: Hardware) -> Iterator[Element]:
    """`sysinfo`, `os`, `features`, `clock` and what happens when the guest ends."""
    yield _sysinfo(machine)
    yield _os(machine, wanted)
    yield _features(machine, wanted)
    yield _clock(machine, wanted)
    for tag, action in (("on_poweroff", "destroy"), ("on_reboot", "restart"), ("on_crash", "destroy")):
        made = element(tag)
        made.text = action
        yield made


def _sysinfo(machine: Machine) -> Element:
    system = element("system")
    for name, value in (VENDOR | {"serial": machine.uuid, "uuid": machine.uuid}).items():
        leaf(system, "entry", value, {"name": name})
    return element("sysinfo", {"type": "smbios"}, system)


def _os(machine: Machine, wanted: Hardware) -> Element:
    uefi = wanted.choice("firmware_type", ("bios", "uefi"), "bios") == "uefi"
    asked = wanted.flavor.get("os:secure_boot") or wanted.image.get("os_secure_boot")
    secure = uefi and asked == "required"
    kind = wanted.text("machine_type", MACHINE)
    if secure and SECURE_MACHINE not in kind:
        raise CallerError(bad_request("hw_machine_type", f"Secure Boot is only for machines of type {SECURE_MACHINE}"))
    made = element("os", {"firmware": "efi" if uefi else ""})
    leaf(made, "type", "hvm", {"arch": machine.architecture, "machine": kind})
    if uefi:
        made.append(element("firmware", {}, _feature("secure-boot", secure)))
        leaf(made, "nvram", str(machine.nvram))
    if wanted.flag("boot_menu"):
        leaf(made, "bootmenu", "", {"enable": "yes"})
    leaf(made, "smbios", "", {"mode": "sysinfo"})
    return made


def _feature(name: str, enabled: bool) -> Element:
    """What libvirt looks for among the firmware that its host has."""
    return element("feature", {"enabled": "yes" if enabled else "no", "name": name})


def _features(machine: Machine, wanted: Hardware) -> Element:
    made = element("features", {}, element("acpi"), element("apic"))
    if wanted.text("pmu"):
        leaf(made, "pmu", "", {"state": "on" if wanted.flag("pmu") else "off"})
    if _is_windows(wanted) and machine.virt_type == "kvm":
        hyperv = element("hyperv", {}, *(element(name, {"state": "on"}) for name in HYPERV_FEATURES))
        leaf(hyperv, "spinlocks", "", {"state": "on", "retries": 8191})
        made.append(hyperv)
    if wanted.flavor.get("hide_hypervisor_id", "").lower() == "true" and machine.virt_type == "kvm":
        made.append(element("kvm", {}, element("hidden", {"state": "on"})))
    if machine.virt_type == "qemu":
        tcg = element("tcg")
        leaf(tcg, "tb-cache", TCG_CACHE_MIB, {"unit": "MiB"})
        made.append(tcg)
    return made


def _clock(machine: Machine, wanted: Hardware) -> Element:
    """Nova's timers: missed ticks of the PIT are delayed, those of the RTC caught up with; no HPET unless asked."""
    windows = _is_windows(wanted)
    made = element("clock", {"offset": "localtime" if windows else "utc"})
    if machine.virt_type == "kvm":
        leaf(made, "timer", "", {"name": "pit", "tickpolicy": "delay"})
        if windows:
            leaf(made, "timer", "", {"name": "hypervclock", "present": "yes"})
    leaf(made, "timer", "", {"name": "rtc", "tickpolicy": "catchup"})
    leaf(made, "timer", "", {"name": "hpet", "present": "yes" if wanted.flag("time_hpet") else "no"})
    return made


def _is_windows(wanted: Hardware) -> bool:
    return wanted.image.get("os_type", "linux") == "windows"

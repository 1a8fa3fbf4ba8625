"""The host as its capabilities describe it, and which of its parts are still free for a guest of their own. Pure.

Called when a guest is defined. Invariant: a host CPU, PCI device or mediated device is never chosen while another
guest's definition names it (the caller collects those as `Taken`, and defines one such guest at a time).
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree

from actors.errors import HostError, HostFault


@dataclass(frozen=True, slots=True)
class HostCell:
    """One NUMA node of the host."""

    id: int
    cpus: tuple[int, ...]
    page_sizes_kib: tuple[int, ...] = (4,)


@dataclass(frozen=True, slots=True)
class Host:
    name: str
    architecture: str = "x86_64"
    cells: tuple[HostCell, ...] = (HostCell(0, (0,)),)
    supported: tuple[tuple[str, str, str], ...] = ()  # (architecture, hypervisor, vm mode)
    cpu_xml: str = ""

    @property
    def page_sizes_kib(self) -> tuple[int, ...]:
        return tuple(sorted({size for cell in self.cells for size in cell.page_sizes_kib}))


@dataclass(frozen=True, slots=True)
class Taken:
    """What the definitions of this host's guests name already."""

    cpus: frozenset[int] = frozenset()
    pci_addresses: frozenset[str] = frozenset()
    mdevs: frozenset[str] = frozenset()


def host_from_capabilities(name: str, capabilities: str) -> Host:
    """From libvirt's `virConnectGetCapabilities` document."""
    root = ElementTree.fromstring(capabilities)
    cells = tuple(_cell(element) for element in root.iterfind("./host/topology/cells/cell"))
    cpu = root.find("./host/cpu")
    return Host(
        name=name,
        architecture=root.findtext("./host/cpu/arch", "x86_64"),
        cells=cells or (HostCell(0, (0,)),),
        supported=tuple(
            (arch.get("name", ""), domain.get("type", ""), guest.findtext("os_type", "hvm"))
            for guest in root.iterfind("guest")
            for arch in guest.iterfind("arch")
            for domain in arch.iterfind("domain")
        ),
        cpu_xml="" if cpu is None else ElementTree.tostring(cpu, encoding="unicode"),
    )


def _cell(element: ElementTree.Element) -> HostCell:
    pages = [int(page.get("size", "4")) for page in element.iterfind("pages") if page.text != "0"]
    cpus = tuple(int(cpu.get("id", "0")) for cpu in element.iterfind("./cpus/cpu"))
    return HostCell(int(element.get("id", "0")), cpus, tuple(pages) or (4,))


def taken_by(definitions: list[str]) -> Taken:
    """From the definitions of the host's guests."""
    roots = [ElementTree.fromstring(definition) for definition in definitions]
    pins = [pin.get("cpuset", "") for root in roots for pin in root.iterfind("./cputune/vcpupin")]
    devices = [source for root in roots for source in root.iterfind("./devices/hostdev/source/address")]
    ports = [source for root in roots for source in root.iterfind("./devices/interface/source/address")]
    return Taken(
        cpus=frozenset(int(pin) for pin in pins if pin.isdigit()),
        pci_addresses=frozenset(_pci_text(one) for one in devices + ports if one.get("domain")),
        mdevs=frozenset(one.get("uuid", "") for one in devices if one.get("uuid")),
    )


def _pci_text(address: ElementTree.Element) -> str:
    domain, bus, slot, function = (int(address.get(key, "0"), 16) for key in ("domain", "bus", "slot", "function"))
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}"


def free_cpus(host: Host, taken: Taken, counts: list[int]) -> list[tuple[HostCell, tuple[int, ...]]]:
    """For each guest cell, a host cell with that many free CPUs, and those CPUs.

    The fullest host cell that still fits is taken, so that large holes stay for large guests. Raises HostError where
    none fits: another host may have room.
    """
    free = {cell.id: [cpu for cpu in cell.cpus if cpu not in taken.cpus] for cell in host.cells}
    chosen: list[tuple[HostCell, tuple[int, ...]]] = []
    for count in counts:
        fitting = [cell for cell in host.cells if len(free[cell.id]) >= count]
        if not fitting:
            raise HostError(HostFault("define", host.name, f"no NUMA node has {count} free CPUs to dedicate"))
        cell = min(fitting, key=lambda one: len(free[one.id]))
        chosen.append((cell, tuple(free[cell.id][:count])))
        del free[cell.id][:count]
    return chosen


def free_devices(host: str, what: str, devices: tuple[str, ...], taken: frozenset[str], count: int) -> tuple[str, ...]:
    """The first `count` of `devices` that no guest has; raises HostError if there are fewer."""
    free = [device for device in devices if device not in taken]
    if len(free) < count:
        raise HostError(HostFault("define", host, f"{count} of {what} wanted, {len(free)} free"))
    return tuple(free[:count])

"""What a host says of itself: the one form in which hosts enter the fleet.

Made by whoever hears the hosts (the scheduler room from heartbeats, `records.py` from a file); read by `fleet.py`.
Everything is immutable and hashable, so that equal facts of thousands of hosts are stored and judged once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from placement.numa.cells import HostCell
from placement.pci import PciPool

Pairs: TypeAlias = tuple[tuple[str, str], ...]
"""A small mapping as sorted pairs: hashable, and equal when the mappings are equal."""

VCPU = "VCPU"
MEMORY_MB = "MEMORY_MB"
DISK_GB = "DISK_GB"
STANDARD_CLASSES = (VCPU, MEMORY_MB, DISK_GB)
"""Placement's own resource classes, which every host has. MEMORY_MB counts MiB and DISK_GB counts GiB."""


def pairs(mapping: dict[str, str]) -> Pairs:
    return tuple(sorted(mapping.items()))


@dataclass(frozen=True, slots=True)
class Stock:
    """What a host has of one resource class. `used` is by instances, `reserved` comes on top of it."""

    resource_class: str
    total: int
    reserved: int = 0
    used: int = 0
    allocation_ratio: float = 1.0
    min_unit: int = 1
    max_unit: int | None = None  # most for one instance; None = the physical total, as libvirt reports it
    step_size: int = 1

    @property
    def units(self) -> tuple[str, int, int, int]:
        """(class, min_unit, max_unit, step_size): the bounds of one instance's share."""
        return (
            self.resource_class,
            self.min_unit,
            self.total if self.max_unit is None else self.max_unit,
            self.step_size,
        )


@dataclass(frozen=True, slots=True)
class Aggregate:
    name: str
    metadata: Pairs = ()


@dataclass(frozen=True, slots=True)
class HostState:
    """One host as it reported itself. Counters and `used` include everything that runs there."""

    name: str
    stocks: tuple[Stock, ...]
    node: str = ""  # '' = the same as the name
    zone: str = "nova"
    up: bool = True
    enabled: bool = True
    disabled_reason: str = ""
    architecture: str = "x86_64"
    hypervisor_type: str = "QEMU"
    hypervisor_version: int = 0  # a*1_000_000 + b*1_000 + c; 0 = not known
    supported_instances: tuple[tuple[str, str, str], ...] = ()  # (architecture, hypervisor type, vm mode)
    traits: frozenset[str] = frozenset()
    aggregates: tuple[Aggregate, ...] = ()
    host_ip: str = ""
    cpu_info: str = ""  # JSON text, as compute reports it
    stats: Pairs = ()  # further capabilities, as text
    disk_available_least_gib: int | None = None  # what the disk really has left, where sparse disks make it less
    num_instances: int = 0
    num_io_ops: int = 0
    failed_builds: int = 0
    cell: str = ""  # of a deployment that is divided into cells
    numa: tuple[HostCell, ...] = ()  # what is used of it is by `instances`; later claims come on top, as with devices
    pci_pools: tuple[PciPool, ...] = ()
    metrics: tuple[tuple[str, float], ...] = ()  # by name; of names that end in percent, hundredths
    instances: frozenset[str] = frozenset()  # ids of what runs there, where the host tells them
    instance_images: tuple[frozenset[tuple[str, str]], ...] = ()  # image properties of what runs there
    images: frozenset[str] = frozenset()  # ids of images that the host has already

    def __post_init__(self) -> None:
        if not self.node:
            object.__setattr__(self, "node", self.name)

    def stock(self, resource_class: str) -> Stock | None:
        return next((stock for stock in self.stocks if stock.resource_class == resource_class), None)

"""ComputeCapabilitiesFilter: extra specs `capabilities:x` (or plain `x`) against what the host tells of itself.

Paths go into nested values (`capabilities:cpu_info:topology:cores`); names are those of Nova's host state. An unknown
`capabilities:x` refuses every host; an unknown plain key is some other filter's and is left alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from placement.columns import Rows
from placement.filters.form import Check, Depends
from placement.filters.operators import matches
from placement.fleet import Fleet, indices
from placement.host import DISK_GB, MEMORY_MB, VCPU, HostState
from placement.request import Request, Shape

SCOPE = "capabilities"
MAXPHYSADDR = "hw:maxphysaddr_bits"  # at least so many; the host tells it in cpu_info
MAXPHYSADDR_PATH = ["cpu_info", "maxphysaddr", "bits"]

TOLD: dict[str, Callable[[HostState], Any]] = {
    "host": lambda host: host.name,
    "nodename": lambda host: host.node,
    "hypervisor_hostname": lambda host: host.node,
    "hypervisor_type": lambda host: host.hypervisor_type,
    "hypervisor_version": lambda host: host.hypervisor_version,
    "host_ip": lambda host: host.host_ip,
    "cpu_info": lambda host: host.cpu_info,
    "stats": lambda host: dict(host.stats),
    "supported_instances": lambda host: [list(guest) for guest in host.supported_instances],
    "cpu_allocation_ratio": lambda host: _ratio(host, VCPU),
    "ram_allocation_ratio": lambda host: _ratio(host, MEMORY_MB),
    "disk_allocation_ratio": lambda host: _ratio(host, DISK_GB),
}
"""What a host told, by Nova's names."""

COUNTED: dict[str, Callable[[Fleet, int], float]] = {
    "vcpus_total": lambda fleet, row: _total(fleet, row, VCPU),
    "vcpus_used": lambda fleet, row: fleet.inventory[VCPU].used.at[row],
    "total_usable_ram_mb": lambda fleet, row: _total(fleet, row, MEMORY_MB),
    "total_usable_disk_gb": lambda fleet, row: _total(fleet, row, DISK_GB),
    "free_ram_mb": lambda fleet, row: free(fleet, row, MEMORY_MB),
    "free_disk_mb": lambda fleet, row: min(free(fleet, row, DISK_GB), fleet.disk_least.at[row]) * 1024,
    "disk_mb_used": lambda fleet, row: fleet.inventory[DISK_GB].used.at[row] * 1024,
    "num_instances": lambda fleet, row: fleet.instances.used.at[row],
    "num_io_ops": lambda fleet, row: fleet.io_ops.used.at[row],
    "failed_builds": lambda fleet, row: fleet.failed_builds.at[row],
}
"""Numbers, by Nova's names; they change with claims."""


class ComputeCapabilitiesFilter:
    name = "ComputeCapabilitiesFilter"

    def depends(self, shape: Shape) -> Depends:
        counted = any(path[0] in COUNTED for path, _, _ in asked_capabilities(shape))
        return Depends.USAGE if counted else Depends.FACTS

    def for_row(self, fleet: Fleet, shape: Shape) -> Callable[[int], bool]:
        asked = list(asked_capabilities(shape))
        return lambda row: all(_has(fleet, row, *each) for each in asked)

    def checks(self, fleet: Fleet, request: Request, rows: Rows) -> Iterator[Check]:
        if next(asked_capabilities(request.shape), None) is None:
            return
        fits = self.for_row(fleet, request.shape)
        present = fleet.present(rows)
        numbers = indices(rows).tolist()
        verdicts = (bool(there) and fits(row) for row, there in zip(numbers, present, strict=True))
        yield Check(self.name, np.fromiter(verdicts, dtype=np.bool_, count=len(numbers)))

    def lack(self, fleet: Fleet, request: Request, row: int) -> str:
        asked = asked_capabilities(request.shape)
        return f"it does not meet {', '.join(each[2] for each in asked if not _has(fleet, row, *each))}"


def asked_capabilities(shape: Shape) -> Iterator[tuple[list[str], str, str]]:
    """(path into the host's capabilities, what is wanted there, the whole key)."""
    for key, wanted in shape.extra_specs:
        path = key.split(":")
        if key == MAXPHYSADDR:
            yield MAXPHYSADDR_PATH, f">= {wanted}", key
        elif path[0] == SCOPE and len(path) > 1:
            yield path[1:], wanted, key
        elif len(path) == 1:
            yield path, wanted, key


def free(fleet: Fleet, row: int, resource_class: str) -> int:
    """total - reserved - used, without overcommitment."""
    inventory = fleet.inventory[resource_class]
    return inventory.usable.at[row] - inventory.used.at[row]


def _has(fleet: Fleet, row: int, path: list[str], wanted: str, key: str) -> bool:
    value = capability(fleet, row, path)
    if value is None:  # a plain key of which this host tells nothing is some other filter's
        return key == path[0] and not (key in TOLD or key in COUNTED)
    return matches(str(value), wanted, key)


def capability(fleet: Fleet, row: int, path: list[str]) -> Any:
    """The value at a path, or None where the host has none."""
    first, *rest = path
    value = told(fleet, row, first)
    if value is None:
        value = dict(fleet.state(row).stats).get(first)
    for name in rest:
        value = _inside(value, name)
    return value


def told(fleet: Fleet, row: int, name: str) -> Any:
    """What a host tells under one of Nova's names, its stats aside; None where it tells nothing."""
    if name in COUNTED:
        return COUNTED[name](fleet, row)
    return TOLD[name](fleet.state(row)) if name in TOLD else None


def _inside(value: Any, name: str) -> Any:
    """One level down; text is read as JSON, as compute reports cpu_info."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return value.get(name) if isinstance(value, dict) else None


def _total(fleet: Fleet, row: int, resource_class: str) -> int:
    stock = fleet.state(row).stock(resource_class)
    return stock.total if stock else 0


def _ratio(host: HostState, resource_class: str) -> float:
    stock = host.stock(resource_class)
    return stock.allocation_ratio if stock else 1.0

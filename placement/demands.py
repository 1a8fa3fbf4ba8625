"""What a flavor and an image ask of Placement: amounts a resource class, and traits, as Nova's request makes them.

Used by who translates requests (`records.py`, the scheduler room). Numbered groups (`resources1:`, `trait1:`) are kept
apart in real nested inventories; here a host is one provider, so all groups must fit it together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from placement.errors import BadRequest
from placement.host import DISK_GB, MEMORY_MB, VCPU
from placement.numa.guest import HYPERTHREADING, cpu_demand, pci_numa_policy

PCPU = "PCPU"
KEY = re.compile(r"(resources|trait)([a-zA-Z0-9_-]{1,64})?:(.*)")
GROUP_POLICY = "group_policy"
THREADS = {"isolate": "forbidden", "require": "required"}
SOCKET_AFFINITY = "COMPUTE_SOCKET_PCI_NUMA_AFFINITY"


@dataclass(frozen=True, slots=True)
class Flavor:
    name: str
    vcpus: int
    ram_mib: int
    local_gib: int  # all that the host's own disk must hold: root unless from a volume, ephemeral disks, swap
    extra_specs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """Amounts above 0 only, sorted by resource class; traits that a host must have and must not."""

    resources: tuple[tuple[str, int], ...]
    required: frozenset[str]
    forbidden: frozenset[str]


def asked(flavor: Flavor, image: Mapping[str, str]) -> Asked:
    """Raises `BadRequest` for policies that contradict each other."""
    specs = flavor.extra_specs
    resources = _from_specs(specs)
    demand = cpu_demand(flavor.vcpus, specs, image)
    if demand.policy in ("dedicated", "mixed") and not (VCPU in resources or PCPU in resources):
        resources[PCPU] = len(demand.pinned) + demand.emulator_isolated
        resources[VCPU] = flavor.vcpus - len(demand.pinned)
    if VCPU not in resources and PCPU not in resources:
        resources[VCPU] = flavor.vcpus
    resources.setdefault(MEMORY_MB, flavor.ram_mib)
    resources.setdefault(DISK_GB, flavor.local_gib)
    for name, amount in resources.items():
        if amount < 0:
            raise BadRequest(name, f"{amount} is less than nothing")
    required, forbidden = traits(specs, image, demand.thread_policy)
    amounts = tuple(sorted((name, amount) for name, amount in resources.items() if amount))
    return Asked(amounts, required, forbidden)


def _from_specs(specs: Mapping[str, str]) -> dict[str, int]:
    """What `resources:X` says, over all groups; what is no number is ignored, as in Nova."""
    found: dict[str, int] = {}
    groups = set()
    for kind, group, name, value in _keys(specs):
        groups.add(group)
        if kind == "resources" and _is_whole(value):
            found[name] = found.get(name, 0) + int(value)
    numbered = groups - {""}
    if len(numbered) > 1:
        _check_policy(specs.get(GROUP_POLICY, ""))
    return found


def _check_policy(policy: str) -> None:
    if policy not in ("none", "isolate"):
        raise BadRequest(GROUP_POLICY, "several numbered groups need group_policy, none or isolate")
    if policy == "isolate":
        raise BadRequest(GROUP_POLICY, "groups are to be isolated from each other, but every host is one provider")


def traits(
    specs: Mapping[str, str], image: Mapping[str, str], thread_policy: str = ""
) -> tuple[frozenset[str], frozenset[str]]:
    """Required and forbidden ones. An image can only require; what is both, no host can meet."""
    asked_traits = {(trait, how) for kind, _, trait, how in _keys(specs) if kind == "trait"}
    asked_traits |= {
        (key.removeprefix("trait:"), "required") for key, value in image.items() if _is_image_trait(key, value)
    }
    if thread_policy in THREADS:
        asked_traits.add((HYPERTHREADING, THREADS[thread_policy]))
    if pci_numa_policy(specs, image) == "socket":
        asked_traits.add((SOCKET_AFFINITY, "required"))
    return (
        frozenset(trait for trait, how in asked_traits if how == "required"),
        frozenset(trait for trait, how in asked_traits if how == "forbidden"),
    )


def _is_image_trait(key: str, value: str) -> bool:
    return key.startswith("trait:") and value == "required"


def _keys(specs: Mapping[str, str]) -> Iterator[tuple[str, str, str, str]]:
    """(resources or trait, group, class or trait, value)."""
    for key, value in specs.items():
        if match := KEY.fullmatch(key):
            yield match[1], match[2] or "", match[3], value


def _is_whole(text: str) -> bool:
    return text.strip().lstrip("+-").isdecimal()

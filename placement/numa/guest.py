"""What a guest asks of NUMA: its cells, page size and CPU policies, from a flavor's extra specs and an image.

Names, defaults and conflicts are Nova's (`hw:numa_nodes`, `hw:cpu_policy` …, in images `hw_numa_nodes` …). A guest gets
a topology only when it asks for cells, a page size, or CPUs of its own. What contradicts itself raises `BadRequest`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from placement.errors import BadRequest
from placement.numa.cpus import cpu_set
from placement.truth import is_true

SMALL, LARGE, ANY = -1, -2, -3  # page sizes by word
PAGE_WORDS = {"small": SMALL, "large": LARGE, "any": ANY}
PAGE_SIZE = re.compile(r"([-+]?\d*\.?\d+)([KMGT]?)(b|bit|B)")
UNIT_BYTES = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
CELLS_LIMIT = 128  # guest cells that may be described one by one

CPU_POLICIES = ("shared", "dedicated", "mixed")
THREAD_POLICIES = ("prefer", "isolate", "require")
HYPERTHREADING = "HW_CPU_HYPERTHREADING"

Texts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class GuestCell:
    memory_mib: int
    shared: int  # CPUs that may float
    pinned: int  # CPUs that need one of the host's each


@dataclass(frozen=True, slots=True)
class GuestTopology:
    """`page_kib`: 0 = as it comes, SMALL, LARGE, ANY, or a size."""

    cells: tuple[GuestCell, ...]
    page_kib: float = 0
    cpu_policy: str = ""  # '' = shared
    thread_policy: str = ""  # '' = prefer
    emulator_isolated: bool = False  # one more CPU, for the emulator's own threads

    @property
    def pins(self) -> bool:
        return self.cpu_policy in ("dedicated", "mixed")


@dataclass(frozen=True, slots=True)
class CpuDemand:
    """How many CPUs of which kind: what Placement counts as VCPU and PCPU."""

    policy: str
    thread_policy: str
    pinned: frozenset[int]  # guest CPUs that want a host CPU of their own
    emulator_isolated: bool


def cpu_demand(vcpus: int, specs: Texts, image: Texts) -> CpuDemand:
    """CPU policies, checked against each other."""
    policy = _cpu_policy(specs, image)
    threads = _thread_policy(specs, image)
    realtime = _realtime(vcpus, specs, image)
    dedicated = _dedicated_mask(vcpus, specs)
    isolated = _emulator_isolated(specs)
    policy = _with_resources(policy, vcpus, isolated, specs)
    threads = _with_hyperthreading(threads, specs, image)
    if policy in ("", "shared") and (threads or isolated or dedicated or realtime):
        raise BadRequest(
            "hw:cpu_policy", "thread policy, emulator threads, CPU masks and realtime need CPUs of one's own"
        )
    if policy == "dedicated" and dedicated:
        raise BadRequest("hw:cpu_dedicated_mask", "only goes with hw:cpu_policy=mixed")
    if policy == "mixed" and bool(realtime) == bool(dedicated):
        raise BadRequest("hw:cpu_policy", "mixed needs either hw:cpu_dedicated_mask or hw:cpu_realtime_mask")
    pinned = (
        frozenset(range(vcpus))
        if policy == "dedicated"
        else (dedicated or realtime if policy == "mixed" else frozenset())
    )
    return CpuDemand(policy, threads, pinned, isolated)


def topology(vcpus: int, ram_mib: int, specs: Texts, image: Texts) -> GuestTopology | None:
    """The topology that a flavor and an image ask for, or None."""
    demand = cpu_demand(vcpus, specs, image)
    nodes = _nodes(specs, image)
    page = _page(specs, image)
    if not (nodes or page or demand.policy in ("dedicated", "mixed") or specs.get("hw:pmem")):
        return None
    cpus = _listed("numa_cpus", specs, image)
    memory = _listed("numa_mem", specs, image)
    if (cpus is None) != (memory is None):
        raise BadRequest("hw:numa_cpus", "CPUs and memory must be given for all cells, or for none")
    if cpus is None or memory is None:
        cells = _even(nodes or 1, vcpus, ram_mib, demand.pinned)
    else:
        cells = _described(nodes or 1, vcpus, ram_mib, demand.pinned, cpus, memory)
    return GuestTopology(cells, page, demand.policy, demand.thread_policy, demand.emulator_isolated)


def pci_numa_policy(specs: Texts, image: Texts) -> str:
    """How near to the guest's cells its devices must be; '' = as their alias says."""
    flavor, own = specs.get("hw:pci_numa_affinity_policy"), image.get("hw_pci_numa_affinity_policy")
    if flavor and own and flavor != own:
        raise BadRequest("hw_pci_numa_affinity_policy", f"{own!r} in the image contradicts {flavor!r} in the flavor")
    policy = flavor or own or ""
    if policy and policy not in ("required", "legacy", "preferred", "socket"):
        raise BadRequest("hw:pci_numa_affinity_policy", f"{policy!r} is no PCI NUMA policy")
    return policy


# ------------------------------------------------------------ CPUs


def _cpu_policy(specs: Texts, image: Texts) -> str:
    flavor = _one_of("hw:cpu_policy", specs.get("hw:cpu_policy", ""), CPU_POLICIES)
    own = _one_of("hw_cpu_policy", image.get("hw_cpu_policy", ""), CPU_POLICIES)
    if (flavor == "mixed" and own == "dedicated") or (flavor == "shared" and own in ("mixed", "dedicated")):
        raise BadRequest("hw_cpu_policy", f"{own!r} in the image contradicts {flavor!r} in the flavor")
    return flavor or own


def _thread_policy(specs: Texts, image: Texts) -> str:
    flavor = _one_of("hw:cpu_thread_policy", specs.get("hw:cpu_thread_policy", ""), THREAD_POLICIES)
    own = _one_of("hw_cpu_thread_policy", image.get("hw_cpu_thread_policy", ""), THREAD_POLICIES)
    if flavor in ("", "prefer"):
        return flavor or own
    if own and own != flavor:
        raise BadRequest("hw_cpu_thread_policy", f"{own!r} in the image contradicts {flavor!r} in the flavor")
    return flavor


def _dedicated_mask(vcpus: int, specs: Texts) -> frozenset[int]:
    mask = specs.get("hw:cpu_dedicated_mask", "")
    if not mask:
        return frozenset()
    pinned = _masked(mask, vcpus, "hw:cpu_dedicated_mask")
    everything = frozenset(range(vcpus))
    if not pinned or not pinned < everything:
        raise BadRequest("hw:cpu_dedicated_mask", f"{mask!r} must name some of the flavor's CPUs, not all")
    return pinned


def _realtime(vcpus: int, specs: Texts, image: Texts) -> frozenset[int]:
    if not is_true(specs.get("hw:cpu_realtime", "")):
        return frozenset()
    mask = image.get("hw_cpu_realtime_mask") or specs.get("hw:cpu_realtime_mask", "")
    everything = frozenset(range(vcpus))
    chosen = _masked(mask, vcpus, "hw:cpu_realtime_mask") if mask else everything
    if not chosen or not chosen <= everything or (chosen == everything and not specs.get("hw:emulator_threads_policy")):
        raise BadRequest("hw:cpu_realtime_mask", "must leave a CPU to the emulator's threads")
    return chosen


def _masked(mask: str, vcpus: int, field: str) -> frozenset[int]:
    text = f"0-{vcpus - 1},{mask}" if mask.strip().startswith("^") else mask
    return cpu_set(text, field)


def _emulator_isolated(specs: Texts) -> bool:
    return (
        _one_of("hw:emulator_threads_policy", specs.get("hw:emulator_threads_policy", ""), ("isolate", "share"))
        == "isolate"
    )


def _with_resources(policy: str, vcpus: int, isolated: bool, specs: Texts) -> str:
    """`resources:VCPU` and `resources:PCPU` say the policy too."""
    shared, own = _resources("VCPU", specs), _resources("PCPU", specs)
    if (shared and own) or (policy and (shared or own)):
        raise BadRequest("hw:cpu_policy", "only one of hw:cpu_policy, resources:VCPU and resources:PCPU")
    if own and own != vcpus + isolated:
        raise BadRequest("resources:PCPU", f"must be {vcpus + isolated}, as many as the flavor's CPUs")
    if own:
        return "dedicated"
    return "shared" if shared else policy


def _resources(resource_class: str, specs: Texts) -> int:
    pattern = re.compile(rf"resources([1-9][0-9]*)?:{resource_class}")
    return sum(int(value) for key, value in specs.items() if pattern.match(key) and value.lstrip("+-").isdecimal())


def _with_hyperthreading(threads: str, specs: Texts, image: Texts) -> str:
    pattern = re.compile(rf"trait([1-9][0-9]*)?:{HYPERTHREADING}")
    asked = next((value for key, value in specs.items() if pattern.match(key)), "")
    if not asked and image.get(f"trait:{HYPERTHREADING}") == "required":
        asked = "required"
    if threads and asked:
        raise BadRequest("hw:cpu_thread_policy", f"contradicts trait:{HYPERTHREADING}; only one of them")
    return {"forbidden": "isolate", "required": "require"}.get(asked, threads)


# ------------------------------------------------------------ cells


def _nodes(specs: Texts, image: Texts) -> int:
    flavor, own = specs.get("hw:numa_nodes"), image.get("hw_numa_nodes")
    if flavor and own:
        raise BadRequest("hw_numa_nodes", "the flavor says it already")
    text = flavor or own
    if text is None or text == "":
        return 0
    if not text.strip().isdecimal() or int(text) < 1:
        raise BadRequest("hw:numa_nodes", f"{text!r} is not a number of cells")
    return int(text)


def _listed(name: str, specs: Texts, image: Texts) -> list[str] | None:
    """hw:NAME.0, hw:NAME.1 … of the flavor, or the image's hw_NAME.0 …; None where neither has any."""
    flavor, own = _numbered(f"hw:{name}", specs), _numbered(f"hw_{name}", image)
    if flavor and own:
        raise BadRequest(f"hw_{name}", "the flavor says it already")
    return flavor or own or None


def _numbered(key: str, texts: Texts) -> list[str]:
    found = []
    for number in range(CELLS_LIMIT):
        if (value := texts.get(f"{key}.{number}")) is None:
            break
        found.append(value)
    return found


def _even(nodes: int, vcpus: int, ram_mib: int, pinned: frozenset[int]) -> tuple[GuestCell, ...]:
    if vcpus % nodes or ram_mib % nodes:
        raise BadRequest("hw:numa_nodes", f"{vcpus} CPUs and {ram_mib} MiB cannot be shared evenly by {nodes} cells")
    each = vcpus // nodes
    return tuple(
        _cell(frozenset(range(node * each, (node + 1) * each)), ram_mib // nodes, pinned) for node in range(nodes)
    )


def _described(
    nodes: int, vcpus: int, ram_mib: int, pinned: frozenset[int], cpus: list[str], memory: list[str]
) -> tuple[GuestCell, ...]:
    if len(cpus) != nodes or len(memory) != nodes:
        raise BadRequest("hw:numa_nodes", f"{nodes} cells, but {len(cpus)} lists of CPUs and {len(memory)} of memory")
    sets = [cpu_set(text, "hw:numa_cpus") for text in cpus]
    if sum(map(len, sets)) != vcpus or frozenset().union(*sets) != frozenset(range(vcpus)):
        raise BadRequest("hw:numa_cpus", f"each of the CPUs 0-{vcpus - 1} must be in one cell")
    sizes = [_mib(text) for text in memory]
    if sum(sizes) != ram_mib:
        raise BadRequest("hw:numa_mem", f"the cells have {sum(sizes)} MiB, the flavor {ram_mib}")
    return tuple(_cell(each, size, pinned) for each, size in zip(sets, sizes, strict=True))


def _cell(cpus: frozenset[int], memory_mib: int, pinned: frozenset[int]) -> GuestCell:
    own = len(cpus & pinned)
    return GuestCell(memory_mib, len(cpus) - own, own)


def _mib(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise BadRequest("hw:numa_mem", f"{text!r} is not a number of MiB") from None


# ------------------------------------------------------------ pages


def _page(specs: Texts, image: Texts) -> float:
    flavor, own = specs.get("hw:mem_page_size", ""), image.get("hw_mem_page_size", "")
    if not flavor and own:
        raise BadRequest("hw_mem_page_size", "an image may only choose where the flavor says any or large")
    if not flavor:
        return 0
    size = _page_size(flavor)
    if not own:
        return size
    if size not in (ANY, LARGE):
        raise BadRequest("hw_mem_page_size", f"{own!r} in the image contradicts {flavor!r} in the flavor")
    return _page_size(own)


def _page_size(text: str) -> float:
    """KiB, or one of the words."""
    if text in PAGE_WORDS:
        return PAGE_WORDS[text]
    if text.isdecimal():
        return int(text)
    match = PAGE_SIZE.fullmatch(text)
    if match is None:
        raise BadRequest("hw:mem_page_size", f"{text!r} is no page size")
    size = float(match[1]) * UNIT_BYTES[match[2]] / (1 if match[3] == "B" else 8)
    return math.ceil(size) / 1024


def _one_of(field: str, value: str, allowed: tuple[str, ...]) -> str:
    if value and value not in allowed:
        raise BadRequest(field, f"{value!r} is none of {', '.join(allowed)}")
    return value

"""The guest's processors and memory: model, topology, pinning, cputune, NUMA cells, memory backing. Pure.

Called by `guest_xml.py`. `plan_cpu` decides from flavor, image and host (raising faults); `…_elements` only write.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

from actors.compute.libvirt.elements import element, leaf
from actors.compute.libvirt.hardware import Hardware, as_number, cpu_set
from actors.compute.libvirt.host import Host, Taken, free_cpus
from actors.errors import CallerError, HostError, HostFault, bad_request
from actors.records import Flavor

TCG_MODEL = "Nehalem"  # the oldest that systems built for x86-64-v2 boot on
QUOTA_ELEMENTS = {"cpu_shares": "shares", "cpu_period": "period", "cpu_quota": "quota"}
SMALL_PAGE_KIB = 4
PAGE_UNITS_KIB = {"KB": 1, "KIB": 1, "MB": 1024, "MIB": 1024, "GB": 1024**2, "GIB": 1024**2}


@dataclass(frozen=True, slots=True)
class GuestCell:
    """One NUMA node of the guest, and the host's node and CPUs that it is bound to (-1 and none = to nothing)."""

    id: int
    cpus: tuple[int, ...]
    ram_mib: int
    host_cell: int = -1
    host_cpus: tuple[int, ...] = ()  # one for each dedicated guest CPU
    shared_cpus: tuple[int, ...] = ()  # where the others may run


@dataclass(frozen=True, slots=True)
class CpuPlan:
    vcpus: int
    ram_mib: int
    topology: tuple[int, int, int]  # sockets, cores, threads
    model: str  # '' = the host's own
    required_features: tuple[str, ...] = ()
    cells: tuple[GuestCell, ...] = ()
    dedicated: tuple[int, ...] = ()  # guest CPUs that have a host CPU of their own
    isolated_emulator: int = -1  # a host CPU for QEMU's own threads; -1 = they share the guest's
    page_kib: int = 0  # of memory backing; 0 = ordinary memory
    locked: bool = False
    quotas: tuple[tuple[str, int], ...] = ()

    @property
    def pins(self) -> dict[int, tuple[int, ...]]:
        """The host CPUs that each guest CPU may use, where it is bound at all."""
        pins: dict[int, tuple[int, ...]] = {}
        for cell in self.cells:
            own = iter(cell.host_cpus)
            for cpu in cell.cpus:
                pins[cpu] = (next(own),) if cpu in self.dedicated else cell.shared_cpus
        return {cpu: host_cpus for cpu, host_cpus in pins.items() if host_cpus}


# ---------------------------------------------------------------- deciding


def plan_cpu(flavor: Flavor, wanted: Hardware, host: Host, taken: Taken, virt_type: str) -> CpuPlan:
    dedicated = _dedicated_cpus(flavor.vcpus, wanted)
    page_kib = _page_kib(flavor, wanted, host)
    cells = _cells(flavor, wanted)
    if not cells and (dedicated or page_kib):
        cells = [GuestCell(0, tuple(range(flavor.vcpus)), flavor.ram_mib)]  # Nova: both imply a NUMA topology
    emulator = -1
    if cells and (dedicated or page_kib or wanted.text("numa_nodes")):
        isolate = bool(dedicated) and wanted.choice("emulator_threads_policy", ("share", "isolate")) == "isolate"
        cells, emulator = _bind(cells, dedicated, host, taken, isolate)
    return CpuPlan(
        vcpus=flavor.vcpus,
        ram_mib=flavor.ram_mib,
        topology=_topology(flavor.vcpus, wanted),
        model="" if virt_type == "kvm" else TCG_MODEL,
        required_features=tuple(_feature(trait) for trait in wanted.required_traits("HW_CPU_X86_")),
        cells=tuple(cells),
        dedicated=dedicated,
        isolated_emulator=emulator,
        page_kib=page_kib,
        locked=wanted.flag("locked_memory"),
        quotas=tuple((name, wanted.quota(name)) for name in QUOTA_ELEMENTS if wanted.quota(name)),
    )


def _topology(vcpus: int, wanted: Hardware) -> tuple[int, int, int]:
    """As asked; what isn't said follows from the rest, and without a word each CPU is a socket."""
    cores, threads = wanted.number("cpu_cores", 1), wanted.number("cpu_threads", 1)
    sockets = wanted.number("cpu_sockets") or max(vcpus // max(cores * threads, 1), 1)
    if not wanted.text("cpu_cores"):
        cores = max(vcpus // max(sockets * threads, 1), 1)
    if sockets * cores * threads != vcpus:
        message = f"{sockets} sockets x {cores} cores x {threads} threads are not the flavor's {vcpus} vCPUs"
        raise CallerError(bad_request("hw_cpu_sockets", message))
    return sockets, cores, threads


def _dedicated_cpus(vcpus: int, wanted: Hardware) -> tuple[int, ...]:
    policy = wanted.choice("cpu_policy", ("shared", "dedicated", "mixed"), "shared")
    if policy == "mixed":
        mask = wanted.text("cpu_dedicated_mask")
        return tuple(cpu for cpu in cpu_set("hw:cpu_dedicated_mask", mask) if cpu < vcpus)
    return tuple(range(vcpus)) if policy == "dedicated" else ()


def _cells(flavor: Flavor, wanted: Hardware) -> list[GuestCell]:
    count = wanted.number("numa_nodes")
    if not count:
        return []
    if any(wanted.text(f"numa_cpus.{index}") for index in range(count)):
        cells = [_cell_as_asked(index, wanted) for index in range(count)]
    elif flavor.vcpus % count or flavor.ram_mib % count:
        message = f"{flavor.vcpus} vCPUs and {flavor.ram_mib} MiB can't be split evenly over {count} NUMA nodes"
        raise CallerError(bad_request("hw_numa_nodes", message))
    else:
        width = flavor.vcpus // count
        spans = [tuple(range(index * width, (index + 1) * width)) for index in range(count)]
        cells = [GuestCell(index, span, flavor.ram_mib // count) for index, span in enumerate(spans)]
    if sorted(cpu for cell in cells for cpu in cell.cpus) != list(range(flavor.vcpus)):
        raise CallerError(bad_request("hw_numa_cpus", "the NUMA nodes don't hold each vCPU exactly once"))
    if sum(cell.ram_mib for cell in cells) != flavor.ram_mib:
        raise CallerError(bad_request("hw_numa_mem", f"the NUMA nodes don't add up to {flavor.ram_mib} MiB"))
    return cells


def _cell_as_asked(index: int, wanted: Hardware) -> GuestCell:
    cpus = cpu_set(f"hw:numa_cpus.{index}", wanted.text(f"numa_cpus.{index}"))
    return GuestCell(index, cpus, wanted.number(f"numa_mem.{index}"))


def _page_kib(flavor: Flavor, wanted: Hardware, host: Host) -> int:
    said = wanted.text("mem_page_size")
    if said in ("", "small", "any"):
        return SMALL_PAGE_KIB if said == "small" else 0
    fitting = [size for size in host.page_sizes_kib if flavor.ram_mib * 1024 % size == 0]
    large = [size for size in fitting if size > SMALL_PAGE_KIB]
    asked = [size for size in fitting if said != "large" and size == _as_kib(said)]
    if not (large if said == "large" else asked):
        raise HostError(HostFault("define", host.name, f"no pages of size '{said}' fit {flavor.ram_mib} MiB"))
    return max(large) if said == "large" else asked[0]


def _as_kib(said: str) -> int:
    digits = said.rstrip("kKmMgGiIbB ")
    unit = said[len(digits) :].strip().upper() or "KB"
    return as_number("hw_mem_page_size", digits) * PAGE_UNITS_KIB.get(unit, 1)


def _bind(
    cells: list[GuestCell], dedicated: tuple[int, ...], host: Host, taken: Taken, isolate: bool
) -> tuple[list[GuestCell], int]:
    """Each guest cell to a host cell; one more host CPU in the first for the emulator's threads where asked."""
    counts = [sum(cpu in dedicated for cpu in cell.cpus) for cell in cells]
    chosen = free_cpus(host, taken, [count + (isolate and index == 0) for index, count in enumerate(counts)])
    emulator = chosen[0][1][-1] if isolate else -1
    reserved = taken.cpus.union(*(cpus for _, cpus in chosen))
    bound = [
        replace(
            cell,
            host_cell=host_cell.id,
            host_cpus=cpus[:count],
            shared_cpus=tuple(cpu for cpu in host_cell.cpus if cpu not in reserved),
        )
        for cell, count, (host_cell, cpus) in zip(cells, counts, chosen, strict=True)
    ]
    return bound, emulator


def _feature(trait: str) -> str:
    """HW_CPU_X86_SSE42 → sse4.2, HW_CPU_X86_AESNI → aes."""
    irregular = {"SSE41": "sse4.1", "SSE42": "sse4.2", "AESNI": "aes", "SHA": "sha-ni", "PCID": "pcid"}
    return irregular.get(trait, trait.lower().replace("_", "-"))


# ---------------------------------------------------------------- writing


def cpu_elements(plan: CpuPlan) -> Iterator[Element]:
    """`memory` … `cpu`, the children of `domain` that are about processors and memory."""
    memory = element("memory", {"unit": "MiB"})
    memory.text = str(plan.ram_mib)
    yield memory
    if plan.page_kib or plan.locked:
        yield _memory_backing(plan)
    vcpu = element("vcpu", {"placement": "static"})
    vcpu.text = str(plan.vcpus)
    yield vcpu
    if plan.quotas or plan.pins or plan.isolated_emulator >= 0:
        yield _cputune(plan)
    if any(cell.host_cell >= 0 for cell in plan.cells):
        yield _numatune(plan)
    yield _cpu(plan)


def _memory_backing(plan: CpuPlan) -> Element:
    backing = element("memoryBacking")
    if plan.page_kib > SMALL_PAGE_KIB:
        nodes = _listed(cell.id for cell in plan.cells)
        page = element("page", {"size": plan.page_kib, "unit": "KiB", "nodeset": nodes})
        backing.append(element("hugepages", {}, page))
    elif plan.page_kib:
        backing.append(element("nosharepages"))
    if plan.locked:
        backing.append(element("locked"))
    return backing


def _cputune(plan: CpuPlan) -> Element:
    tune = element("cputune")
    for name, value in plan.quotas:
        leaf(tune, QUOTA_ELEMENTS[name], value)
    for guest_cpu, host_cpus in sorted(plan.pins.items()):
        leaf(tune, "vcpupin", "", {"vcpu": guest_cpu, "cpuset": _listed(host_cpus)})
    own = [plan.isolated_emulator] if plan.isolated_emulator >= 0 else sorted(set().union(*plan.pins.values()))
    if own:
        leaf(tune, "emulatorpin", "", {"cpuset": _listed(own)})
    return tune


def _numatune(plan: CpuPlan) -> Element:
    nodes = _listed(sorted({cell.host_cell for cell in plan.cells}))
    tune = element("numatune", {}, element("memory", {"mode": "strict", "nodeset": nodes}))
    for cell in plan.cells:
        leaf(tune, "memnode", "", {"cellid": cell.id, "mode": "strict", "nodeset": str(cell.host_cell)})
    return tune


def _cpu(plan: CpuPlan) -> Element:
    sockets, cores, threads = plan.topology
    if plan.model:
        cpu = element("cpu", {"mode": "custom", "match": "exact", "check": "none"})
        leaf(cpu, "model", plan.model, {"fallback": "allow"})
    else:
        cpu = element("cpu", {"mode": "host-model", "match": "exact"})
    leaf(cpu, "topology", "", {"sockets": sockets, "cores": cores, "threads": threads})
    for feature in plan.required_features:
        leaf(cpu, "feature", "", {"policy": "require", "name": feature})
    if plan.cells:
        cpu.append(element("numa", {}, *(_numa_cell(cell) for cell in plan.cells)))
    return cpu


def _numa_cell(cell: GuestCell) -> Element:
    return element("cell", {"id": cell.id, "cpus": _listed(cell.cpus), "memory": cell.ram_mib * 1024, "unit": "KiB"})


def _listed(numbers: Iterable[int]) -> str:
    return ",".join(map(str, numbers))

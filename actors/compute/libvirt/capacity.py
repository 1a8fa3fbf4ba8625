"""What a libvirt host has and what its guests take, as the scheduler hears it.

Called by the driver's `reports`. `read_host` asks libvirt once, `claims` is kept from guest to guest (a definition
changes its claim only where a guest is resized), and the rest is pure.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

import libvirt

from actors.cluster.config import NodeConfig
from actors.compute.libvirt.guest_xml import claim_of
from actors.compute.libvirt.host import Host, host_from_capabilities
from actors.messages import Claim, HostReport

GIB = 1 << 30
# CPU features that have a trait of their own in os-traits, where the name isn't simply the feature's in capitals.
IRREGULAR_TRAITS = {
    "aes": "AESNI",
    "bmi1": "BMI",
    "fma": "FMA3",
    "pclmuldq": "CLMUL",
    "sha-ni": "SHA",
    "sse4.1": "SSE41",
    "sse4.2": "SSE42",
}
# fmt: off
TRAIT_FEATURES = frozenset((
    "3dnow", "abm", "aes", "amd-ssbd", "avx", "avx2", "avx512bw", "avx512cd", "avx512dq", "avx512er",
    "avx512f", "avx512ifma", "avx512pf", "avx512vbmi", "avx512vl", "avx512vnni", "bmi1", "bmi2", "f16c", "fma",
    "fma4", "mmx", "mpx", "pclmuldq", "pdpe1gb", "sha-ni", "sse", "sse2", "sse3", "sse4.1", "sse4.2",
    "sse4a", "ssse3", "stibp", "svm", "tbm", "tsx", "vmx", "xop",
))
# fmt: on
BASE_TRAITS = (
    "COMPUTE_IMAGE_TYPE_ISO",
    "COMPUTE_IMAGE_TYPE_QCOW2",
    "COMPUTE_IMAGE_TYPE_RAW",
    "COMPUTE_IMAGE_TYPE_VDI",
    "COMPUTE_IMAGE_TYPE_VHDX",
    "COMPUTE_IMAGE_TYPE_VMDK",
    "COMPUTE_NET_ATTACH_INTERFACE",
    "COMPUTE_NET_VIF_MODEL_VIRTIO",
    "COMPUTE_NODE",
    "COMPUTE_RESCUE_BFV",
    "COMPUTE_STORAGE_BUS_VIRTIO",
    "COMPUTE_VOLUME_ATTACH",
)


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What doesn't change while the host is up."""

    host: Host
    vcpus: int
    ram_mib: int
    hypervisor_version: int  # a*1_000_000 + b*1_000 + c
    traits: tuple[str, ...]


def read_host(connection: libvirt.virConnect, name: str, virt_type: str) -> HostFacts:
    host = host_from_capabilities(name, connection.getCapabilities())
    if virt_type != "kvm":  # libvirt lists KVM wherever its device exists, bootable or not
        host = replace(host, supported=tuple(one for one in host.supported if one[1] != "kvm"))
    _, _, cpus, *_ = connection.getInfo()
    # Not getInfo's figure, which sums the NUMA nodes as they were at boot: memory plugged in later is missing there.
    memory_kib = connection.getMemoryStats(libvirt.VIR_NODE_MEMORY_STATS_ALL_CELLS)["total"]
    return HostFacts(
        host=host,
        vcpus=cpus,
        ram_mib=memory_kib // 1024,
        hypervisor_version=connection.getVersion(),
        traits=traits_of(_features(connection, host.cpu_xml)),
    )


def _features(connection: libvirt.virConnect, cpu_xml: str) -> list[str]:
    """Every feature by name, those of the named model too; none where the CPU is unknown to libvirt."""
    try:
        expanded = connection.baselineCPU([cpu_xml], libvirt.VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES)
    except libvirt.libvirtError:
        return []
    return [feature.get("name", "") for feature in ElementTree.fromstring(expanded).iterfind("feature")]


def traits_of(features: list[str]) -> tuple[str, ...]:
    known = [feature for feature in features if feature in TRAIT_FEATURES]
    names = [IRREGULAR_TRAITS.get(feature, feature.upper().replace("-", "_")) for feature in known]
    return tuple(sorted((*BASE_TRAITS, *(f"HW_CPU_X86_{name}" for name in names))))


def claims(connection: libvirt.virConnect, known: dict[str, Claim | None], host: str) -> dict[str, Claim | None]:
    """The claim of every guest that is here, by instance id; None for a guest that is none of ours."""
    found: dict[str, Claim | None] = {}
    for domain in connection.listAllDomains():
        instance_id = domain.UUIDString()
        if instance_id not in known:
            known[instance_id] = claim_of(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE), host)
        found[instance_id] = known[instance_id]
    return found


def disk_capacity_gib(instances: Path) -> int:
    """What guests may fill: what is free, and what they hold already."""
    folder = next(path for path in (instances, *instances.parents) if path.exists())
    system = os.statvfs(folder)
    held = sum(path.stat().st_blocks * 512 for path in instances.glob("*/*") if path.is_file())
    return (system.f_bavail * system.f_frsize + held) // GIB


def report(config: NodeConfig, facts: HostFacts, disk_gib: int, taken: list[Claim]) -> HostReport:
    return HostReport(
        host=config.host,
        node=config.host,
        hypervisor="QEMU",
        hypervisor_version=facts.hypervisor_version,
        architecture=facts.host.architecture,
        vcpus=facts.vcpus,
        ram_mib=max(facts.ram_mib - config.ram_reserved_mib, 0),
        disk_gib=max(disk_gib - config.disk_reserved_gib, 0),
        vcpus_used=sum(claim.vcpus for claim in taken),
        ram_used_mib=sum(claim.ram_mib for claim in taken),
        disk_used_gib=sum(claim.disk_gib for claim in taken),
        instances=len(taken),
        traits=facts.traits,
        availability_zone=config.availability_zone,
        cpu_allocation_ratio=config.cpu_allocation_ratio,
        ram_allocation_ratio=config.ram_allocation_ratio,
        disk_allocation_ratio=config.disk_allocation_ratio,
        supported=facts.host.supported,
        host_ip=config.node_ip,
    )

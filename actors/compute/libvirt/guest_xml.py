"""The guest's whole definition: from an order, what its steps found and the host, to libvirt's domain XML. Pure.

Called by the driver's `define`. `plan_guest` takes every decision (and raises the faults); `domain_xml` writes it.
The parts, one idea each: machine, cpu, storage, interfaces, devices.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from actors.cluster.config import NodeConfig
from actors.compute.block_info import root_as_cdrom
from actors.compute.build import Build, Disk
from actors.compute.libvirt.cpu import CpuPlan, cpu_elements, plan_cpu
from actors.compute.libvirt.devices import DevicePlan, device_elements, pci_aliases, vgpus
from actors.compute.libvirt.elements import element, leaf
from actors.compute.libvirt.hardware import Hardware, hardware_of
from actors.compute.libvirt.host import Host, Taken, free_devices
from actors.compute.libvirt.interfaces import interface_elements
from actors.compute.libvirt.machine import Machine, machine_elements
from actors.compute.libvirt.storage import CONSOLE_LOG, NVRAM, disk_elements, disk_files
from actors.messages import BootSpec, BuildOrder, Claim, DestroyOrder, Vif

NOVA_NAMESPACE = "http://openstack.org/xmlns/libvirt/nova/1.1"  # tools that read Nova's guests know this one
CLAIM_NAMESPACE = "https://novaray.invalid/xmlns/claim/1"
PACKAGE_VERSION = "0.1.0"

ElementTree.register_namespace("nova", NOVA_NAMESPACE)
ElementTree.register_namespace("novaray", CLAIM_NAMESPACE)


@dataclass(frozen=True, slots=True)
class GuestPlan:
    """Everything that a guest's definition says."""

    order: BuildOrder | DestroyOrder
    created_at: float
    machine: Machine
    cpu: CpuPlan
    disks: list[Disk]
    files: dict[str, Path]
    vifs: tuple[Vif, ...]
    devices: DevicePlan
    wanted: Hardware


def domain_name(instance_id: str) -> str:
    return f"instance-{instance_id}"


def needs_own_parts(spec: BootSpec) -> bool:
    """Whether the guest gets parts of the host to itself, so that definitions must not race for them."""
    wanted = hardware_of(spec)
    exclusive = wanted.text("cpu_policy", "shared") != "shared"
    return exclusive or bool(pci_aliases(wanted)) or bool(vgpus(wanted)) or bool(wanted.text("numa_nodes"))


def plan_guest(build: Build, config: NodeConfig, host: Host, taken: Taken, guest: tuple[str, float]) -> GuestPlan:
    """`guest`: the virtualisation type (kvm, qemu) and the creation time, seconds since the epoch."""
    spec, (virt_type, created_at) = build.order.spec, guest
    wanted = hardware_of(spec)
    folder = config.instances / build.id
    disks = build.disks
    if build.image is not None and build.image.disk_format == "iso":
        disks = root_as_cdrom(disks, spec.image_properties)
    pci = [
        free_devices(host.name, f"PCI alias '{alias}'", config.pci_devices.get(alias, ()), taken.pci_addresses, count)
        for alias, count in pci_aliases(wanted).items()
    ]
    return GuestPlan(
        order=build.order,
        created_at=created_at,
        machine=Machine(build.id, virt_type, host.architecture, folder / NVRAM),
        cpu=plan_cpu(spec.flavor, wanted, host, taken, virt_type),
        disks=disks,
        files=disk_files(folder, disks),
        vifs=build.vifs,
        devices=DevicePlan(
            console_log=folder / CONSOLE_LOG,
            graphics=config.graphics,
            pci_addresses=tuple(address for addresses in pci for address in addresses),
            mdevs=free_devices(host.name, "VGPU", config.mdevs, taken.mdevs, vgpus(wanted)),
        ),
        wanted=wanted,
    )


def domain_xml(plan: GuestPlan) -> str:
    domain = element("domain", {"type": plan.machine.virt_type})
    leaf(domain, "uuid", plan.order.instance_id)
    leaf(domain, "name", domain_name(plan.order.instance_id))
    domain.append(_metadata(plan))
    # Lists, since ElementTree hides an exception that a generator raises inside `extend`.
    domain.extend([*cpu_elements(plan.cpu), *machine_elements(plan.machine, plan.wanted)])
    disks = disk_elements(plan.disks, plan.files, plan.wanted)
    interfaces = interface_elements(plan.vifs, plan.cpu.vcpus, plan.wanted)
    domain.append(element("devices", {}, *disks, *interfaces, *device_elements(plan.devices, plan.wanted)))
    ElementTree.indent(domain)
    return ElementTree.tostring(domain, encoding="unicode")


# ---------------------------------------------------------------- what the definition remembers of its order


def _metadata(plan: GuestPlan) -> Element:
    return element("metadata", {}, _nova_metadata(plan), claim_element(plan.order.claim))


def _nova_metadata(plan: GuestPlan) -> Element:
    spec = plan.order.spec
    instance = element(_nova("instance"))
    leaf(instance, _nova("package"), "", {"version": PACKAGE_VERSION})
    leaf(instance, _nova("name"), spec.name)
    leaf(instance, _nova("creationTime"), datetime.fromtimestamp(plan.created_at, UTC).strftime("%Y-%m-%d %H:%M:%S"))
    instance.append(_nova_flavor(spec))
    owner = element(_nova("owner"))
    leaf(owner, _nova("user"), spec.user_id, {"uuid": spec.user_id})
    leaf(owner, _nova("project"), spec.project_id, {"uuid": spec.project_id})
    instance.append(owner)
    if spec.image_id:
        leaf(instance, _nova("root"), "", {"type": "image", "uuid": spec.image_id})
    instance.append(element(_nova("ports"), {}, *(_nova_port(vif) for vif in plan.vifs)))
    return instance


def _nova_flavor(spec: BootSpec) -> Element:
    flavor = spec.flavor
    made = element(_nova("flavor"), {"name": flavor.name})
    sizes = {"memory": flavor.ram_mib, "disk": flavor.disk_gib, "swap": flavor.swap_mib}
    for name, size in (sizes | {"ephemeral": flavor.ephemeral_gib, "vcpus": flavor.vcpus}).items():
        leaf(made, _nova(name), size)
    return made


def _nova_port(vif: Vif) -> Element:
    port = element(_nova("port"), {"uuid": vif.port_id})
    for fixed in vif.fixed_ips:
        version = "6" if ":" in fixed.ip_address else "4"
        leaf(port, _nova("ip"), "", {"type": "fixed", "address": fixed.ip_address, "ipVersion": version})
    return port


def _nova(tag: str) -> str:
    return f"{{{NOVA_NAMESPACE}}}{tag}"


def claim_element(claim: Claim) -> Element:
    """What the instance takes on the host, kept with the guest so that the host's books can be made from it alone."""
    sizes: dict[str, str | int] = {"vcpus": claim.vcpus, "ram_mib": claim.ram_mib, "disk_gib": claim.disk_gib}
    return element(f"{{{CLAIM_NAMESPACE}}}claim", sizes)


def claim_of(definition: str, host: str) -> Claim | None:
    """The claim in a guest's definition; None for a guest that is none of ours."""
    root = ElementTree.fromstring(definition)
    kept = root.find(f"./metadata/{{{CLAIM_NAMESPACE}}}claim")
    if kept is None:
        return None
    vcpus, ram_mib, disk_gib = (int(kept.get(key, "0")) for key in ("vcpus", "ram_mib", "disk_gib"))
    return Claim(instance_id=root.findtext("uuid", ""), host=host, vcpus=vcpus, ram_mib=ram_mib, disk_gib=disk_gib)

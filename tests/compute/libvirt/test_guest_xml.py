"""The definitions that guests get, element by element as BOOT_FLOW B3 lists them."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import msgspec
import pytest

from actors.cluster.config import NodeConfig
from actors.compute.block_info import disks_for
from actors.compute.build import Build
from actors.compute.libvirt.guest_xml import claim_of, domain_xml, needs_own_parts, plan_guest
from actors.compute.libvirt.host import Host, HostCell, Taken
from actors.errors import CallerError, HostError
from actors.messages import BlockDevice, ImageLocation
from tests.compute.guests import INSTANCE, SMALL, order, spec, vif, volume

HOST = Host("host-1", cells=(HostCell(0, (0, 1, 2, 3), (4, 2048)), HostCell(1, (4, 5, 6, 7), (4, 2048))))
NOVA = "{http://openstack.org/xmlns/libvirt/nova/1.1}"


def flavored(extra_specs: dict[str, str], **changes: Any) -> dict[str, Any]:
    return {"flavor": msgspec.structs.replace(SMALL, extra_specs=extra_specs, **changes)}


def text(virt_type: str = "qemu", config: NodeConfig | None = None, **changes: Any) -> str:
    build = Build(order(**changes))
    build.vifs = (vif(),)
    build.connections = tuple(volume(d.source_id) for d in spec(**changes).block_devices if d.source_type == "volume")
    build.disks = disks_for(build.order.spec, build.connections)
    node = config or NodeConfig(host="host-1", home=Path("/srv/node"))
    return domain_xml(plan_guest(build, node, HOST, Taken(), (virt_type, 0.0)))


def parsed(virt_type: str = "qemu", config: NodeConfig | None = None, **changes: Any) -> Element:
    return ElementTree.fromstring(text(virt_type, config, **changes))


def one(root: Element, path: str) -> Element:
    found = root.findall(path)
    assert len(found) == 1, f"{path}: {len(found)}"
    return found[0]


def shown(root: Element, path: str) -> list[dict[str, str]]:
    return [found.attrib for found in root.findall(path)]


def test_identity_and_metadata_in_nova_s_shape() -> None:
    root = parsed()
    assert (root.get("type"), root.findtext("uuid"), root.findtext("name")) == (
        "qemu",
        INSTANCE,
        f"instance-{INSTANCE}",
    )
    instance = one(root, f"./metadata/{NOVA}instance")
    assert instance.findtext(f"{NOVA}name") == "web"
    assert instance.findtext(f"{NOVA}creationTime") == "1970-01-01 00:00:00"
    assert one(instance, f"{NOVA}flavor").get("name") == "m1.tiny"
    assert instance.findtext(f"{NOVA}flavor/{NOVA}memory") == "96"
    assert one(instance, f"{NOVA}owner/{NOVA}project").get("uuid") == "p1"
    assert one(instance, f"{NOVA}root").attrib == {"type": "image", "uuid": "i1"}
    assert shown(instance, f"{NOVA}ports/{NOVA}port/{NOVA}ip") == [
        {"type": "fixed", "address": "1.1.1.1", "ipVersion": "4"}
    ]


def test_a_name_with_xml_in_it_stays_a_name() -> None:
    name = "</nova:name><disk type='file'/>&\x00\x1b\ud800"
    root = parsed(name=name)
    assert (
        root.findtext(f"./metadata/{NOVA}instance/{NOVA}name") == "</nova:name><disk type='file'/>&\ufffd\ufffd\ufffd"
    )
    assert not root.findall(".//metadata//disk")


def test_the_claim_can_be_read_back() -> None:
    claim = claim_of(text(), "host-1")
    assert claim == order().claim
    assert claim_of("<domain><uuid>x</uuid></domain>", "host-1") is None


def test_processors_and_memory_of_a_plain_guest() -> None:
    root = parsed(**flavored({}, vcpus=4))
    assert (root.findtext("memory"), root.findtext("vcpu")) == ("96", "4")
    assert one(root, "./cpu/topology").attrib == {"sockets": "4", "cores": "1", "threads": "1"}
    assert root.findtext("./cpu/model") == "Nehalem"
    assert not root.findall("cputune") + root.findall("numatune") + root.findall("memoryBacking")
    assert one(parsed("kvm"), "cpu").get("mode") == "host-model"


def test_topology_as_asked() -> None:
    asked = flavored({"hw:cpu_sockets": "2", "hw:cpu_threads": "2"}, vcpus=8)
    assert one(parsed(**asked), "./cpu/topology").attrib == {"sockets": "2", "cores": "2", "threads": "2"}
    with pytest.raises(CallerError, match="not the flavor's 8 vCPUs"):
        text(**flavored({"hw:cpu_sockets": "3", "hw:cpu_cores": "2"}, vcpus=8))


def test_dedicated_cpus_are_pinned_within_one_host_node() -> None:
    root = parsed(**flavored({"hw:cpu_policy": "dedicated"}, vcpus=2))
    assert shown(root, "./cputune/vcpupin") == [{"vcpu": "0", "cpuset": "0"}, {"vcpu": "1", "cpuset": "1"}]
    assert shown(root, "./cputune/emulatorpin") == [{"cpuset": "0,1"}]
    assert shown(root, "./numatune/memory") == [{"mode": "strict", "nodeset": "0"}]
    with pytest.raises(HostError, match="5 free CPUs"):
        text(**flavored({"hw:cpu_policy": "dedicated"}, vcpus=5))


def test_the_emulator_may_have_a_cpu_of_its_own() -> None:
    extra = {"hw:cpu_policy": "dedicated", "hw:emulator_threads_policy": "isolate"}
    assert shown(parsed(**flavored(extra)), "./cputune/emulatorpin") == [{"cpuset": "1"}]


def test_mixed_policy_pins_the_mask_and_lets_the_others_float() -> None:
    extra = {"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "^0-1,2-3,0-3"}
    pins = shown(parsed(**flavored(extra, vcpus=4)), "./cputune/vcpupin")
    assert [pin["cpuset"] for pin in pins] == ["2,3", "2,3", "0", "1"]


def test_numa_nodes_split_evenly_or_as_asked() -> None:
    root = parsed(**flavored({"hw:numa_nodes": "2"}, vcpus=4))
    cells = [(cell["id"], cell["cpus"], cell["memory"]) for cell in shown(root, "./cpu/numa/cell")]
    assert cells == [("0", "0,1", "49152"), ("1", "2,3", "49152")]
    assert len(shown(root, "./numatune/memnode")) == 2
    uneven = {
        "hw:numa_nodes": "2",
        "hw:numa_cpus.0": "0-2",
        "hw:numa_mem.0": "64",
        "hw:numa_cpus.1": "3",
        "hw:numa_mem.1": "32",
    }
    cells = [(c["cpus"], c["memory"]) for c in shown(parsed(**flavored(uneven, vcpus=4)), "./cpu/numa/cell")]
    assert cells == [("0,1,2", "65536"), ("3", "32768")]


@pytest.mark.parametrize(
    "extra",
    [
        {"hw:numa_nodes": "3"},
        {"hw:numa_nodes": "two"},
        {"hw:numa_nodes": "1", "hw:numa_cpus.0": "0-2", "hw:numa_mem.0": "96"},
        {"hw:numa_nodes": "1", "hw:numa_cpus.0": "0-3", "hw:numa_mem.0": "95"},
        {"hw:cpu_policy": "exclusive"},
        {"hw:watchdog_action": "explode"},
        {"hw:vif_model": "token-ring"},
    ],
)
def test_wishes_that_nobody_can_meet_are_the_caller_s_fault(extra: dict[str, str]) -> None:
    with pytest.raises(CallerError):
        text(**flavored(extra, vcpus=4))


def test_huge_pages() -> None:
    page = one(parsed(**flavored({"hw:mem_page_size": "large"})), "./memoryBacking/hugepages/page")
    assert page.attrib == {"size": "2048", "unit": "KiB", "nodeset": "0"}
    assert one(parsed(**flavored({"hw:mem_page_size": "2MB"})), "./memoryBacking/hugepages/page").get("size") == "2048"
    with pytest.raises(HostError, match="1GB"):
        text(**flavored({"hw:mem_page_size": "1GB"}))
    assert one(parsed(**flavored({"hw:locked_memory": "true"})), "./memoryBacking/locked") is not None


def test_cpu_quotas_and_traits() -> None:
    extra = {"quota:cpu_shares": "512", "quota:cpu_quota": "10000", "trait:HW_CPU_X86_SSE42": "required"}
    root = parsed(**flavored(extra))
    assert (root.findtext("./cputune/shares"), root.findtext("./cputune/quota")) == ("512", "10000")
    assert shown(root, "./cpu/feature") == [{"policy": "require", "name": "sse4.2"}]


def test_machine_features_and_clock() -> None:
    root = parsed()
    assert one(root, "./os/type").attrib == {"arch": "x86_64", "machine": "pc"}
    assert one(root, "./os/smbios").get("mode") == "sysinfo"
    assert "OpenStack Nova" in [entry.text for entry in root.findall("./sysinfo/system/entry")]
    assert {child.tag for child in one(root, "features")} == {"acpi", "apic", "tcg"}
    assert root.findtext("./features/tcg/tb-cache") == "32"
    assert [timer["name"] for timer in shown(root, "./clock/timer")] == ["rtc", "hpet"]
    kvm = parsed("kvm")
    assert {child.tag for child in one(kvm, "features")} == {"acpi", "apic"}
    assert {"name": "pit", "tickpolicy": "delay"} in shown(kvm, "./clock/timer")
    assert [root.findtext(f"on_{what}") for what in ("poweroff", "reboot", "crash")] == [
        "destroy",
        "restart",
        "destroy",
    ]


def test_windows_and_uefi() -> None:
    properties = {"os_type": "windows", "hw_firmware_type": "uefi", "os_secure_boot": "required"}
    root = parsed("kvm", image_properties=properties | {"hw_machine_type": "q35"})
    assert one(root, "clock").get("offset") == "localtime"
    assert one(root, "./features/hyperv/relaxed").get("state") == "on"
    secure = one(root, "./os/firmware/feature")
    assert (one(root, "os").get("firmware"), secure.attrib) == ("efi", {"enabled": "yes", "name": "secure-boot"})
    assert (one(root, "./os/nvram").text or "").endswith(f"{INSTANCE}/nvram.fd")
    with pytest.raises(CallerError, match="q35"):
        parsed("kvm", image_properties=properties)
    by_flavor = msgspec.structs.replace(SMALL, extra_specs={"os:secure_boot": "required"})
    asked = {"hw_firmware_type": "uefi", "hw_machine_type": "q35"}
    root = parsed("kvm", flavor=by_flavor, image_properties=asked)
    assert one(root, "./os/firmware/feature").get("enabled") == "yes"
    assert one(root, "./os/type").get("machine") == "q35"


def test_disks_with_source_serial_and_boot_order() -> None:
    data = BlockDevice(source_type="volume", destination_type="volume", source_id="v1", boot_index=1)
    root = parsed(block_devices=(data,), **flavored({"quota:disk_read_iops_sec": "100"}))
    first, second, drive = root.findall("./devices/disk")
    assert one(first, "driver").attrib == {"name": "qemu", "type": "qcow2", "cache": "writeback", "discard": "unmap"}
    assert one(first, "source").get("file") == f"/srv/node/instances/{INSTANCE}/disk"
    assert (one(first, "boot").get("order"), one(second, "boot").get("order")) == ("1", "2")
    assert first.findtext("./iotune/read_iops_sec") == "100"
    assert one(second, "source").attrib == {"protocol": "nbd", "name": "v1"}
    assert one(second, "./source/host").attrib == {"transport": "unix", "socket": "/run/nbd.sock"}
    assert second.findtext("serial") == "v1"
    assert (drive.get("device"), one(drive, "target").attrib) == ("cdrom", {"dev": "hda", "bus": "ide"})
    assert one(drive, "readonly") is not None


def test_scsi_disks_bring_their_controller() -> None:
    root = parsed(image_properties={"hw_disk_bus": "scsi"})
    assert one(root, "./devices/controller").attrib == {"type": "scsi", "index": "0", "model": "virtio-scsi"}


def test_an_iso_is_booted_as_a_cdrom() -> None:
    build = Build(order())
    build.disks = disks_for(build.order.spec, ())
    build.image = ImageLocation(
        image_id="i1", disk_format="iso", size=1, virtual_size=1, os_hash_value="", properties={}, urls=()
    )
    node = NodeConfig(host="host-1", home=Path("/srv/node"))
    root = ElementTree.fromstring(domain_xml(plan_guest(build, node, HOST, Taken(), ("qemu", 0.0))))
    assert [disk["device"] for disk in shown(root, "./devices/disk")] == ["cdrom", "cdrom"]


def test_a_volume_may_be_a_cdrom() -> None:
    disc = BlockDevice(
        source_type="volume", destination_type="volume", source_id="v1", boot_index=1, device_type="cdrom"
    )
    _, made, _ = parsed(block_devices=(disc,)).findall("./devices/disk")
    assert (made.get("device"), one(made, "target").attrib) == ("cdrom", {"dev": "hda", "bus": "ide"})
    assert one(made, "source").get("protocol") == "nbd" and one(made, "readonly") is not None


def test_an_interface_is_a_tap_made_beforehand() -> None:
    interface = one(parsed(), "./devices/interface")
    assert interface.get("type") == "ethernet"
    assert one(interface, "mac").get("address") == "fa:16:3e:d1:d7:72"
    assert one(interface, "target").attrib == {"dev": "tap712a2c63-e6", "managed": "no"}
    assert (one(interface, "model").get("type"), one(interface, "mtu").get("size")) == ("virtio", "1450")


def test_queues_and_bandwidth() -> None:
    extra = {"hw:vif_multiqueue_enabled": "true", "quota:vif_inbound_average": "1000"}
    interface = one(parsed(**flavored(extra, vcpus=2)), "./devices/interface")
    assert one(interface, "driver").get("queues") == "2"
    assert one(interface, "./bandwidth/inbound").attrib == {"average": "1000"}


def test_a_physical_function_is_passed_through() -> None:
    build = Build(order())
    build.vifs = (vif(vnic_type="direct", profile={"pci_slot": "0000:3b:10.2", "vlan": "12"}),)
    build.disks = disks_for(build.order.spec, ())
    node = NodeConfig(host="host-1", home=Path("/srv/node"))
    root = ElementTree.fromstring(domain_xml(plan_guest(build, node, HOST, Taken(), ("qemu", 0.0))))
    address = one(root, "./devices/interface[@type='hostdev']/source/address")
    assert address.attrib == {"type": "pci", "domain": "0x0000", "bus": "0x3b", "slot": "0x10", "function": "0x2"}
    assert one(root, "./devices/interface/vlan/tag").get("id") == "12"


def test_consoles_and_the_devices_that_every_guest_has() -> None:
    devices = one(parsed(), "devices")
    serial = one(devices, "serial")
    assert one(serial, "log").attrib == {"file": f"/srv/node/instances/{INSTANCE}/console.log", "append": "off"}
    assert one(devices, "graphics").attrib == {"type": "vnc", "autoport": "yes", "websocket": "-1"}
    assert one(devices, "./graphics/listen").get("address") == "127.0.0.1"
    assert one(devices, "./memballoon/stats").get("period") == "10"
    assert devices.findtext("./rng/backend") == "/dev/urandom"
    assert one(devices, "./video/model").get("type") == "vga"
    assert not devices.findall("watchdog") + devices.findall("channel") + devices.findall("hostdev")


def test_devices_on_request() -> None:
    properties = {"hw_watchdog_action": "reset", "hw_qemu_guest_agent": "yes", "hw_video_model": "virtio"}
    extra = {"hw_rng:allowed": "false", "hw:serial_port_count": "2"}
    devices = one(parsed(image_properties=properties | {"hw_pointer_model": "usbtablet"}, **flavored(extra)), "devices")
    assert one(devices, "watchdog").attrib == {"model": "i6300esb", "action": "reset"}
    assert one(devices, "./channel/target").get("name") == "org.qemu.guest_agent.0"
    assert one(devices, "./video/model").get("type") == "virtio"
    assert one(devices, "input").get("type") == "tablet"
    assert len(devices.findall("serial")) == 2
    assert not devices.findall("rng")


def test_spice_has_its_channel() -> None:
    devices = one(parsed(config=NodeConfig(host="host-1", home=Path("/srv/node"), graphics="spice")), "devices")
    assert one(devices, "graphics").attrib == {"type": "spice", "autoport": "yes"}
    assert one(devices, "channel").get("type") == "spicevmc"
    assert one(devices, "./channel/target").get("name") == "com.redhat.spice.0"
    assert one(devices, "./video/model").get("type") == "qxl"


def test_pci_and_mediated_devices_come_from_the_node_s_own() -> None:
    uuid = "aa618089-8b16-4d01-a136-25a0f3c73123"
    node = NodeConfig(
        host="host-1", home=Path("/srv/node"), pci_devices={"gpu": ("0000:06:00.0", "0000:07:00.0")}, mdevs=(uuid,)
    )
    asked = flavored({"pci_passthrough:alias": "gpu:2", "resources:VGPU": "1"})
    devices = one(parsed(config=node, **asked), "devices")
    assert [address["bus"] for address in shown(devices, "./hostdev[@type='pci']/source/address")] == ["0x06", "0x07"]
    assert one(devices, "./hostdev[@type='mdev']/source/address").get("uuid") == uuid
    with pytest.raises(HostError, match="PCI alias 'gpu'"):
        text(**asked)
    assert needs_own_parts(spec(**asked))
    assert not needs_own_parts(spec())

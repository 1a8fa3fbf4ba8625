"""libvirt's own judgement of definitions that this machine may not be able to run: each is one that it accepts."""

from pathlib import Path
from typing import Any

import libvirt
import msgspec
import pytest

from actors.clock import SystemClock
from actors.cluster.config import NodeConfig
from actors.compute.block_info import disks_for
from actors.compute.build import Build
from actors.compute.libvirt.daemon import await_daemon, start_daemon, stop_daemon
from actors.compute.libvirt.daemon_files import uri_of
from actors.compute.libvirt.guest_xml import domain_xml, plan_guest
from actors.compute.libvirt.host import Host, HostCell, Taken
from actors.messages import BlockDevice
from tests.compute.guests import SMALL, order, vif, volume

pytestmark = pytest.mark.real
HOST = Host("h", cells=(HostCell(0, (0, 1, 2, 3), (4, 2048)), HostCell(1, (4, 5, 6, 7), (4, 2048))))
DAEMON_WAIT_S = 60.0
VOLUME = BlockDevice(source_type="volume", destination_type="volume", source_id="v1", disk_bus="scsi", boot_index=1)
DISC = BlockDevice(source_type="volume", destination_type="volume", source_id="v2", device_type="cdrom", boot_index=2)

DEDICATED = {
    "hw:cpu_policy": "dedicated",
    "hw:emulator_threads_policy": "isolate",
    "hw:numa_nodes": "2",
    "hw:mem_page_size": "large",
    "hw:cpu_sockets": "2",
    "hw:locked_memory": "true",
}
LIMITED = {
    "quota:cpu_shares": "512",
    "quota:cpu_period": "100000",
    "quota:cpu_quota": "50000",
    "quota:disk_total_bytes_sec": "1000000",
    "quota:vif_inbound_average": "1000",
    "quota:vif_outbound_peak": "2000",
    "quota:vif_outbound_average": "1000",
    "hw_rng:rate_bytes": "64",
    "hw:vif_multiqueue_enabled": "true",
    "hw:serial_port_count": "2",
}
PASSED = {"pci_passthrough:alias": "gpu:1", "resources:VGPU": "1"}
DEVICES = {
    "hw_watchdog_action": "reset",
    "hw_qemu_guest_agent": "yes",
    "hw_video_model": "virtio",
    "hw_pointer_model": "usbtablet",
    "hw_machine_type": "q35",
    "hw_pmu": "false",
    "hw_boot_menu": "true",
}
WINDOWS = {"os_type": "windows", "hw_disk_bus": "sata", "hw_time_hpet": "true"}


@pytest.mark.parametrize("virt_type", ["qemu", "kvm"])
@pytest.mark.parametrize(
    ("extra_specs", "properties", "node"),
    [
        ({}, {}, {}),
        (DEDICATED, {}, {}),
        (LIMITED, {}, {}),
        (PASSED, {}, {"pci_devices": {"gpu": ("0000:06:00.0",)}, "mdevs": ("aa618089-8b16-4d01-a136-25a0f3c73123",)}),
        ({"hide_hypervisor_id": "true"}, DEVICES, {"graphics": "spice"}),
        ({}, WINDOWS, {"graphics": "none"}),
    ],
)
def test_the_definition_fits_libvirt_s_schema(
    extra_specs: dict[str, str], properties: dict[str, str], node: dict[str, Any], virt_type: str, session: NodeConfig
) -> None:
    flavor = msgspec.structs.replace(SMALL, vcpus=4, ephemeral_gib=1, swap_mib=16, extra_specs=extra_specs)
    build = Build(order(flavor=flavor, image_properties=properties, block_devices=(VOLUME, DISC)))
    direct = vif(
        vnic_type="direct", profile={"pci_slot": "0000:3b:10.2", "vlan": "12"}, mac_address="fa:16:3e:00:00:02"
    )
    build.vifs = (vif(), direct)
    build.disks = disks_for(build.order.spec, (volume("v1"), volume("v2")))
    config = NodeConfig(host="h", home=Path("/srv/node"), **node)
    clock = SystemClock()
    definition = domain_xml(plan_guest(build, config, HOST, Taken(), (virt_type, clock.now())))
    connection = libvirt.open(uri_of(session))
    try:
        domain = connection.defineXMLFlags(definition, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)
        domain.undefine()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def session(namespace: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    config = NodeConfig(host="h", home=tmp_path_factory.mktemp("node"), hypervisor="libvirt", netns=namespace)
    try:
        start_daemon(config)
        await_daemon(config, DAEMON_WAIT_S)
        yield config
    finally:
        stop_daemon(config)

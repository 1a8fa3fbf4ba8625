"""Image properties as Nova understands them: known names only, numbers and booleans read as such.

Used where aggregates or other instances' images are compared with a request's. Pure tables and two functions. The
names are those of Nova's image metadata object; a property that is not among them is nobody's concern here.
"""

from __future__ import annotations

from collections.abc import Mapping

from placement.errors import BadRequest
from placement.truth import is_true


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


INTEGERS = _words(
    """
    hw_cpu_cores hw_cpu_max_cores hw_cpu_max_sockets hw_cpu_max_threads hw_cpu_sockets hw_cpu_threads
    hw_maxphysaddr_bits hw_numa_nodes hw_redirected_usb_ports hw_serial_port_count hw_video_ram
    img_compression_level img_version
    """
)
BOOLEANS = _words(
    """
    hw_boot_menu hw_ephemeral_encryption hw_firmware_stateless hw_ipxe_boot hw_locked_memory hw_mem_encryption
    hw_pmu hw_qemu_guest_agent hw_time_hpet hw_vif_multiqueue_enabled hw_virtio_packed_ring img_bdm_v2
    img_cache_in_nova img_hide_hypervisor_id img_linked_clone img_use_agent os_require_quiesce
    os_skip_agent_inject_at_boot os_skip_agent_inject_ssh
    """
)
TEXTS = _words(
    """
    hw_architecture hw_auto_disk_config hw_cdrom_bus hw_cpu_policy hw_cpu_realtime_mask hw_cpu_thread_policy
    hw_device_id hw_disk_bus hw_disk_type hw_emulation_architecture hw_ephemeral_encryption_format
    hw_ephemeral_encryption_secret_uuid hw_firmware_type hw_floppy_bus hw_input_bus hw_machine_type
    hw_maxphysaddr_mode hw_mem_encryption_model hw_mem_page_size hw_pci_numa_affinity_policy hw_pointer_model
    hw_rescue_bus hw_rescue_device hw_rng_model hw_scsi_model hw_sound_model hw_tpm_model hw_tpm_secret_security
    hw_tpm_version hw_usb_model hw_video_model hw_vif_model hw_viommu_model hw_vm_mode hw_watchdog_action
    img_bittorrent img_config_drive img_hv_requested_version img_hv_type img_owner_id img_root_device_name
    img_signature img_signature_certificate_uuid img_signature_hash_method img_signature_key_type os_admin_user
    os_command_line os_distro os_secure_boot os_type
    """
)
EARLIER_NAMES = {
    "architecture": "hw_architecture",
    "auto_disk_config": "hw_auto_disk_config",
    "hypervisor_type": "img_hv_type",
    "hypervisor_version_requires": "img_hv_requested_version",
    "owner_id": "img_owner_id",
    "vm_mode": "hw_vm_mode",
    "vmware_adaptertype": "hw_scsi_model",
    "vmware_disktype": "hw_disk_type",
    "vmware_linked_clone": "img_linked_clone",
    "vmware_ostype": "os_distro",
}
CANONICAL: tuple[dict[str, str], ...] = (
    {"amd64": "x86_64", "i386": "i686", "i486": "i686", "i586": "i686"},
    {"xapi": "xen"},
    {"pv": "xen", "hv": "hvm", "baremetal": "hvm"},
)
"""Other words for an architecture, a hypervisor type and a vm mode."""

CANONICAL_WORDS = dict(zip(("hw_architecture", "img_hv_type", "hw_vm_mode"), CANONICAL, strict=True))


def typed(properties: Mapping[str, str]) -> dict[str, str | int | bool]:
    """The known properties, by their present names. Raises `BadRequest` where a number is asked for and none given."""
    read: dict[str, str | int | bool] = {}
    for key, value in properties.items():
        name = EARLIER_NAMES.get(key, key)
        if name in INTEGERS:
            read[name] = _whole(name, value)
        elif name in BOOLEANS:
            read[name] = is_true(value)
        elif name in CANONICAL_WORDS:
            read[name] = CANONICAL_WORDS[name].get(value.lower(), value.lower())
        elif name in TEXTS:
            read[name] = value
    return read


def as_pairs(properties: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    """(name, value as text) of the known properties, for comparing images with each other."""
    return frozenset((name, str(value)) for name, value in typed(properties).items())


def _whole(name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise BadRequest(name, f"{value!r} is not a whole number") from None

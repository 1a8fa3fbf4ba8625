"""What a flavor's extra specs may say from microversion 2.86 on: one table of names, and what their values are. Pure.

Called by `flavors.py`. A name in a namespace that is known here is in the table, or refused; any other name may be, and
may say what it likes. Source: the extra specs of Nova's manual and its API's history of microversions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache

from actors.errors import CallerFault, bad_request

Check = Callable[[str], str]
"""Why a value can't be; '' = it can."""

SINCE = (2, 86)
FLAGS = frozenset(("1", "t", "true", "on", "y", "yes", "0", "f", "false", "off", "n", "no"))
WHOLE = re.compile(r"\s*[+-]?\d{1,30}\s*")
GROUP = r"[a-zA-Z0-9_-]{0,64}"
CPUS = r"\^?\d+(-\d+)?(,\^?\d+(-\d+)?)*"


def anything(value: str) -> str:
    return ""


def flag(value: str) -> str:
    return "" if value.strip().lower() in FLAGS else f"'{value}' is not a valid boolean-like value."


def whole(value: str) -> str:
    return "" if WHOLE.fullmatch(value) else f"'{value}' is not a valid integer value."


def at_least(least: int) -> Check:
    def check(value: str) -> str:
        if wrong := whole(value):
            return wrong
        return "" if int(value) >= least else f"'{value.strip()}' is less than the min value of '{least}'."

    return check


def one_of(*values: str) -> Check:
    return lambda value: "" if value in values else f"'{value}' is not one of: {', '.join(values)}."


def written(pattern: str) -> Check:
    form = re.compile(pattern)
    return lambda value: "" if form.fullmatch(value) else f"'{value}' is not of the format '{pattern}'."


HW: dict[str, Check] = {
    "boot_menu": flag,
    "cpu_cores": at_least(1),
    "cpu_dedicated_mask": written(CPUS),
    "cpu_policy": one_of("dedicated", "shared", "mixed"),
    "cpu_realtime": flag,
    "cpu_realtime_mask": written(CPUS),
    "cpu_sockets": at_least(1),
    "cpu_thread_policy": one_of("prefer", "isolate", "require"),
    "cpu_threads": at_least(1),
    "emulator_threads_policy": one_of("isolate", "share"),
    "ephemeral_encryption": flag,
    "ephemeral_encryption_format": anything,
    "hide_hypervisor_id": flag,
    "locked_memory": flag,
    "max_cpu_cores": at_least(1),
    "max_cpu_sockets": at_least(1),
    "max_cpu_threads": at_least(1),
    "maxphysaddr_bits": at_least(0),
    "maxphysaddr_mode": one_of("emulate", "passthrough"),
    "mem_encryption": flag,
    "mem_encryption_model": one_of("amd-sev", "amd-sev-es"),
    "mem_page_size": written(r"large|small|any|\d+([kKMGT]i?)?(b|bit|B)?"),
    r"numa_cpus\.\d+": written(CPUS),
    r"numa_mem\.\d+": at_least(1),
    "numa_nodes": at_least(1),
    "pci_numa_affinity_policy": one_of("required", "preferred", "legacy", "socket"),
    "pmem": written(r"[a-zA-Z0-9_]+(,[a-zA-Z0-9_]+)*,?"),
    "pmu": flag,
    "redirected_usb_ports": at_least(0),
    "serial_port_count": at_least(0),
    "sound_model": anything,  # a model of the hypervisor
    "tpm_model": one_of("tpm-tis", "tpm-crb"),
    "tpm_secret_security": one_of("user", "host", "deployment"),
    "tpm_version": one_of("1.2", "2.0"),
    "usb_model": anything,
    "vif_multiqueue_enabled": flag,
    "viommu_model": one_of("intel", "smmuv3", "virtio", "auto"),
    "virtio_packed_ring": flag,
    "watchdog_action": one_of("none", "pause", "poweroff", "reset", "disabled"),
}

QUOTA: dict[str, Check] = {
    "cpu_(shares|period|quota)": at_least(0),
    "disk_(read|write|total)_(bytes|iops)_sec": at_least(0),
    "vif_(inbound|outbound)_(average|peak|burst)": at_least(0),
    "(cpu|memory|disk_io|vif)_(limit|reservation|shares_share)": whole,
    "(cpu|memory|disk_io|vif)_shares_level": anything,
}


def resource_class(name: str) -> bool:
    from os_resource_classes import STANDARDS  # loaded where a spec names one

    return name in STANDARDS or re.fullmatch("CUSTOM_[A-Z0-9_]+", name) is not None


def trait(name: str) -> bool:
    return name in _traits() or re.fullmatch("CUSTOM_[A-Z0-9_]+", name) is not None


@cache
def _traits() -> frozenset[str]:
    from os_traits import get_traits  # a package of many modules, loaded where a spec names one

    return frozenset(get_traits())


NAMESPACES: dict[str, Mapping[str, Check]] = {
    "accel": {"device_profile": anything},
    "aggregate_instance_extra_specs": {".+": anything},
    "capabilities": {".+": anything},
    "hw": HW,
    "hw_rng": {"allowed": flag, "rate_bytes": at_least(0), "rate_period": at_least(0)},
    "hw_video": {"ram_max_mb": at_least(0)},
    "os": {"secure_boot": one_of("disabled", "required")},
    "pci_passthrough": {"alias": written(r"[^:,]+:\d+(,\s*[^:,]+:\d+)*")},
    "quota": QUOTA,
    "vmware": {"hw_version": anything, "storage_policy": anything},
}
"""By namespace: the names after it, each a pattern, and what their values are."""

OF_NO_NAMESPACE: dict[str, Check] = {"hide_hypervisor_id": flag, "group_policy": one_of("isolate", "none")}
GROUPED: tuple[tuple[re.Pattern[str], Callable[[str], bool], Check], ...] = (
    (re.compile(f"resources{GROUP}"), resource_class, whole),
    (re.compile(f"trait{GROUP}"), trait, one_of("required", "forbidden")),
)
"""Namespaces of requests of placement, whose names are classes and traits; a group may follow the namespace."""


def specs_fault(specs: Mapping[str, str]) -> CallerFault | None:
    """The first that can't be, as a 400."""
    for name, value in specs.items():
        if wrong := _wrong(name, value):
            return bad_request("", f"Validation failed; {wrong}")
    return None


def _wrong(name: str, value: str) -> str:
    namespace, colon, rest = name.partition(":")
    if not colon:
        return OF_NO_NAMESPACE.get(name, anything)(value)
    unknown = f"extra spec '{name}' does not appear to be a valid extra spec."
    for form, is_known, check in GROUPED:
        if form.fullmatch(namespace):
            return check(value) if is_known(rest) else unknown
    known = NAMESPACES.get(namespace, {".*": anything})
    check_of = next((check for form, check in known.items() if re.fullmatch(form, rest)), None)
    return unknown if check_of is None else check_of(value)

"""What flavors and images ask of Placement: amounts and traits."""

from __future__ import annotations

import pytest

from placement import BadRequest
from placement.demands import Asked, Flavor, asked
from placement.image import typed


def of(specs: dict[str, str], image: dict[str, str] | None = None, vcpus: int = 4, local_gib: int = 10) -> Asked:
    return asked(Flavor("m", vcpus, 1024, local_gib, specs), image or {})


AMOUNTS: list[tuple[dict[str, str], dict[str, int]]] = [
    ({}, {"VCPU": 4, "MEMORY_MB": 1024, "DISK_GB": 10}),
    ({"resources:VCPU": "2"}, {"VCPU": 2, "MEMORY_MB": 1024, "DISK_GB": 10}),
    ({"resources:DISK_GB": "0"}, {"VCPU": 4, "MEMORY_MB": 1024}),
    ({"resources:CUSTOM_FPGA": "1"}, {"CUSTOM_FPGA": 1, "VCPU": 4, "MEMORY_MB": 1024, "DISK_GB": 10}),
    ({"resources:CUSTOM_FPGA": "few"}, {"VCPU": 4, "MEMORY_MB": 1024, "DISK_GB": 10}),
    (
        {"resources1:CUSTOM_X": "1", "resources:CUSTOM_X": "2"},
        {"CUSTOM_X": 3, "VCPU": 4, "MEMORY_MB": 1024, "DISK_GB": 10},
    ),
    ({"hw:cpu_policy": "dedicated"}, {"PCPU": 4, "MEMORY_MB": 1024, "DISK_GB": 10}),
    (
        {"hw:cpu_policy": "dedicated", "hw:emulator_threads_policy": "isolate"},
        {"PCPU": 5, "MEMORY_MB": 1024, "DISK_GB": 10},
    ),
    (
        {"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "0"},
        {"PCPU": 1, "VCPU": 3, "MEMORY_MB": 1024, "DISK_GB": 10},
    ),
]


@pytest.mark.parametrize(("specs", "expected"), AMOUNTS)
def test_amounts(specs: dict[str, str], expected: dict[str, int]) -> None:
    assert dict(of(specs).resources) == expected


TRAITS: list[tuple[dict[str, str], dict[str, str], set[str], set[str]]] = [
    ({"trait:X": "required", "trait:Y": "forbidden", "trait:Z": "maybe"}, {}, {"X"}, {"Y"}),
    ({"trait1:X": "required"}, {"trait:Y": "required", "trait:Z": "forbidden"}, {"X", "Y"}, set()),
    ({"trait:X": "forbidden"}, {"trait:X": "required"}, {"X"}, {"X"}),
    (
        {"hw:cpu_policy": "dedicated", "hw:cpu_thread_policy": "isolate"}, {},
        set(), {"HW_CPU_HYPERTHREADING"},
    ),
    ({"hw:pci_numa_affinity_policy": "socket"}, {}, {"COMPUTE_SOCKET_PCI_NUMA_AFFINITY"}, set()),
]  # fmt: skip


@pytest.mark.parametrize(("specs", "image", "required", "forbidden"), TRAITS)
def test_traits(specs: dict[str, str], image: dict[str, str], required: set[str], forbidden: set[str]) -> None:
    found = of(specs, image)
    assert (found.required, found.forbidden) == (required, forbidden)


GROUPS = [
    {"resources1:CUSTOM_X": "1", "resources2:CUSTOM_X": "1"},
    {"resources1:CUSTOM_X": "1", "resources2:CUSTOM_X": "1", "group_policy": "isolate"},
    {"resources:VCPU": "-1"},
]


@pytest.mark.parametrize("specs", GROUPS)
def test_groups_and_amounts_that_no_host_can_meet(specs: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        of(specs)


def test_groups_that_may_share_a_provider_add_up() -> None:
    specs = {"resources1:CUSTOM_X": "1", "resources2:CUSTOM_X": "1", "group_policy": "none"}
    assert dict(of(specs).resources)["CUSTOM_X"] == 2


def test_image_properties_have_types() -> None:
    properties = {
        "hw_cpu_cores": "4",
        "os_require_quiesce": "Yes",
        "architecture": "amd64",
        "my_own": "x",
        "os_distro": "d",
    }
    assert typed(properties) == {
        "hw_cpu_cores": 4, "os_require_quiesce": True, "hw_architecture": "x86_64", "os_distro": "d"
    }  # fmt: skip
    with pytest.raises(BadRequest):
        typed({"hw_cpu_cores": "four"})

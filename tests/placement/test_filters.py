"""Every filter, as a table of cases: which of the fleet's hosts pass it alone."""

from __future__ import annotations

import json

import numpy as np
import pytest

from placement import PROFILES, BadRequest, Claim, Fleet, Request
from placement.filters import FILTERS
from placement.filters.operators import matches
from placement.nova import nova_filters, placement_filters
from tests.placement.fleets import fleet_of, group, host, request, shape

NOVA_FILTERS = (*placement_filters(), *nova_filters().values())


def passing(name: str, fleet: Fleet, asked: Request, among: tuple = FILTERS) -> set[str]:
    each = next(each for each in among if each.name == name)
    alive = fleet.present(fleet.all)
    for check in each.checks(fleet, asked, fleet.all):
        alive = alive & check.passed
    return {fleet.state(int(row)).name for row in np.flatnonzero(alive)}


def test_compute_filter() -> None:
    fleet = fleet_of(host("a"), host("b", up=False), host("c", enabled=False, disabled_reason="disk"))
    assert passing("ComputeFilter", fleet, request()) == {"a"}


def test_zone() -> None:
    fleet = fleet_of(host("a", zone="z1"), host("b", zone="z2"))
    assert passing("AvailabilityZoneFilter", fleet, request(of=shape(zone="z2"))) == {"b"}
    assert passing("AvailabilityZoneFilter", fleet, request()) == {"a", "b"}
    assert passing("AvailabilityZoneFilter", fleet, request(of=shape(zone="typo"))) == set()


def test_nova_ignores_a_zone_that_no_aggregate_carries() -> None:
    fleet = fleet_of(host("a", zone="z1"))
    assert passing("AvailabilityZoneFilter", fleet, request(of=shape(zone="typo")), NOVA_FILTERS) == {"a"}


def test_names_are_compared_without_case() -> None:
    fleet = fleet_of(host("Node-1"), host("node-2"))
    assert passing("IgnoreHosts", fleet, request(ignore_hosts=frozenset({"node-1"}))) == {"node-2"}
    assert passing("ForcedHost", fleet, request(forced_host="NODE-2")) == {"node-2"}
    assert passing("ForcedHost", fleet, request(forced_host="elsewhere")) == set()


@pytest.mark.parametrize(
    ("asked", "fits"),
    [((8, 1, 1), True), ((9, 1, 1), False), ((1, 16_384, 1), True), ((1, 16_385, 1), False), ((1, 1, 101), False)],
)
def test_no_instance_is_larger_than_the_host(asked: tuple[int, int, int], fits: bool) -> None:
    fleet = fleet_of(host("a", cpu_ratio=16.0))
    assert passing("ResourceUnits", fleet, request(of=shape(*asked))) == ({"a"} if fits else set())


def test_capacity_counts_ratio_reservation_claims_and_reports() -> None:
    fleet = fleet_of(host("a", vcpus=4, cpu_ratio=1.5))
    fleet.claim(Claim("other", "a", (("VCPU", 4),)))
    assert passing("Capacity", fleet, request(of=shape(vcpus=2))) == {"a"}
    assert passing("Capacity", fleet, request(of=shape(vcpus=3))) == set()


def test_a_resource_class_that_no_host_has() -> None:
    fleet = fleet_of(host("a"))
    asked = Request("i", shape().__class__((("CUSTOM_FPGA", 1),)))
    assert passing("ResourceUnits", fleet, asked) == set()


PROPERTIES = [
    ({"hw_architecture": "amd64"}, {"intel"}),
    ({"hw_architecture": "aarch64"}, {"arm"}),
    ({"img_hv_type": "kvm"}, {"intel"}),
    ({"hw_architecture": "aarch64", "img_hv_type": "kvm"}, set()),
    ({"img_hv_requested_version": ">=7.0"}, {"intel", "none"}),
    ({"img_hv_type": "qemu", "img_hv_requested_version": ">=6.0, <7"}, {"arm"}),
    ({"hw_disk_bus": "virtio"}, {"intel", "arm", "none"}),
]


@pytest.mark.parametrize(("properties", "expected"), PROPERTIES)
def test_image_properties(properties: dict[str, str], expected: set[str]) -> None:
    fleet = fleet_of(
        host("intel", hypervisor_version=7_002_000),
        host("arm", hypervisor_version=6_002_000, supported_instances=(("aarch64", "qemu", "hvm"),)),
        host("none", supported_instances=()),
    )
    assert passing("ImagePropertiesFilter", fleet, request(of=shape(image_properties=properties))) == expected


def test_a_bad_version_is_the_callers_fault() -> None:
    fleet = fleet_of(host("a", hypervisor_version=7_000_000))
    with pytest.raises(BadRequest, match="img_hv_requested_version"):
        passing("ImagePropertiesFilter", fleet, request(of=shape(image_properties={"img_hv_requested_version": "new"})))


def test_nova_matches_words_anywhere_and_versions_only_beside_them() -> None:
    fleet = fleet_of(host("a", hypervisor_version=1_000_000, supported_instances=(("x86_64", "xen", "hvm"),)))
    name = "ImagePropertiesFilter"
    for properties, ours, novas in [
        ({"hw_vm_mode": "xen"}, set(), {"a"}),
        ({"img_hv_requested_version": ">2"}, set(), {"a"}),
    ]:
        asked = request(of=shape(image_properties=properties))
        assert passing(name, fleet, asked) == ours
        assert passing(name, fleet, asked, NOVA_FILTERS) == novas


CAPABILITIES = [
    ({"capabilities:nosuch": "5"}, set()),
    ({"nosuch": "5"}, {"a", "b"}),
    ({"other:scope": "5"}, {"a", "b"}),
    ({"capabilities:cpu_info:topology:cores": "= 8"}, {"a"}),
    ({"capabilities:cpu_info:features": "<in> avx512"}, {"a"}),
    ({"capabilities:gpu_model": "<or> T4 <or> A100"}, {"b"}),
    ({"capabilities:num_instances": "== 1"}, {"b"}),
    ({"free_ram_mb": ">= 16384"}, {"a"}),
    ({"hypervisor_type": "QEMU"}, {"a", "b"}),
]


@pytest.mark.parametrize(("specs", "expected"), CAPABILITIES)
def test_compute_capabilities(specs: dict[str, str], expected: set[str]) -> None:
    cpu = json.dumps({"topology": {"cores": 16}, "features": ["avx512f", "vmx"]})
    fleet = fleet_of(host("a", cpu_info=cpu), host("b", stats=(("gpu_model", "T4"),)))
    fleet.claim(Claim("i", "b", (("MEMORY_MB", 512),)))
    assert passing("ComputeCapabilitiesFilter", fleet, request(of=shape(extra_specs=specs))) == expected


OPERATORS = [
    ("8", "= 8", True), ("9", "= 8", True), ("7", "= 8", False), ("8", "== 8.0", True), ("8", "!= 8", False),
    ("8", ">= 9", False), ("8", "<= 9", True), ("abc", "s== abc", True), ("abc", "s!= abc", False),
    ("abc", "s< abd", True), ("avx2 vmx", "<in> avx", True), ("avx2 vmx", "<all-in> avx vmx", True),
    ("avx2", "<all-in> avx vmx", False), ("b", "<or> a <or> b", True), ("c", "<or> a <or> b", False),
    ("=> 8", "=> 8", True), ("two words", "two words", True), ("two words", "s== two words", False), ("", "", True),
]  # fmt: skip


@pytest.mark.parametrize(("value", "wanted", "expected"), OPERATORS)
def test_operators(value: str, wanted: str, expected: bool) -> None:
    assert matches(value, wanted) is expected


@pytest.mark.parametrize(("value", "wanted"), [("abc", ">= 5"), ("5", "== five"), ("5", "<or>")])
def test_operators_that_cannot_be_answered(value: str, wanted: str) -> None:
    with pytest.raises(BadRequest):
        matches(value, wanted, "capabilities:x")


def neighbours() -> Fleet:
    fleet = fleet_of(host("a"), host("b"), host("c"))
    for instance_id, where in (("i1", "a"), ("i2", "a"), ("i3", "b")):
        fleet.claim(Claim(instance_id, where, (("VCPU", 1),), group_id="g-1"))
    return fleet


NEIGHBOURS = [
    ("SameHostFilter", {"same_host": ("i3", "gone")}, {"b"}),
    ("SameHostFilter", {"same_host": ("gone",)}, set()),
    ("DifferentHostFilter", {"different_host": ("i1",)}, {"b", "c"}),
    ("DifferentHostFilter", {"different_host": ("gone",)}, {"a", "b", "c"}),
    ("ServerGroupAffinityFilter", {"group": group("affinity")}, {"a", "b"}),
    ("ServerGroupAffinityFilter", {"group": group("soft-affinity")}, {"a", "b", "c"}),
    ("ServerGroupAntiAffinityFilter", {"group": group("anti-affinity")}, {"c"}),
    ("ServerGroupAntiAffinityFilter", {"group": group("anti-affinity", max_server_per_host=2)}, {"b", "c"}),
]


@pytest.mark.parametrize(("name", "asked", "expected"), NEIGHBOURS)
def test_neighbours(name: str, asked: dict, expected: set[str]) -> None:
    assert passing(name, neighbours(), request(**asked)) == expected


def test_every_filter_of_a_profile_has_a_name_of_its_own() -> None:
    for profile in PROFILES.values():
        names = [each.name for each in profile.filters]
        assert len(names) == len(set(names))
        assert profile.skipped_when_forced <= set(names)

"""Nova's optional filters, as tables of cases: which of the fleet's hosts pass each alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from placement import Aggregate, BadRequest, Claim, Fleet, HostState, Request
from placement.filters.form import Filter
from placement.host import pairs
from placement.nova import nova_filters, placement_filters
from placement.request import Demands, Group
from placement.settings import Settings
from tests.placement.fleets import fleet_of, host, request, shape


def passing(each: Filter, fleet: Fleet, asked: Request) -> str:
    alive = fleet.present(fleet.all)
    for check in each.checks(fleet, asked, fleet.all):
        alive = alive & check.passed
    for row in np.flatnonzero(~alive):
        assert each.lack(fleet, asked, int(row))
    return "".join(sorted(fleet.state(int(row)).name for row in np.flatnonzero(alive)))


def asking(image: dict[str, str] | None = None, specs: dict[str, str] | None = None, **demands: Any) -> Request:
    return request(of=shape(image_properties=image or {}, extra_specs=specs or {}, demands=Demands(**demands)))


def by(name: str, **settings: Any) -> Filter:
    return nova_filters(Settings(**settings))[name]


def inside(name: str, *aggregates: dict[str, str], **facts: Any) -> HostState:
    made = tuple(Aggregate(f"agg{n}", pairs(metadata)) for n, metadata in enumerate(aggregates))
    return host(name, aggregates=made, **facts)


EXTRA_SPECS: list[tuple[dict[str, str], str]] = [
    ({}, "abc"),
    ({"aggregate_instance_extra_specs:ssd": "true"}, "ab"),
    ({"aggregate_instance_extra_specs:ssd": "s!= true"}, "b"),
    ({"ssd": "false"}, "b"),
    ({"capabilities:ssd": "no"}, "abc"),
    ({"aggregate_instance_extra_specs:size": ">= 5"}, "a"),
    ({"nosuch": "x"}, ""),
]


@pytest.mark.parametrize(("specs", "expected"), EXTRA_SPECS)
def test_aggregate_instance_extra_specs(specs: dict[str, str], expected: str) -> None:
    fleet = fleet_of(
        inside("a", {"ssd": "true", "size": "3, 7"}), inside("b", {"ssd": "true"}, {"ssd": "false"}), host("c")
    )
    assert passing(by("AggregateInstanceExtraSpecsFilter"), fleet, asking(specs=specs)) == expected


IMAGES: list[tuple[dict[str, str], str, dict[str, str]]] = [
    ({"os_distro": "debian"}, "ac", {}),
    ({"os_distro": "windows"}, "bc", {}),
    ({"hw_disk_bus": "virtio"}, "abc", {}),
    ({"my_own": "x"}, "abc", {}),
    ({"os_require_quiesce": "yes"}, "ac", {}),
    ({"os_require_quiesce": "no"}, "abc", {}),
    ({"os_distro": "windows"}, "abc", {"aggregate_image_properties_isolation_namespace": "hw"}),
    (
        {"os_distro": "windows"}, "bc",
        {
            "aggregate_image_properties_isolation_namespace": "os",
            "aggregate_image_properties_isolation_separator": "_",
        },
    ),
]  # fmt: skip


@pytest.mark.parametrize(("image", "expected", "settings"), IMAGES)
def test_aggregate_image_properties(image: dict[str, str], expected: str, settings: dict[str, str]) -> None:
    linux = {"os_distro": "debian , ubuntu", "os_require_quiesce": "True", "my_own": "y"}
    fleet = fleet_of(
        inside("a", linux), inside("b", {"os_distro": "windows", "os_require_quiesce": "False"}), host("c")
    )
    assert passing(by("AggregateImagePropertiesIsolation", **settings), fleet, asking(image)) == expected


TENANTS = [("p1", "abd"), ("p2", "bd"), ("p3", "bcd"), ("p4", "d")]


@pytest.mark.parametrize(("tenant", "expected"), TENANTS)
def test_multi_tenancy(tenant: str, expected: str) -> None:
    fleet = fleet_of(
        inside("a", {"filter_tenant_id": "p1"}),
        inside("b", {"filter_tenant_id": "p1, p2"}, {"filter_tenant_id9": "p3"}),
        inside("c", {"filter_tenant_ids": "p3"}), inside("d", {"tenant": "p9"}),
    )  # fmt: skip
    assert passing(by("AggregateMultiTenancyIsolation"), fleet, asking(tenant=tenant)) == expected


TENANT_LIMITS = [("p1", "a"), ("p2", "abc")]


@pytest.mark.parametrize(("tenant", "expected"), TENANT_LIMITS)
def test_placement_keeps_a_project_on_its_aggregates(tenant: str, expected: str) -> None:
    limit = placement_filters(Settings(limit_tenants_to_placement_aggregate=True))[0]
    fleet = fleet_of(inside("a", {"filter_tenant_id": "p1"}), inside("b", {"owner": "p2"}), host("c"))
    assert passing(limit, fleet, asking(tenant=tenant)) == expected
    strict = placement_filters(
        Settings(limit_tenants_to_placement_aggregate=True, placement_aggregate_required_for_tenants=True)
    )[0]
    with pytest.raises(BadRequest):
        passing(strict, fleet, asking(tenant="p9"))


@pytest.mark.parametrize(("flavor", "expected"), [("m1.tiny", "ac"), ("m1", "bc"), ("m2", "c")])
def test_type_affinity(flavor: str, expected: str) -> None:
    fleet = fleet_of(inside("a", {"instance_type": "m1.tiny,"}), inside("b", {"instance_type": "m1 , m3"}), host("c"))
    assert passing(by("AggregateTypeAffinityFilter"), fleet, asking(flavor_name=flavor)) == expected


LIMITS = [("IoOpsFilter", "a"), ("AggregateIoOpsFilter", "ade"), ("NumInstancesFilter", "a")]
LIMITS += [("AggregateNumInstancesFilter", "ad")]  # e has no say there


@pytest.mark.parametrize(("name", "expected"), LIMITS)
def test_a_host_with_as_many_as_the_limit_is_full(name: str, expected: str) -> None:
    busy = {"num_io_ops": 8, "num_instances": 8}
    fleet = fleet_of(
        host("a", num_io_ops=7, num_instances=7), host("b", **busy),
        inside("c", {"max_io_ops_per_host": "3,5", "max_instances_per_host": ""}, **busy),
        inside("d", {"max_io_ops_per_host": "9", "max_instances_per_host": "9"}, **busy),
        inside("e", {"max_io_ops_per_host": "12"}, {"max_io_ops_per_host": "10"}, **busy),
    )  # fmt: skip
    assert passing(by(name, max_instances_per_host=8), fleet, request()) == expected


ISOLATED: list[tuple[str, dict[str, Any], str]] = [
    ("gold", {}, "a"),
    ("other", {}, "b"),
    ("gold", {"restrict_isolated_hosts_to_isolated_images": False}, "a"),
    ("other", {"restrict_isolated_hosts_to_isolated_images": False}, "ab"),
    ("gold", {"isolated_images": frozenset()}, "b"),
    ("gold", {"isolated_hosts": frozenset()}, ""),
    ("gold", {"isolated_hosts": frozenset(), "isolated_images": frozenset()}, "ab"),
]


@pytest.mark.parametrize(("image_id", "settings", "expected"), ISOLATED)
def test_isolated_hosts(image_id: str, settings: dict[str, Any], expected: str) -> None:
    given = {"isolated_hosts": frozenset("a"), "isolated_images": frozenset({"gold"}), **settings}
    assert (
        passing(by("IsolatedHostsFilter", **given), fleet_of(host("a"), host("b")), asking(image_id=image_id))
        == expected
    )


NEAR = [("10.0.1.9", "", "a"), ("10.0.1.9", "/16", "ab"), ("10.0.1.9", "/0", "ab"), ("fd00::1", "/64", "c")]


@pytest.mark.parametrize(("near", "size", "expected"), NEAR)
def test_simple_cidr_affinity(near: str, size: str, expected: str) -> None:
    fleet = fleet_of(host("a", host_ip="10.0.1.200"), host("b", host_ip="10.0.9.1"), host("c", host_ip="fd00::9"))
    hints = pairs({"build_near_host_ip": near, "cidr": size} if size else {"build_near_host_ip": near})
    assert passing(by("SimpleCIDRAffinityFilter"), fleet, asking(hints=hints)) == expected


def test_an_address_that_is_none_is_the_callers_fault() -> None:
    hints = pairs({"build_near_host_ip": "10.0.1.9", "cidr": "24"})
    with pytest.raises(BadRequest):
        passing(by("SimpleCIDRAffinityFilter"), fleet_of(host("a")), asking(hints=hints))
    assert passing(by("SimpleCIDRAffinityFilter"), fleet_of(host("a")), asking()) == "a"


QUERIES = [
    ('[">=", "$free_ram_mb", 8192]', "a"),
    ('["=", "$host", "a", "b"]', ""),
    ('["in", "$host", "b", "c"]', "b"),
    ('[">", "$vcpus_total", 2, 3]', "ab"),
    ('["<", "$num_instances", 1]', "a"),
    ('["=", "$nosuch", 5]', ""),
    ('["=", "$stats.gpu", "T4"]', "b"),
    ('["=", "$service.disabled", false]', "ab"),
    ('["not", ["=", "$host", "a"]]', "b"),
    ('["and", ["not", ["=", "$host", "a"]], [">", 2, 1]]', "ab"),
    ('["or", ["=", "$host", "a"], ["=", "$host", "b"]]', "ab"),
    ("[]", "ab"),
    ('["and"]', "ab"),
    ('["or"]', ""),
    ('["not"]', ""),
]


def two() -> Fleet:
    return fleet_of(host("a"), host("b", ram_mib=4096, num_instances=2, stats=(("gpu", "T4"),), cpu_info="{}"))


@pytest.mark.parametrize(("query", "expected"), QUERIES)
def test_json_query(query: str, expected: str) -> None:
    assert passing(by("JsonFilter"), two(), asking(hints=(("query", query),))) == expected


CHOKING = ["{", '["xor", 1]', '["<", "$host", 5]', '{"a": 1}', '"and"', '[["and"]]', '["=", "$cpu_info.x", 1]']


@pytest.mark.parametrize("query", CHOKING)
def test_queries_that_cannot_be_answered(query: str) -> None:
    with pytest.raises(BadRequest):
        passing(by("JsonFilter"), two(), asking(hints=(("query", query),)))


TRAITS = [(("X",), (), "ab"), (("X", "Y"), (), "b"), ((), ("Y",), "ac"), (("X",), ("X",), "")]


@pytest.mark.parametrize(("required", "forbidden", "expected"), TRAITS)
def test_traits(required: tuple[str, ...], forbidden: tuple[str, ...], expected: str) -> None:
    fleet = fleet_of(host("a", traits=frozenset("X")), host("b", traits=frozenset("XY")), host("c"))
    asked = asking(required_traits=frozenset(required), forbidden_traits=frozenset(forbidden))
    assert passing(placement_filters()[-1], fleet, asked) == expected


def test_metrics_that_are_weighed_must_be_there() -> None:
    fleet = fleet_of(host("a", metrics=(("cpu", 1.0), ("net", 2.0))), host("b", metrics=(("cpu", 1.0),)))
    assert passing(by("MetricsFilter", metrics=(("cpu", 0.0), ("net", 1.0))), fleet, request()) == "a"
    assert passing(by("MetricsFilter"), fleet, request()) == "ab"


PLAIN_SPECS = [
    ({"gpu": "T4"}, "ab"),
    ({"gpu": "A1"}, "a"),
    ({"hw:maxphysaddr_bits": "46"}, "a"),
    ({"nosuch": "1"}, "ab"),
]


@pytest.mark.parametrize(("specs", "expected"), PLAIN_SPECS)
def test_plain_specs_are_asked_of_hosts_that_tell_them(specs: dict[str, str], expected: str) -> None:
    fleet = fleet_of(host("a", cpu_info='{"maxphysaddr": {"bits": 52}}'), host("b", stats=(("gpu", "T4"),)))
    assert passing(by("ComputeCapabilitiesFilter"), fleet, asking(specs=specs)) == expected


def test_an_image_that_asks_for_address_bits_is_refused_where_it_suits() -> None:
    image = {"hw_architecture": "x86_64", "hw_maxphysaddr_bits": "46"}
    with pytest.raises(BadRequest):
        passing(by("ImagePropertiesFilter"), fleet_of(host("a")), asking(image))
    assert passing(by("ImagePropertiesFilter"), fleet_of(host("a", supported_instances=())), asking(image)) == ""
    by_default = by("ImagePropertiesFilter", image_properties_default_architecture="aarch64")
    assert passing(by_default, fleet_of(host("a")), asking()) == ""


MEMBERS: list[tuple[str, Group, str]] = [
    ("i", Group("g", "anti-affinity", members=frozenset({"m1", "m2", "m3"})), "c"),
    ("i", Group("g", "anti-affinity", 2, members=frozenset({"m1", "m2", "m3"})), "bc"),
    ("m1", Group("g", "anti-affinity", members=frozenset({"m1", "m2", "m3"})), "ac"),
    ("i", Group("g", "soft-anti-affinity", members=frozenset({"m1"})), "abc"),
]


@pytest.mark.parametrize(("instance_id", "group", "expected"), MEMBERS)
def test_members_count_by_report_and_by_claim_once(instance_id: str, group: Group, expected: str) -> None:
    fleet = fleet_of(host("a", instances=frozenset({"m1", "m2"})), host("b", instances=frozenset({"m3"})), host("c"))
    fleet.claim(Claim("m3", "b", (), group_id="g"))
    assert passing(by("ServerGroupAntiAffinityFilter"), fleet, request(instance_id, group=group)) == expected


NEIGHBOURS = [
    ("SameHostFilter", {"same_host": ("m1", "x")}, "a"),
    ("DifferentHostFilter", {"different_host": ("m1",)}, "b"),
]


@pytest.mark.parametrize(("name", "asked", "expected"), NEIGHBOURS)
def test_neighbours_that_only_hosts_know(name: str, asked: dict[str, Any], expected: str) -> None:
    fleet = fleet_of(host("a", instances=frozenset({"m1"})), host("b"))
    assert passing(by(name), fleet, request(**asked)) == expected
    fleet.upsert(host("a"))
    assert passing(by(name), fleet, request(**asked)) == ("" if name == "SameHostFilter" else "ab")


def test_numa_cannot_be_asked_without_an_image() -> None:
    with pytest.raises(BadRequest):
        passing(by("NUMATopologyFilter"), fleet_of(host("a")), request(imageless=True))
    assert passing(by("NUMATopologyFilter"), fleet_of(host("a")), request()) == "a"

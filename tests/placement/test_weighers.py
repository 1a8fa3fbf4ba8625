"""Every weigher's raw numbers and normalisation, multipliers of aggregates, and how profiles add them up."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest

from placement import PROFILES, Aggregate, BadRequest, Claim, Fleet, Placement, Placer, Request, Stock
from placement.host import pairs
from placement.multipliers import multiplier
from placement.nova import MULTIPLIERS, nova_profile
from placement.pci import PciPool
from placement.request import Group, Move
from placement.settings import Settings
from placement.weighers.asked import ImageLocalityWeigher
from placement.weighing import factors, for_row, totals, weights
from tests.placement.fleets import fleet_of, host, request, shape


def weighed(name: str, fleet: Fleet, asked: Request | None = None, times: float = 1.0, **settings: Any) -> list[float]:
    profile = nova_profile(Settings(**settings), (), {name: times})
    given = weights(fleet, fleet.all, profile, asked or request())[name]
    return [round(float(value), 4) for value in given]


DISKS = {"stocks": (Stock("DISK_GB", 100, reserved=20),)}
DEVICES = (PciPool((), None, 50), PciPool((), 0, 40))
IMAGES = (frozenset({("os_distro", "debian"), ("hw_disk_bus", "scsi")}), frozenset({("os_distro", "debian")}))

WEIGHED: list[tuple[str, list[dict[str, Any]], list[float]]] = [
    ("RAMWeigher", [{"ram_mib": 4096}, {"ram_mib": 1024}], [1.0, 0.25]),
    ("RAMWeigher", [{"ram_mib": 4096}, {"ram_mib": 4096}], [1.0, 1.0]),
    ("CPUWeigher", [{"cpu_ratio": 4.0}, {}], [1.0, 0.25]),
    ("CPUWeigher", [{"stocks": (Stock("VCPU", 4, used=8),)}, {}], [0.0, 1.0]),
    ("DiskWeigher", [{"disk_available_least_gib": 20, **DISKS}, DISKS], [0.25, 1.0]),
    ("IoOpsWeigher", [{"num_io_ops": 2}, {"num_io_ops": 8}], [0.25, 1.0]),
    ("NumInstancesWeigher", [{"num_instances": 2}, {"num_instances": 8}, {"num_instances": 5}], [0.0, 1.0, 0.5]),
    ("NumInstancesWeigher", [{"num_instances": 2}, {"num_instances": 2}], [0.0, 0.0]),
    ("BuildFailureWeigher", [{"failed_builds": 0}, {"failed_builds": 3}], [0.0, 1.0]),
    ("HypervisorVersionWeigher", [{"hypervisor_version": 6}, {"hypervisor_version": 8}], [0.0, 1.0]),
    ("PCIWeigher", [{"pci_pools": DEVICES}, {}, {"pci_pools": DEVICES[:1] * 3}], [0.0909, 1.0, 0.0]),
]


@pytest.mark.parametrize(("name", "hosts", "expected"), WEIGHED)
def test_weighers_of_hosts(name: str, hosts: list[dict[str, Any]], expected: list[float]) -> None:
    assert weighed(name, fleet_of(*(host(f"h{n}", **facts) for n, facts in enumerate(hosts)))) == expected


GROUP = frozenset({"m1", "m2", "m3"})
ASKED: list[tuple[str, dict[str, Any], list[float]]] = [
    ("ServerGroupSoftAffinityWeigher", {"group": Group("g", "soft-affinity", members=GROUP)}, [1.0, 0.5, 0.0]),
    ("ServerGroupSoftAffinityWeigher", {"group": Group("g", "soft-anti-affinity", members=GROUP)}, [0.0, 0.0, 0.0]),
    ("ServerGroupSoftAntiAffinityWeigher", {"group": Group("g", "soft-anti-affinity", members=GROUP)}, [0.0, 0.5, 1.0]),
    ("CrossCellWeigher", {"move": Move("c1", True)}, [1.0, 0.0, 1.0]),
    ("CrossCellWeigher", {"move": Move("c1", False)}, [0.0, 0.0, 0.0]),
    ("CrossCellWeigher", {}, [0.0, 0.0, 0.0]),
    ("ImagePropertiesWeigher", {"image": (("os_distro", "debian"),)}, [1.0, 0.0, 0.0]),
    ("ImagePropertiesWeigher", {}, [0.0, 0.0, 0.0]),
]


@pytest.mark.parametrize(("name", "asked", "expected"), ASKED)
def test_weighers_of_requests(name: str, asked: dict[str, Any], expected: list[float]) -> None:
    fleet = fleet_of(
        host("a", instances=frozenset({"m1", "m2"}), cell="c1", instance_images=IMAGES),
        host("b", instances=frozenset({"m3", "x"}), cell="c2"), host("c", cell="c1"),
    )  # fmt: skip
    assert weighed(name, fleet, request(**asked)) == expected


def test_image_properties_by_weight_and_only_while_switched_on() -> None:
    fleet = fleet_of(host("a", instance_images=IMAGES), host("b", instance_images=IMAGES[1:]))
    asked = request(image=(("hw_disk_bus", "scsi"), ("os_distro", "debian")))
    assert weighed("ImagePropertiesWeigher", fleet, asked, image_props=(("os_distro", 2.0),)) == [1.0, 0.0]
    assert weighed("ImagePropertiesWeigher", fleet, asked, image_props=(("hw_disk_bus", 0.0),)) == [0.0, 0.0]
    assert weighed("ImagePropertiesWeigher", fleet, asked, times=0.0) == [0.0, 0.0]


def test_metrics() -> None:
    fleet = fleet_of(host("a", metrics=(("cpu.percent", 0.57),)), host("b", metrics=(("cpu.percent", 0.1),)), host("c"))
    given: dict[str, Any] = {"metrics": (("cpu.percent", -1.0),), "metrics_required": False}
    assert weighed("MetricsWeigher", fleet, **given) == [0.9954, 1.0, 0.0]  # 56, 10 and -10,000
    assert weighed("MetricsWeigher", fleet, **given, metrics_weight_of_unavailable=-56.0) == [0.0, 1.0, 0.0]
    assert weighed("MetricsWeigher", fleet, metrics=(("cpu.percent", 0.0),), metrics_required=False) == [0.0, 0.0, 0.0]
    with pytest.raises(BadRequest):
        weighed("MetricsWeigher", fleet, metrics=(("cpu.percent", 1.0),))


OVERRIDES = [(("2", "0.5"), 0.5), ((), 1.0), (("2", "much"), 1.0), (("-3",), -3.0), (("",), 1.0), (("1e2",), 100.0)]


@pytest.mark.parametrize(("texts", "expected"), OVERRIDES)
def test_the_least_multiplier_of_a_hosts_aggregates_counts(texts: tuple[str, ...], expected: float) -> None:
    aggregates = tuple(Aggregate(text, pairs({"ram_weight_multiplier": text})) for text in texts)
    assert multiplier(aggregates, "RAMWeigher", 1.0) == expected


def test_a_positive_multiplier_of_failures_is_against_the_host() -> None:
    rewarding = (Aggregate("x", pairs({"build_failure_weight_multiplier": "-1"})),)
    assert multiplier(rewarding, "BuildFailureWeigher", -1e6) == 1.0


def test_nova_weighs_no_single_candidate() -> None:
    given = weights(fleet_of(host("a")), np.array([0]), PROFILES["nova"], request())
    assert set(given) == set(MULTIPLIERS) and all(not each.any() for each in given.values())


MIXED = pairs({"ram_weight_multiplier": "-2"})


@pytest.mark.parametrize("profile", ["spread", "pack"])
def test_standing_weights_know_multipliers_of_aggregates(profile: str) -> None:
    fleet = fleet_of(host("a", aggregates=(Aggregate("x", MIXED),)), host("b"), host("c", ram_mib=1024))
    scaled = factors(fleet, PROFILES[profile])
    alone = for_row(fleet, PROFILES[profile], scaled)
    assert [alone(row) for row in range(3)] == totals(fleet, fleet.all, PROFILES[profile], scaled).tolist()
    placed = Placer(fleet, PROFILES["spread"]).place_one(request(), Random(1))
    assert isinstance(placed, Placement) and placed.host == "b"
    fleet.upsert(host("b", aggregates=(Aggregate("x", MIXED),)))
    fleet.upsert(host("a"))
    again = Placer(fleet, PROFILES["spread"]).place_one(request("i-2"), Random(1))
    assert isinstance(again, Placement) and again.host == "a"


@pytest.mark.parametrize(("policy", "hosts"), [("soft-affinity", 1), ("soft-anti-affinity", 4)])
@pytest.mark.parametrize("profile", ["spread", "pack"])
def test_soft_groups_prefer_and_never_insist(policy: str, hosts: int, profile: str) -> None:
    fleet = fleet_of(*(host(f"h{n}", vcpus=64, ram_mib=65_536, disk_gib=1_000) for n in range(4)))
    placer = Placer(fleet, PROFILES[profile])
    answers = [placer.place_one(request(f"i{n}", group=Group("g", policy)), Random(n)) for n in range(4)]
    assert len({each.host for each in answers if isinstance(each, Placement)}) == hosts


def test_a_host_is_drawn_from_the_best() -> None:
    fleet = fleet_of(*(host(f"h{n}", ram_mib=1024 * (n + 1)) for n in range(6)))
    placer = Placer(fleet, nova_profile(Settings(host_subset_size=3)))
    rows = {placer.choose(request(of=shape(ram_mib=64)), Random(n)) for n in range(40)}
    assert rows == {3, 4, 5}


def test_an_images_home_is_preferred_where_a_profile_says_so() -> None:
    spread = PROFILES["spread"]
    near = replace(
        spread,
        asked=(*spread.asked, ImageLocalityWeigher()),
        multipliers={**spread.multipliers, "ImageLocalityWeigher": 9},
    )
    fleet = fleet_of(host("a", vcpus=64), host("b", images=frozenset({"img"})))
    fleet.claim(Claim("x", "b", (("VCPU", 2),)))
    for image_id, expected in (("img", "b"), ("other", "a")):
        placed = Placer(fleet, near).place_one(request(image_id, image_id=image_id), Random(1))
        assert isinstance(placed, Placement) and placed.host == expected

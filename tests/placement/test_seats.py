"""Seats: cells and devices that claims have, from the request to the next one that finds them taken."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from placement import PROFILES, Claim, Fleet, HostState, NoHost, Placement, Placer
from placement.numa.cells import HostCell
from placement.numa.guest import GuestCell, GuestTopology
from placement.pci import PciPool, PciRequest
from placement.request import Demands
from placement.seat import find
from tests.placement.fleets import fleet_of, host, request, shape

GPU = (("dev_type", "type-PCI"), ("product_id", "1eb8"), ("vendor_id", "10de"))
PINS_2 = GuestTopology((GuestCell(512, 0, 2),), cpu_policy="dedicated")


def cells(count: int = 2, cpus: int = 4) -> tuple[HostCell, ...]:
    made = []
    for number in range(count):
        ids = frozenset(range(number * cpus, (number + 1) * cpus))
        siblings = tuple(frozenset({cpu}) for cpu in sorted(ids))
        made.append(HostCell(number, 4096, shared=ids, dedicated=ids, siblings=siblings, socket=number))
    return tuple(made)


def rich(name: str, **more: Any) -> HostState:
    pools = (PciPool(GPU, 0, 1), PciPool(GPU, 1, 1))
    return host(name, vcpus=64, **{"numa": cells(), "pci_pools": pools, **more})


def asking(instance_id: str, gpus: int = 0, numa: GuestTopology | None = PINS_2) -> Any:
    pci = (PciRequest((GPU,), gpus, "required"),) if gpus else ()
    return request(instance_id, shape(ram_mib=512, demands=Demands(numa=numa, pci=pci)))


def pinned(fleet: Fleet, name: str) -> list[int]:
    room = fleet.room(fleet.row_of[name])
    return sorted(cpu for cell in room.cells for cpu in cell.pinned)


@pytest.mark.parametrize("profile", ["spread", "pack"])  # Nova asks for cells only where its filter is switched on
def test_cells_fill_up_are_given_back_and_filled_again(profile: str) -> None:
    fleet = fleet_of(rich("a"), host("plain", vcpus=64))
    placer = Placer(fleet, PROFILES[profile])
    answers = [placer.place_one(asking(f"i{n}"), Random(n)) for n in range(5)]
    assert [isinstance(each, Placement) and each.host == "a" for each in answers] == [True] * 4 + [False]
    assert pinned(fleet, "a") == list(range(8))
    refused = answers[4]
    assert isinstance(refused, NoHost) and refused.reasons == {"NUMATopologyFilter": 2}
    fleet.release("i1")
    fleet.release("i1")
    assert len(pinned(fleet, "a")) == 6
    assert isinstance(placer.place_one(asking("i9"), Random(1)), Placement)


def test_devices_near_the_cells_are_taken_and_counted() -> None:
    fleet = fleet_of(rich("a"))
    placer = Placer(fleet, PROFILES["spread"])
    assert fleet.devices.at[0] == 2
    for number in (0, 1):
        assert isinstance(placer.place_one(asking(f"i{number}", gpus=1), Random(1)), Placement)
        seat = fleet.claims[f"i{number}"].seat
        assert seat is not None and seat.devices[0][0] == seat.cells[0].cell
    assert fleet.devices.at[0] == 0
    assert isinstance(placer.place_one(asking("i2", gpus=1), Random(1)), NoHost)
    fleet.release("i0")
    assert fleet.devices.at[0] == 1


def test_the_same_host_and_request_give_the_same_seat() -> None:
    one, other = fleet_of(rich("a")), fleet_of(rich("a"))
    demands = asking("i", gpus=1).shape.asks
    assert find(one.room(0), demands) == find(other.room(0), demands)


def test_a_report_that_names_a_claimed_instance_counts_it_itself() -> None:
    fleet = fleet_of(rich("a"))
    Placer(fleet, PROFILES["spread"]).place_one(asking("i"), Random(1))
    had = pinned(fleet, "a")
    fleet.upsert(rich("a", num_instances=1))
    assert pinned(fleet, "a") == had
    reported = fleet.room(0).cells
    fleet.upsert(rich("a", numa=reported, instances=frozenset({"i"})))
    assert fleet.room(0).cells == reported


def test_seats_of_a_host_that_leaves_wait_for_its_return() -> None:
    fleet = fleet_of(rich("a"))
    Placer(fleet, PROFILES["spread"]).place_one(asking("i"), Random(1))
    had = pinned(fleet, "a")
    fleet.remove("a")
    fleet.upsert(rich("a"))
    assert pinned(fleet, "a") == had and len(had) == 2


def test_requests_without_demands_take_no_seat() -> None:
    fleet = fleet_of(rich("a"))
    Placer(fleet, PROFILES["spread"]).place_one(request("i"), Random(1))
    assert fleet.claims["i"].seat is None and pinned(fleet, "a") == []


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("place"), st.integers(0, 9), st.integers(0, 1), st.sampled_from([PINS_2, None])),
        st.tuples(st.just("release"), st.integers(0, 9)),
        st.tuples(st.just("leave"), st.sampled_from("ab")),
        st.tuples(st.just("return"), st.sampled_from("ab")),
    ),
    max_size=40,
)


@settings(max_examples=100, deadline=None)
@given(STEPS, st.sampled_from(sorted(PROFILES)))
def test_no_cpu_and_no_device_is_ever_had_twice(steps: list[tuple], profile: str) -> None:
    fleet = fleet_of(rich("a"), rich("b"))
    placer = Placer(fleet, PROFILES[profile])
    for step in steps:
        match step:
            case ("place", number, gpus, numa):
                placer.place_one(asking(f"i{number}", gpus, numa), Random(number))
            case ("release", number):
                fleet.release(f"i{number}")
            case ("leave", name):
                fleet.remove(name)
            case ("return", name):
                fleet.upsert(rich(name))
    for name in "ab":
        mine = [claim for claim in fleet.claims.values() if claim.host == name and claim.seat is not None]
        cpus = [cpu for claim in mine for seat in claim.seat.cells for cpu in seat.pinned]
        devices = sum(count for claim in mine for _, count in claim.seat.devices)
        assert len(cpus) == len(set(cpus))
        assert devices <= 2
        if name in fleet.row_of:
            assert pinned(fleet, name) == sorted(cpus)
            assert fleet.devices.at[fleet.row_of[name]] == 2 - devices


def test_a_claim_told_anew_replaces_its_seat() -> None:
    fleet = fleet_of(rich("a"))
    Placer(fleet, PROFILES["spread"]).place_one(asking("i"), Random(1))
    fleet.claim(structs.replace(fleet.claims["i"], seat=None))
    assert pinned(fleet, "a") == []
    fleet.claim(Claim("i", "a", ()))
    assert pinned(fleet, "a") == []

"""The fleet: claims and hosts come and go in any order, and the columns always add up."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from placement import Claim, Fleet, Stock
from tests.placement.fleets import fleet_of, host


def used(fleet: Fleet, name: str, resource_class: str = "VCPU") -> int:
    return fleet.inventory[resource_class].used.at[fleet.row_of[name]]


def claim(instance_id: str, where: str, vcpus: int = 2) -> Claim:
    return Claim(instance_id, where, (("VCPU", vcpus), ("MEMORY_MB", 512)))


def test_a_claim_twice_is_one_claim_and_a_release_twice_one_release() -> None:
    fleet = fleet_of(host("a"))
    fleet.claim(claim("i", "a"))
    fleet.claim(claim("i", "a"))
    assert used(fleet, "a") == 2
    fleet.release("i")
    fleet.release("i")
    assert used(fleet, "a") == 0
    assert fleet.instances.used.at[0] == fleet.io_ops.used.at[0] == 0


def test_a_claim_elsewhere_replaces_the_first() -> None:
    fleet = fleet_of(host("a"), host("b"))
    fleet.claim(claim("i", "a"))
    fleet.claim(claim("i", "b"))
    assert (used(fleet, "a"), used(fleet, "b")) == (0, 2)


def test_claims_of_unknown_hosts_count_when_the_host_reports() -> None:
    fleet = Fleet()
    fleet.claim(claim("i", "late"))
    fleet.claim(claim("j", "late"))
    fleet.release("j")
    fleet.upsert(host("late"))
    assert used(fleet, "late") == 2


def test_a_host_that_arrives_counts_what_is_claimed_there_and_what_it_says_is_taken_once() -> None:
    fleet = Fleet()
    fleet.claim(claim("i", "late", vcpus=3))
    fleet.upsert(replace(host("late"), stocks=(Stock("VCPU", 8, used=3),)))
    assert used(fleet, "late") == 3
    fleet.release("i")
    assert used(fleet, "late") == 0


def test_a_host_that_leaves_and_returns_keeps_its_claims() -> None:
    fleet = fleet_of(host("a"), host("b"))
    fleet.claim(claim("i", "a"))
    fleet.remove("a")
    assert len(fleet) == 1
    fleet.upsert(host("c"))  # takes the empty row
    assert used(fleet, "c") == 0
    fleet.upsert(host("a"))
    assert used(fleet, "a") == 2


def test_a_report_never_hides_a_claim_and_foreign_use_is_not_given_away() -> None:
    fleet = fleet_of(host("a"))
    fleet.claim(claim("i", "a", vcpus=4))
    fleet.upsert(replace(host("a"), stocks=(Stock("VCPU", 8, used=0),)))
    assert used(fleet, "a") == 4
    fleet.upsert(replace(host("a"), stocks=(Stock("VCPU", 8, used=6),)))
    assert used(fleet, "a") == 6
    fleet.claim(claim("j", "a", vcpus=2))
    assert used(fleet, "a") == 8


def test_settled_instances_are_no_io_operations() -> None:
    fleet = fleet_of(host("a"))
    fleet.claim(claim("i", "a"))
    assert fleet.io_ops.used.at[0] == 1
    fleet.settle("i")
    fleet.settle("i")
    assert fleet.io_ops.used.at[0] == 0
    fleet.release("i")
    assert fleet.io_ops.used.at[0] == 0


def test_the_same_report_again_changes_nothing() -> None:
    fleet = fleet_of(host("a"))
    before = (fleet.facts.end, fleet.usage.end, fleet.generation.at[0])
    fleet.upsert(host("a"))
    assert (fleet.facts.end, fleet.usage.end, fleet.generation.at[0]) == before


def test_columns_grow_with_their_contents() -> None:
    fleet = fleet_of(*(host(f"h{n}", vcpus=n + 1) for n in range(200)))
    assert [fleet.inventory["VCPU"].limit.at[row] for row in (0, 63, 64, 199)] == [1.0, 64.0, 65.0, 200.0]


HOSTS = ("a", "b", "c")
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("claim"), st.sampled_from("123456"), st.sampled_from(HOSTS), st.integers(1, 4)),
        st.tuples(st.just("release"), st.sampled_from("123456")),
        st.tuples(st.just("settle"), st.sampled_from("123456")),
        st.tuples(st.just("upsert"), st.sampled_from(HOSTS)),
        st.tuples(st.just("remove"), st.sampled_from(HOSTS)),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(EVENTS)
def test_columns_equal_the_claims_after_any_sequence(events: list[tuple]) -> None:
    fleet = Fleet()
    model: dict[str, Claim] = {}
    for event in events:
        match event:
            case ("claim", instance_id, where, vcpus):
                model[instance_id] = Claim(instance_id, where, (("VCPU", vcpus),), group_id="g")
                fleet.claim(model[instance_id])
            case ("release", instance_id):
                model.pop(instance_id, None)
                fleet.release(instance_id)
            case ("settle", instance_id):
                if instance_id in model:
                    model[instance_id] = structs.replace(model[instance_id], building=False)
                fleet.settle(instance_id)
            case ("upsert", name):
                fleet.upsert(host(name))
            case ("remove", name):
                fleet.remove(name)
    assert fleet.claims == model
    assert fleet.group_hosts("g") == Counter(each.host for each in model.values())
    for name, row in fleet.row_of.items():
        mine = [each for each in model.values() if each.host == name]
        assert used(fleet, name) == sum(dict(each.resources)["VCPU"] for each in mine)
        assert fleet.instances.used.at[row] == len(mine)
        assert fleet.io_ops.used.at[row] == sum(each.building for each in mine)

"""Placing, against a plain and exhaustive oracle that knows nothing of rankings, columns or batches."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placement import PROFILES, Claim, Fleet, HostState, NoHost, Placement, Placer, Request, Shape, explain
from tests.placement.fleets import fleet_of, group, host, request, shape

HOSTS = st.builds(
    host,
    name=st.just(""),
    vcpus=st.sampled_from([2, 4, 8]),
    ram_mib=st.sampled_from([2_048, 4_096]),
    disk_gib=st.sampled_from([20, 50]),
    cpu_ratio=st.sampled_from([1.0, 1.5]),
    zone=st.sampled_from(["nova", "west"]),
    enabled=st.sampled_from([True, True, True, False]),
    failed_builds=st.sampled_from([0, 0, 0, 1]),
)
SHAPES = st.builds(
    shape,
    vcpus=st.integers(1, 4),
    ram_mib=st.sampled_from([256, 512, 1_024]),
    disk_gib=st.sampled_from([0, 5]),
    zone=st.sampled_from(["", "", "west"]),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("place"), SHAPES, st.sampled_from(["", "", "avoid", "keep apart", "together"])),
        st.tuples(st.just("release"), st.integers(0, 30)),
        st.tuples(st.just("change"), st.integers(0, 7), HOSTS),
        st.tuples(st.just("leave"), st.integers(0, 7)),
    ),
    min_size=1,
    max_size=40,
)


def named(state: HostState, number: int) -> HostState:
    return HostState(f"h{number}", state.stocks, **{k: getattr(state, k) for k in ("zone", "enabled", "failed_builds")})


def asked(number: int, of: object, how: str) -> Request:
    extra: dict = {
        "": {},
        "avoid": {"ignore_hosts": frozenset({"h0", "h1"})},
        "keep apart": {"group": group("anti-affinity", max_server_per_host=2)},
        "together": {"different_host": (f"i{number - 1}",)},
    }[how]
    return Request(f"i{number}", of, **extra)  # type: ignore[arg-type]


class Oracle:
    """Every host, in plain arithmetic, for each request."""

    def __init__(self) -> None:
        self.hosts: dict[str, HostState] = {}
        self.claims: dict[str, Claim] = {}

    def taken(self, name: str, resource_class: str) -> int:
        return sum(dict(c.resources).get(resource_class, 0) for c in self.claims.values() if c.host == name)

    def fits(self, state: HostState, wanted: Request) -> bool:
        members = sum(c.group_id == "g-1" and c.host == state.name for c in self.claims.values())
        avoided = {self.claims[i].host for i in wanted.different_host if i in self.claims}
        return (
            state.enabled
            and wanted.shape.zone in ("", state.zone)
            and state.name not in wanted.ignore_hosts
            and state.name not in avoided
            and (wanted.group is None or members < 2)
            and all(self.roomy(state, name, amount) for name, amount in wanted.shape.resources)
        )

    def roomy(self, state: HostState, resource_class: str, amount: int) -> bool:
        stock = state.stock(resource_class)
        assert stock is not None
        return amount <= stock.total and self.taken(state.name, resource_class) + amount <= (
            stock.total * stock.allocation_ratio
        )

    def left(self, state: HostState, name: str) -> float:
        stock = state.stock(name)
        assert stock is not None
        return 1 - self.taken(state.name, name) / (stock.total * stock.allocation_ratio)

    def against_the_grain(self, wanted: Request) -> float:
        """1 or -1: it asks mostly for RAM, or for CPU, while the hosts run out of the other."""
        use, asks = {}, {}
        for name in ("VCPU", "MEMORY_MB"):
            stocks = [s for h in self.hosts.values() if (s := h.stock(name))]
            offered = sum(s.total * s.allocation_ratio for s in stocks)
            use[name] = sum(self.taken(h, name) for h in self.hosts) / offered
            asks[name] = wanted.shape.amount(name) / offered
        runs_out, more = use["MEMORY_MB"] - use["VCPU"], asks["MEMORY_MB"] - asks["VCPU"]
        return 0 if runs_out * more >= 0 else 1 if more > 0 else -1

    def packed(self, state: HostState, wanted: Request) -> float:
        cpu, ram = self.left(state, "VCPU"), self.left(state, "MEMORY_MB")
        surplus = 8 * self.against_the_grain(wanted) * (ram - cpu)
        return surplus - min(cpu, ram) - max(cpu, ram) / 64 - 1000 * state.failed_builds

    def weight(self, state: HostState, profile: str, wanted: Request) -> float:
        def free(name: str, ratio: bool) -> float:
            stocks = [s for h in self.hosts.values() if (s := h.stock(name))]
            mine = state.stock(name)
            assert mine is not None
            size = mine.total * (mine.allocation_ratio if ratio else 1.0)
            return (size - self.taken(state.name, name)) / max(
                s.total * (s.allocation_ratio if ratio else 1.0) for s in stocks
            )

        building = sum(c.host == state.name for c in self.claims.values())
        if profile == "pack":
            return self.packed(state, wanted)
        free_all = free("MEMORY_MB", False) + free("VCPU", True) + free("DISK_GB", False)
        return free_all - building / 8 - 1000 * state.failed_builds

    def best(self, wanted: Request, profile: str) -> set[str]:
        weights = {h.name: self.weight(h, profile, wanted) for h in self.hosts.values() if self.fits(h, wanted)}
        top = max(weights.values(), default=0.0)
        return {name for name, weight in weights.items() if weight > top - 1e-9}


@settings(max_examples=120, deadline=None)
@given(
    hosts=st.lists(HOSTS, max_size=8),
    steps=STEPS,
    profile=st.sampled_from(["spread", "pack"]),
    window=st.integers(1, 9),
    seed=st.integers(),
)
def test_every_choice_is_one_of_the_oracles(
    hosts: list[HostState], steps: list[tuple], profile: str, window: int, seed: int
) -> None:
    fleet, oracle, rng = Fleet(), Oracle(), Random(seed)
    placer = Placer(fleet, PROFILES[profile], window)

    def report(number: int, state: HostState) -> None:
        oracle.hosts[f"h{number}"] = named(state, number)
        fleet.upsert(oracle.hosts[f"h{number}"])

    for number, state in enumerate(hosts):
        report(number, state)
    for number, step in enumerate(steps):
        match step:
            case ("release", which):
                fleet.release(f"i{which}")
                oracle.claims.pop(f"i{which}", None)
            case ("change", which, state):
                report(which, state)
            case ("leave", which):
                fleet.remove(f"h{which}")
                oracle.hosts.pop(f"h{which}", None)
            case ("place", of, how):
                wanted = asked(number, of, how)
                best = oracle.best(wanted, profile)
                dry = explain(fleet, wanted, PROFILES[profile])
                answer = placer.place_one(wanted, rng)
                if isinstance(answer, NoHost):
                    assert not best
                    assert sum(answer.reasons.values()) == len(oracle.hosts) == dry.hosts
                else:
                    assert answer.host in best
                    assert (
                        dry.best[0].total
                        == pytest.approx(next(s.total for s in dry.best if s.host == answer.host), abs=1e-9)
                        if any(s.host == answer.host for s in dry.best)
                        else True
                    )
                    group_id = "g-1" if wanted.group else ""
                    oracle.claims[wanted.instance_id] = Claim(
                        wanted.instance_id, answer.host, wanted.shape.resources, group_id
                    )
    assert fleet.claims == oracle.claims


@settings(max_examples=60, deadline=None)
@given(
    hosts=st.lists(HOSTS, min_size=1, max_size=8),
    shapes=st.lists(SHAPES, min_size=1, max_size=30),
    profile=st.sampled_from(["spread", "pack", "nova"]),
    seed=st.integers(),
)
def test_a_batch_is_the_same_as_one_by_one(hosts: list[HostState], shapes: list, profile: str, seed: int) -> None:
    states = [named(state, number) for number, state in enumerate(hosts)]
    requests = [Request(f"i{number}", of) for number, of in enumerate(shapes)]
    batch = Placer(fleet_of(*states), PROFILES[profile])
    single = Placer(fleet_of(*states), PROFILES[profile])
    first, second = Random(seed), Random(seed)
    one_by_one = [single.place([each], second)[0] for each in requests]
    assert batch.place(requests, first) == one_by_one


@pytest.mark.parametrize("profile", ["spread", "pack", "nova"])
def test_a_full_fleet_is_filled_to_the_last_unit_and_no_further(profile: str) -> None:
    fleet = fleet_of(*(host(f"h{n}", vcpus=4, ram_mib=8_192) for n in range(700)))
    placer = Placer(fleet, PROFILES[profile])
    count = 700 * 4 if profile != "nova" else 300
    answers = placer.place([request(f"i{n}") for n in range(count)], Random(1))
    assert all(isinstance(each, Placement) for each in answers)
    if profile != "nova":
        assert isinstance(placer.place_one(request("one more"), Random(1)), NoHost)
    assert (fleet.inventory["VCPU"].used.array <= fleet.inventory["VCPU"].limit.array).all()


def test_a_burst_on_equal_hosts_does_not_herd() -> None:
    fleet = fleet_of(*(host(f"h{n}") for n in range(500)))
    answers = Placer(fleet, PROFILES["spread"]).place([request(f"i{n}") for n in range(500)], Random(7))
    assert len({each.host for each in answers if isinstance(each, Placement)}) == 500


def test_ties_are_drawn_evenly_by_the_callers_generator() -> None:
    fleet = fleet_of(*(host(f"h{n}") for n in range(4)))
    rng, drawn = Random(3), Counter()
    for _ in range(400):
        placer = Placer(fleet, PROFILES["spread"])
        row = placer.choose(request(), rng)
        assert row is not None
        drawn[row] += 1
    assert min(drawn.values()) > 60


def test_packing_keeps_the_empty_hosts_empty() -> None:
    fleet = fleet_of(*(host(f"h{n}", vcpus=8) for n in range(10)))
    answers = Placer(fleet, PROFILES["pack"]).place([request(f"i{n}") for n in range(16)], Random(5))
    assert len({each.host for each in answers if isinstance(each, Placement)}) == 2


def test_what_asks_mostly_for_ram_goes_where_ram_would_be_left_over() -> None:
    fleet = fleet_of(*(host(f"h{n}", vcpus=8, ram_mib=16_384) for n in range(4)))
    placer, rng = Placer(fleet, PROFILES["pack"]), Random(1)
    lean, rich = shape(vcpus=6, ram_mib=2_048), shape(vcpus=1, ram_mib=8_192)
    [first] = placer.place([request("lean", lean)], rng)
    placed = placer.place([request(f"rich{n}", rich) for n in range(3)], rng)
    hosts = [each.host for each in (first, *placed) if isinstance(each, Placement)]
    assert hosts[1] == hosts[0]
    assert len(hosts) == 4


def test_where_all_ask_mostly_for_ram_they_are_packed_like_any_others() -> None:
    fleet = fleet_of(*(host(f"h{n}", vcpus=8, ram_mib=16_384) for n in range(10)))
    rich = shape(vcpus=1, ram_mib=4_096)
    answers = Placer(fleet, PROFILES["pack"]).place([request(f"i{n}", rich) for n in range(8)], Random(5))
    assert len({each.host for each in answers if isinstance(each, Placement)}) == 2


@settings(max_examples=80, deadline=None)
@given(
    hosts=st.lists(HOSTS, max_size=5),
    of=SHAPES,
    count=st.integers(1, 12),
    least=st.integers(0, 12),
    profile=st.sampled_from(["spread", "pack", "nova"]),
)
def test_together_places_as_many_as_one_by_one_or_none(
    hosts: list[HostState], of: Shape, count: int, least: int, profile: str
) -> None:
    states = [named(state, number) for number, state in enumerate(hosts)]
    requests = [Request(f"i{number}", of) for number in range(count)]
    alone = Placer(fleet_of(*states), PROFILES[profile]).place(requests, Random(1))
    room = sum(isinstance(each, Placement) for each in alone)
    fleet = fleet_of(*states)
    answers = Placer(fleet, PROFILES[profile]).place_together(requests, least, Random(1))
    placed = sum(isinstance(each, Placement) for each in answers)
    assert placed == (room if room >= least or room == count else 0) == len(fleet.claims)
    assert [each.instance_id for each in answers] == [each.instance_id for each in requests]


def test_a_refusal_says_what_removed_hosts_and_what_was_nearest() -> None:
    fleet = fleet_of(
        host("small", ram_mib=512), host("full", ram_mib=2_048), host("off", enabled=False), host("west", zone="west")
    )
    fleet.claim(Claim("i", "full", (("MEMORY_MB", 1_536),)))
    answer = Placer(fleet, PROFILES["spread"]).place_one(request(of=shape(ram_mib=1_024, zone="nova")), Random(1))
    assert isinstance(answer, NoHost)
    assert answer.reasons == {
        "ComputeFilter": 1, "AvailabilityZoneFilter": 1, "ResourceUnits": 1, "MEMORY_MB": 1
    }  # fmt: skip
    assert "full: 512 MiB of RAM short" in answer.nearest


def test_an_empty_fleet_refuses_without_reasons() -> None:
    answer = Placer(Fleet(), PROFILES["spread"]).place_one(request(), Random(1))
    assert answer == NoHost("i-1", {}, ())


def test_a_forced_host_needs_no_suitability_but_must_live_and_have_room() -> None:
    fleet = fleet_of(host("a", supported_instances=()), host("b"), host("dead", up=False))
    placer = Placer(fleet, PROFILES["spread"])
    of = shape(image_properties={"hw_architecture": "riscv64"})
    assert isinstance(placer.place_one(request("i1", of, forced_host="A"), Random(1)), Placement)
    assert isinstance(placer.place_one(request("i2", of, forced_host="dead"), Random(1)), NoHost)
    assert isinstance(placer.place_one(request("i3", shape(vcpus=8), forced_host="a"), Random(1)), NoHost)


def test_an_anti_affinity_group_larger_than_a_window_still_fills_every_host() -> None:
    fleet = fleet_of(*(host(f"h{n}") for n in range(600)))
    placer = Placer(fleet, PROFILES["pack"])
    apart = group("anti-affinity")
    answers = placer.place([request(f"i{n}", group=apart) for n in range(601)], Random(2))
    assert len({each.host for each in answers if isinstance(each, Placement)}) == 600
    assert isinstance(answers[600], NoHost)
    assert answers[600].reasons == {"ServerGroupAntiAffinityFilter": 600}


@pytest.mark.parametrize("profile", ["spread", "pack"])
@pytest.mark.parametrize("window", [1, 3, 8])
def test_a_long_life_with_many_similar_hosts_follows_the_oracle(profile: str, window: int) -> None:
    """Windows are used up and filled again many times, and claims come back in the middle."""
    rng, oracle, fleet = Random(window), Oracle(), Fleet()
    for number in range(20):
        state = host(f"h{number}", vcpus=rng.randint(30, 60), ram_mib=rng.randint(30, 60) * 1_024)
        oracle.hosts[state.name] = state
        fleet.upsert(state)
    placer = Placer(fleet, PROFILES[profile], window)
    for number in range(150):
        if rng.random() < 0.3 and oracle.claims:
            gone = rng.choice(list(oracle.claims))
            fleet.release(gone)
            del oracle.claims[gone]
            continue
        wanted = request(f"i{number}", shape(rng.randint(1, 3), rng.randint(1, 3) * 512, rng.randint(0, 2)))
        best = oracle.best(wanted, profile)
        answer = placer.place_one(wanted, rng)
        assert isinstance(answer, Placement)
        assert answer.host in best
        oracle.claims[wanted.instance_id] = Claim(wanted.instance_id, answer.host, wanted.shape.resources)

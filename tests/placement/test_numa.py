"""NUMA: what flavors ask, where guests fit, and that cells taken and given back are as before."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placement import BadRequest
from placement.numa.cells import HostCell, Pages, taken
from placement.numa.cells import given as gave
from placement.numa.cpus import cpu_set
from placement.numa.fit import Ratios, fit
from placement.numa.guest import ANY, LARGE, GuestCell, GuestTopology, pci_numa_policy, topology

ONE, FOUR = Ratios(1.0, 1.0), Ratios(4.0, 1.5)


def ask(specs: dict[str, str], image: dict[str, str] | None = None, vcpus: int = 4, ram_mib: int = 1024) -> Any:
    return topology(vcpus, ram_mib, specs, image or {})


ASKED: list[tuple[dict[str, str], dict[str, str], object]] = [
    ({}, {}, None),
    ({"hw:cpu_policy": "shared"}, {}, None),
    ({"hw:numa_nodes": "2"}, {}, GuestTopology((GuestCell(512, 2, 0), GuestCell(512, 2, 0)))),
    ({}, {"hw_numa_nodes": "1"}, GuestTopology((GuestCell(1024, 4, 0),))),
    ({"hw:cpu_policy": "dedicated"}, {}, GuestTopology((GuestCell(1024, 0, 4),), cpu_policy="dedicated")),
    ({"hw:mem_page_size": "2MB"}, {}, GuestTopology((GuestCell(1024, 4, 0),), page_kib=2048)),
    ({"hw:mem_page_size": "large"}, {}, GuestTopology((GuestCell(1024, 4, 0),), page_kib=LARGE)),
    ({"hw:mem_page_size": "any"}, {"hw_mem_page_size": "4"}, GuestTopology((GuestCell(1024, 4, 0),), page_kib=4)),
    (
        {"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "^0"}, {},
        GuestTopology((GuestCell(1024, 1, 3),), cpu_policy="mixed"),
    ),
    (
        {"hw:cpu_policy": "mixed", "hw:cpu_realtime": "yes", "hw:cpu_realtime_mask": "2-3"}, {},
        GuestTopology((GuestCell(1024, 2, 2),), cpu_policy="mixed"),
    ),
    (
        {"hw:cpu_policy": "dedicated", "hw:cpu_thread_policy": "prefer"}, {"hw_cpu_thread_policy": "isolate"},
        GuestTopology((GuestCell(1024, 0, 4),), cpu_policy="dedicated", thread_policy="prefer"),
    ),
    (
        {"hw:cpu_policy": "dedicated", "hw:emulator_threads_policy": "isolate"}, {},
        GuestTopology((GuestCell(1024, 0, 4),), cpu_policy="dedicated", emulator_isolated=True),
    ),
    (
        {"resources:PCPU": "4", "trait:HW_CPU_HYPERTHREADING": "forbidden"}, {},
        GuestTopology((GuestCell(1024, 0, 4),), cpu_policy="dedicated", thread_policy="isolate"),
    ),
    (
        {
            "hw:numa_nodes": "2", "hw:numa_cpus.0": "0", "hw:numa_cpus.1": "1-3", "hw:numa_mem.0": "256",
            "hw:numa_mem.1": "768",
        },
        {}, GuestTopology((GuestCell(256, 1, 0), GuestCell(768, 3, 0))),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("specs", "image", "expected"), ASKED)
def test_what_flavor_and_image_ask(specs: dict[str, str], image: dict[str, str], expected: object) -> None:
    assert ask(specs, image) == expected


CONTRADICTIONS: list[tuple[dict[str, str], dict[str, str]]] = [
    ({"hw:cpu_policy": "mine"}, {}),
    ({"hw:cpu_policy": "shared"}, {"hw_cpu_policy": "dedicated"}),
    ({"hw:cpu_policy": "mixed"}, {}),
    ({"hw:cpu_policy": "dedicated", "hw:cpu_dedicated_mask": "0"}, {}),
    ({"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "0-3"}, {}),
    ({"hw:cpu_thread_policy": "require"}, {}),
    ({"hw:cpu_policy": "dedicated", "hw:cpu_thread_policy": "require"}, {"hw_cpu_thread_policy": "isolate"}),
    ({"hw:cpu_policy": "dedicated", "hw:cpu_thread_policy": "require", "trait:HW_CPU_HYPERTHREADING": "required"}, {}),
    ({"hw:emulator_threads_policy": "isolate"}, {}),
    ({"hw:cpu_policy": "dedicated", "hw:cpu_realtime": "yes"}, {}),
    ({"hw:cpu_policy": "dedicated", "resources:VCPU": "4"}, {}),
    ({"resources:PCPU": "3"}, {}),
    ({"hw:numa_nodes": "3"}, {}),
    ({"hw:numa_nodes": "none"}, {}),
    ({"hw:numa_nodes": "2"}, {"hw_numa_nodes": "2"}),
    ({"hw:numa_nodes": "1", "hw:numa_cpus.0": "0-3"}, {}),
    ({"hw:numa_nodes": "1", "hw:numa_cpus.0": "0-2", "hw:numa_mem.0": "1024"}, {}),
    ({"hw:numa_nodes": "1", "hw:numa_cpus.0": "0-3", "hw:numa_mem.0": "512"}, {}),
    ({"hw:numa_nodes": "2", "hw:numa_cpus.0": "0-3", "hw:numa_mem.0": "1024"}, {}),
    ({"hw:mem_page_size": "vast"}, {}),
    ({}, {"hw_mem_page_size": "4"}),
    ({"hw:mem_page_size": "4"}, {"hw_mem_page_size": "2048"}),
]


@pytest.mark.parametrize(("specs", "image"), CONTRADICTIONS)
def test_what_contradicts_itself_is_refused(specs: dict[str, str], image: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        ask(specs, image)


def test_the_pci_policy_of_flavor_and_image() -> None:
    assert pci_numa_policy({"hw:pci_numa_affinity_policy": "socket"}, {}) == "socket"
    assert pci_numa_policy({}, {"hw_pci_numa_affinity_policy": "required"}) == "required"
    with pytest.raises(BadRequest):
        pci_numa_policy({"hw:pci_numa_affinity_policy": "socket"}, {"hw_pci_numa_affinity_policy": "required"})


def test_cpu_lists() -> None:
    assert cpu_set("0-3,^2, 8", "f") == {0, 1, 3, 8}
    for wrong in ("a", "3-1", "0-9999999"):
        with pytest.raises(BadRequest):
            cpu_set(wrong, "f")


def cell(number: int, cpus: str = "0-3", siblings: int = 1, **more: Any) -> HostCell:
    """A cell whose CPUs are both shared and dedicated, with so many threads a core."""
    ids = sorted(cpu_set(cpus, "f"))
    cores = tuple(frozenset(ids[n : n + siblings]) for n in range(0, len(ids), siblings))
    facts: dict[str, Any] = {"shared": frozenset(ids), "dedicated": frozenset(ids), "siblings": cores, **more}
    return HostCell(number, facts.pop("memory_mib", 4096), **facts)


def guest(cells: int = 1, shared: int = 2, pinned: int = 0, memory_mib: int = 1024, **more: Any) -> GuestTopology:
    if pinned:
        more.setdefault("cpu_policy", "dedicated")
        shared = 0
    return GuestTopology((GuestCell(memory_mib, shared, pinned),) * cells, **more)


HUGE = (Pages(4, 524_288, used=262_144), Pages(2048, 1024, used=512))
SHORT = {"pages": (Pages(4, 262_144, used=262_000),)}
NARROW = {"shared": frozenset({0, 1})}

FITS: list[tuple[str, list[HostCell], GuestTopology, Ratios, bool]] = [
    ("floating CPUs", [cell(0)], guest(), ONE, True),
    ("no overcommit against itself", [cell(0, "0-1")], guest(shared=4), FOUR, False),
    ("overcommit of CPUs", [cell(0, shared_used=12)], guest(shared=4), FOUR, True),
    ("no more of it", [cell(0, shared_used=13)], guest(shared=4), FOUR, False),
    ("overcommit of memory", [cell(0, memory_used_mib=4096)], guest(), FOUR, True),
    ("more memory than a cell has", [cell(0, memory_mib=512)], guest(), FOUR, False),
    ("too few cells", [cell(0)], guest(cells=2), ONE, False),
    ("another cell", [cell(0, shared_used=4), cell(1, "4-7")], guest(), ONE, True),
    ("two cells", [cell(0), cell(1, "4-7")], guest(cells=2), ONE, True),
    ("pinned", [cell(0)], guest(pinned=4), ONE, True),
    ("pinned are not overcommitted", [cell(0, pinned=frozenset({3}))], guest(pinned=4), FOUR, False),
    ("nor their memory", [cell(0, memory_used_mib=3500)], guest(pinned=1), FOUR, False),
    ("emulator has no CPU", [cell(0)], guest(pinned=4, emulator_isolated=True), ONE, False),
    ("emulator has one", [cell(0)], guest(pinned=3, emulator_isolated=True), ONE, True),
    ("require without threads", [cell(0)], guest(pinned=2, thread_policy="require"), ONE, False),
    ("require with threads", [cell(0, siblings=2)], guest(pinned=3, thread_policy="require"), ONE, True),
    (
        "require, only single threads free", [cell(0, siblings=2, pinned=frozenset({0, 2}))],
        guest(pinned=2, thread_policy="require"), ONE, False,
    ),
    (
        "prefer takes single threads", [cell(0, siblings=2, pinned=frozenset({0, 2}))],
        guest(pinned=2, thread_policy="prefer"), ONE, True,
    ),
    ("isolate takes whole cores", [cell(0, siblings=2)], guest(pinned=2, thread_policy="isolate"), ONE, True),
    ("of which there are two", [cell(0, siblings=2)], guest(pinned=3, thread_policy="isolate"), ONE, False),
    ("isolate without threads", [cell(0)], guest(pinned=3, thread_policy="isolate"), ONE, True),
    (
        "isolate, shared set apart", [cell(0, siblings=2, shared=frozenset())],
        guest(pinned=1, thread_policy="isolate"), ONE, False,
    ),
    ("mixed", [cell(0)], GuestTopology((GuestCell(512, 2, 2),), cpu_policy="mixed"), ONE, True),
    ("mixed, few shared", [cell(0, **NARROW)], GuestTopology((GuestCell(512, 3, 1),), cpu_policy="mixed"), FOUR, False),
    ("huge pages", [cell(0, pages=HUGE)], guest(page_kib=2048), ONE, True),
    ("too few huge pages", [cell(0, pages=HUGE)], guest(page_kib=2048, memory_mib=1026), ONE, False),
    ("no such pages", [cell(0, pages=HUGE)], guest(page_kib=1_048_576), ONE, False),
    ("memory is no multiple", [cell(0, pages=HUGE)], guest(page_kib=2048, memory_mib=1023), ONE, False),
    ("large is not the smallest", [cell(0, pages=HUGE[:1])], guest(page_kib=LARGE), ONE, False),
    ("any falls back to small", [cell(0, pages=HUGE)], guest(page_kib=ANY, memory_mib=1023), ONE, True),
    ("huge memory does not count", [cell(0, pages=HUGE)], guest(memory_mib=2049), FOUR, False),
    ("small pages in use, floating", [cell(0, **SHORT)], guest(), ONE, True),
    ("small pages in use, pinned", [cell(0, **SHORT)], guest(pinned=1), ONE, False),
    ("a page size without page tables", [cell(0)], guest(page_kib=4), ONE, False),
]  # fmt: skip


@pytest.mark.parametrize(("cells", "asked", "ratios", "fits"), [each[1:] for each in FITS], ids=[e[0] for e in FITS])
def test_where_a_guest_fits(cells: list[HostCell], asked: GuestTopology, ratios: Ratios, fits: bool) -> None:
    assert (fit(tuple(cells), asked, ratios) is not None) == fits


def test_roomy_cells_come_first_and_those_with_devices_for_who_wants_some() -> None:
    cells = (cell(0, memory_used_mib=2048), cell(1, "4-7"))

    def chosen(**more: Any) -> int:
        found = fit(cells, guest(shared=1), FOUR, **more)
        assert found is not None
        return found[0].cell

    assert chosen() == 1
    assert chosen(devices={0: 1}, accepts=lambda picked: True) == 0
    assert chosen(devices={1: 1}) == 0
    assert chosen(accepts=lambda picked: picked == (0,)) == 0


def test_whole_cores_are_held_back_for_the_isolated() -> None:
    found = fit((cell(0, siblings=2),), guest(pinned=1, thread_policy="isolate"), ONE)
    assert found is not None and found[0].pinned == {0, 1}


GUESTS = st.builds(
    guest,
    pinned=st.integers(0, 3),
    memory_mib=st.sampled_from([64, 256, 1000]),
    page_kib=st.sampled_from([0, ANY, LARGE, 2048]),
    thread_policy=st.sampled_from(["", "isolate", "require"]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(GUESTS, max_size=12))
def test_cells_are_never_overfull_and_come_back_as_they_were(guests: list[GuestTopology]) -> None:
    first = cells = (cell(0, siblings=2, pages=HUGE), cell(1, "4-7", pages=HUGE))
    seats = []
    for each in guests:
        found = fit(cells, each, FOUR)
        for seat in found or ():
            before = next(one for one in cells if one.id == seat.cell)
            assert not seat.pinned & before.pinned
            cells = tuple(taken(one, seat) if one.id == seat.cell else one for one in cells)
            seats.append(seat)
    for one in cells:
        assert one.pinned <= one.dedicated and all(pages.free >= 0 for pages in one.pages[1:])
        assert one.memory_used_mib <= one.memory_mib * FOUR.ram
    for seat in seats:
        cells = tuple(gave(one, seat) if one.id == seat.cell else one for one in cells)
    assert cells == first

"""Claims that change in place: never more than a host has, whatever comes late, twice, or after a restart."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.errors import CallerFault
from actors.messages import Claim, ClaimChange, NoHostFound, Placed
from actors.records import Flavor
from tests.scheduler.test_service import Room, asked, report


def flavor(vcpus: int, ram_mib: int = 64, **more: Any) -> Flavor:
    return Flavor(id=f"{vcpus}-{ram_mib}", name="f", vcpus=vcpus, ram_mib=ram_mib, disk_gib=1, **more)


def change(edition: int, wanted: Flavor, instance_id: str = "i", host: str = "a", **more: Any) -> ClaimChange:
    return ClaimChange(asked=asked(instance_id, flavor=wanted, **more), host=host, edition=edition)


def grow(room: Room, *changes: ClaimChange) -> list[Placed | NoHostFound | CallerFault]:
    return asyncio.run(room.scheduler.grow(list(changes)))


def shrink(room: Room, *changes: ClaimChange) -> None:
    asyncio.run(room.scheduler.shrink(list(changes)))


def held(room: Room) -> dict[str, tuple[int, int]]:
    claims = asyncio.run(room.scheduler.claims())
    return {claim.instance_id: (claim.vcpus, claim.ram_mib) for claim in claims}


def test_it_holds_the_most_of_both_and_then_what_it_is_told() -> None:
    room = Room("a")
    room.placed(asked(flavor=flavor(1, 512)))
    assert grow(room, change(1, flavor(3, 64))) == [Placed(host="a", node="node-of-a", zone="nova")]
    assert held(room) == {"i": (3, 512)}
    shrink(room, change(2, flavor(3, 64)))
    assert held(room) == {"i": (3, 64)}
    assert room.world() == {"a": ["i"]}


def test_what_its_host_lacks_is_named_and_nothing_has_changed() -> None:
    room = Room("a", "b")
    for name in ("i", "j"):
        room.placed(asked(name, flavor=flavor(2), availability_zone="nova:a"))
    [refused] = grow(room, change(1, flavor(3)))  # the other host has room
    assert isinstance(refused, NoHostFound)
    assert "1 vCPU short" in refused.message
    assert held(room) == {"i": (2, 64), "j": (2, 64)}
    room.release("j")
    assert isinstance(grow(room, change(1, flavor(3)))[0], Placed)


def test_its_own_group_is_not_in_its_way() -> None:
    room = Room("a")
    hints = {"group": ("g",), "group_policy": ("anti-affinity",)}
    room.placed(asked(flavor=flavor(1), hints=hints))
    assert isinstance(grow(room, change(1, flavor(2), hints=hints))[0], Placed)
    assert held(room) == {"i": (2, 64)}


def test_a_host_that_is_away_may_come_back() -> None:
    room = Room("a")
    room.placed(asked(flavor=flavor(1)))
    room.clock.at += 10.0
    [reply] = grow(room, change(1, flavor(2)))
    assert isinstance(reply, CallerFault)
    assert reply.status == 503
    room.beat("a")
    assert isinstance(grow(room, change(1, flavor(2)))[0], Placed)


def test_one_whose_host_has_yet_to_report_waits() -> None:
    room = Room("b")
    room.restore(Claim(instance_id="i", host="a", vcpus=1, ram_mib=64, disk_gib=1))
    [reply] = grow(room, change(1, flavor(2)))
    assert isinstance(reply, CallerFault)
    assert reply.status == 503
    shrink(room, change(1, flavor(1, 32)))
    assert held(room) == {"i": (1, 32)}
    room.beat("a")
    assert isinstance(grow(room, change(2, flavor(2)))[0], Placed)


def test_after_a_restart_what_is_late_is_late_still() -> None:
    room = Room("a")
    room.restore(Claim(instance_id="i", host="a", vcpus=2, ram_mib=64, disk_gib=1, edition=3))
    shrink(room, change(2, flavor(1)))
    grow(room, change(3, flavor(4)))
    assert held(room) == {"i": (2, 64)}
    shrink(room, change(3, flavor(1)))
    assert held(room) == {"i": (1, 64)}


def test_what_a_flavor_s_extra_specs_ask_is_held_too() -> None:
    room = Room("a")
    room.placed(asked(flavor=flavor(1)))
    wanted = flavor(1, extra_specs={"resources:MEMORY_MB": "128"})
    grow(room, change(1, wanted))
    assert held(room) == {"i": (1, 128)}


@dataclass
class Books:
    """As the conductor has them."""

    flavors: dict[str, Flavor]
    editions: dict[str, int] = field(default_factory=dict)
    sent: list[tuple[str, ClaimChange]] = field(default_factory=list)

    def send(self, room: Room, what: str, each: ClaimChange) -> Any:
        self.sent.append((what, each))
        return (grow if what == "grow" else shrink)(room, each)


STEPS = st.lists(st.tuples(st.sampled_from("ijk"), st.integers(1, 4), st.booleans(), st.integers(0, 99)), max_size=12)


@settings(deadline=None)
@given(STEPS)
def test_claims_never_exceed_what_the_host_has_and_are_what_was_told_last(steps: list[Any]) -> None:
    """Servers are resized, and that is confirmed or reverted, while older messages come again."""
    room = Room("a")
    books = Books({name: flavor(1) for name in "ijk"})
    for name in books.flavors:
        room.placed(asked(name, flavor=flavor(1)))
    for name, vcpus, confirmed, again in steps:
        edition = books.editions.get(name, 0)
        [reply] = books.send(room, "grow", change(edition + 1, flavor(vcpus), name))
        if isinstance(reply, Placed) and confirmed:
            books.flavors[name] = flavor(vcpus)
        assert sum(vcpus for vcpus, _ in held(room).values()) <= 4
        books.editions[name] = edition + 2
        books.send(room, "shrink", change(edition + 2, books.flavors[name], name))
        what, late = books.sent[again % len(books.sent)]
        (grow if what == "grow" else shrink)(room, late)
        assert held(room) == {name: (each.vcpus, 64) for name, each in books.flavors.items()}


def test_a_host_s_own_figures_hide_nothing() -> None:
    room = Room("a")
    room.placed(asked(flavor=flavor(3)))
    asyncio.run(room.scheduler.heartbeat([replace(report("a"), vcpus_used=3)]))
    grow(room, change(1, flavor(4)))
    assert isinstance(room.place(asked("j", flavor=flavor(1)))[0], NoHostFound)
    shrink(room, change(2, flavor(1)))
    asyncio.run(room.scheduler.heartbeat([replace(report("a"), vcpus_used=1)]))
    room.placed(asked("j", flavor=flavor(3)))

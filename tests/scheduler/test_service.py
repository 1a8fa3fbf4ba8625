"""The scheduler room: repeatable, right after restarts, and rid of what nobody confirmed."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest

from actors.errors import CallerFault
from actors.messages import Claim, HostReport, NoHostFound, Placed, PlaceRequest
from actors.records import Flavor
from actors.scheduler.service import COMING_S, CONFIRM_WITHIN_S, Scheduler

BUSY = 503  # try again
TINY = Flavor(id="tiny", name="tiny", vcpus=1, ram_mib=512, disk_gib=1)

HUGE = Flavor(id="huge", name="huge", vcpus=1, ram_mib=1 << 20, disk_gib=1)


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at


def report(host: str, **facts: Any) -> HostReport:
    fields = {
        "node": f"node-of-{host}", "hypervisor": "QEMU", "hypervisor_version": 7_002_000, "architecture": "x86_64",
        "vcpus": 4, "ram_mib": 4_096, "disk_gib": 40, "cpu_allocation_ratio": 1.0,
    }  # fmt: skip
    return HostReport(host=host, **(fields | facts))


def asked(instance_id: str = "i", attempt: int = 1, **more: Any) -> PlaceRequest:
    fields = {"project_id": "p", "flavor": TINY, "root_gib": 1}
    return PlaceRequest(instance_id=instance_id, attempt=attempt, **(fields | more))


class Room:
    """A scheduler with two hosts, run from plain tests."""

    def __init__(self, *hosts: str, settle_s: float = 0.0) -> None:
        self.clock = HandClock()
        self.scheduler = Scheduler(self.clock, Random(1), "spread", service_down_s=6.0, settle_s=settle_s)
        self.beat(*hosts)

    def beat(self, *hosts: str, **facts: Any) -> None:
        asyncio.run(self.scheduler.heartbeat([report(host, **facts) for host in hosts]))

    def place(self, *requests: PlaceRequest) -> list[Placed | NoHostFound | CallerFault]:
        return asyncio.run(self.scheduler.place(list(requests)))

    def placed(self, request: PlaceRequest) -> str:
        [reply] = self.place(request)
        assert isinstance(reply, Placed), reply
        return reply.host

    def is_busy(self, request: PlaceRequest) -> bool:
        [reply] = self.place(request)
        return isinstance(reply, CallerFault) and reply.status == BUSY

    def release(self, *ids: str) -> None:
        asyncio.run(self.scheduler.release(list(ids)))

    def confirm(self, *ids: str) -> None:
        asyncio.run(self.scheduler.confirm(list(ids)))

    def restore(self, *claims: Claim) -> None:
        asyncio.run(self.scheduler.restore(list(claims)))

    def world(self) -> dict[str, list[str]]:
        return asyncio.run(self.scheduler.world())


def test_the_same_attempt_again_has_the_same_host_and_one_claim() -> None:
    room = Room("a", "b")
    first, second = room.place(asked(), asked())
    assert first == second == room.place(asked())[0]
    assert isinstance(first, Placed)
    assert first.node == f"node-of-{first.host}"
    assert room.world() == {first.host: ["i"]}


def test_a_new_attempt_gives_the_old_claim_back() -> None:
    room = Room("a", "b")
    first = room.placed(asked())
    second = room.placed(asked(attempt=2, ignore_hosts=(first,)))
    assert second != first
    assert room.world() == {second: ["i"]}


def test_an_older_attempt_that_comes_late_changes_nothing() -> None:
    room = Room("a")
    room.placed(asked(attempt=2))
    [late] = room.place(asked(attempt=1))
    assert isinstance(late, CallerFault)
    assert late.status == 409
    assert room.world() == {"a": ["i"]}


def test_release_twice_or_of_nothing() -> None:
    room = Room("a")
    room.placed(asked())
    room.release("i", "i", "unknown")
    room.release("i")
    assert room.world() == {}


def test_a_full_cloud_says_what_lacked() -> None:
    room = Room("a")
    replies = room.place(*(asked(f"i{n}") for n in range(5)))
    assert [type(reply) for reply in replies] == [Placed] * 4 + [NoHostFound]
    assert replies[4] == NoHostFound(reasons={"VCPU": 1}, nearest=("a: 1 vCPU short",))
    assert replies[4].message == "No valid host was found: VCPU removed 1; nearest: a: 1 vCPU short"


def test_a_host_not_heard_from_is_down_until_it_is_heard() -> None:
    room = Room("a")
    room.clock.at += 6.5
    assert room.is_busy(asked())  # its compute actor may be starting anew
    room.clock.at += COMING_S
    [reply] = room.place(asked())
    assert reply == NoHostFound(reasons={"ComputeFilter": 1}, nearest=("a: it is down",))
    room.beat("a")
    assert room.placed(asked()) == "a"


def test_a_node_whose_actor_starts_is_waited_for_and_one_that_left_is_not() -> None:
    room = Room("a")
    asyncio.run(room.scheduler.fence("b", 1))
    assert room.placed(asked()) == "a"  # who finds a host waits for none
    assert room.is_busy(asked("big", flavor=HUGE))
    room.beat("b", node="b")
    [reply] = room.place(asked("big", flavor=HUGE))
    assert isinstance(reply, NoHostFound)
    asyncio.run(room.scheduler.fence("b", 2))
    asyncio.run(room.scheduler.forget_hosts(["b"]))
    [reply] = room.place(asked("big", flavor=HUGE))
    assert isinstance(reply, NoHostFound)


def test_claims_that_nobody_confirms_are_given_back() -> None:
    room = Room("a")
    room.placed(asked("kept"))
    room.placed(asked("lost"))
    room.confirm("kept", "kept", "unknown")
    room.clock.at += CONFIRM_WITHIN_S + 1
    room.beat("a")
    assert room.world() == {"a": ["kept"]}


def test_a_restarted_scheduler_knows_claims_before_hosts() -> None:
    room = Room()
    room.restore(Claim(instance_id="i", host="a", vcpus=4, ram_mib=512, disk_gib=1))
    [early] = room.place(asked(attempt=3))
    assert isinstance(early, CallerFault)
    assert early.status == 503
    room.beat("a")
    assert room.placed(asked(attempt=3)) == "a"
    [full] = room.place(asked("other"))
    assert isinstance(full, NoHostFound)
    assert room.world() == {"a": ["i"]}


def test_a_restored_claim_on_a_host_that_failed_is_given_back() -> None:
    room = Room("a", "b")
    room.restore(Claim(instance_id="i", host="a", vcpus=1, ram_mib=512, disk_gib=1))
    assert room.placed(asked(attempt=2, ignore_hosts=("a",))) == "b"


def test_hosts_that_reported_before_the_restore_are_not_filled_twice() -> None:
    room = Room()
    room.beat("a", vcpus_used=4, ram_used_mib=2_048, disk_used_gib=4, instances=4)
    assert isinstance(room.place(asked("new"))[0], NoHostFound)
    room.restore(*(Claim(instance_id=f"i{n}", host="a", vcpus=1, ram_mib=512, disk_gib=1) for n in range(4)))
    room.beat("a", vcpus_used=4, ram_used_mib=2_048, disk_used_gib=4, instances=4)
    room.release("i0")
    assert room.placed(asked("new")) == "a"


def test_forgotten_hosts_take_nothing() -> None:
    room = Room("a", "b")
    asyncio.run(room.scheduler.forget_hosts(["a", "a", "unknown"]))
    assert {room.placed(asked(f"i{n}")) for n in range(4)} == {"b"}


def test_a_host_whose_build_failed_is_chosen_last_until_one_succeeds() -> None:
    room = Room("a", "b")
    room.place(asked("x", attempt=2, ignore_hosts=("a",)))
    room.release("x")
    assert {room.placed(asked(f"i{n}")) for n in range(4)} == {"b"}
    assert room.placed(asked("i4")) == "a"
    room.confirm("i4")
    room.release(*(f"i{n}" for n in range(5)))
    room.clock.at += 1
    assert {room.placed(asked(f"j{n}")) for n in range(2)} == {"a", "b"}


def test_a_host_that_is_busy_building_is_chosen_last() -> None:
    room = Room("a", "b")
    room.beat("a", io_ops=8)
    assert {room.placed(asked(f"i{n}")) for n in range(2)} == {"b"}
    room.beat("a", io_ops=0)
    assert room.placed(asked("i2")) == "a"


# ---------------------------------------------------------------- machines that belong together


def batch(size: int, least: int, attempt: int = 1, **more: Any) -> list[PlaceRequest]:
    return [asked(f"i{n}", attempt, batch="i0", least=least, **more) for n in range(size)]


def test_a_batch_is_placed_whole_or_not_at_all() -> None:
    room = Room("a", "b")  # room for four on each
    refused = room.place(*batch(9, least=9))
    assert all(isinstance(reply, NoHostFound) for reply in refused)
    assert refused[0] == refused[8]
    assert isinstance(refused[0], NoHostFound) and "8 of 9 would have room" in refused[0].message
    assert room.world() == {}
    some = room.place(*batch(9, least=8))
    assert [isinstance(reply, Placed) for reply in some] == [True] * 8 + [False]


def test_a_batch_asked_for_again_is_where_it_was() -> None:
    room = Room("a", "b")
    first = room.place(*batch(6, least=6))
    assert room.place(*batch(6, least=6)) == first
    assert room.place(*batch(8, least=8))[:6] == first
    refused = room.place(*batch(9, least=9))
    assert not any(isinstance(reply, Placed) for reply in refused)
    assert room.world() == {}


def test_a_batch_of_nonsense_leaves_nothing() -> None:
    room = Room("a", "b")
    wrong = Flavor(id="f", name="f", vcpus=1, ram_mib=1, disk_gib=1, extra_specs={"resources:VCPU": "x"})
    good, bad = room.place(asked("good", batch="good", least=2), asked("bad", batch="good", least=2, flavor=wrong))
    assert isinstance(good, CallerFault) and isinstance(bad, CallerFault)
    assert room.world() == {}


def test_others_in_the_same_message_do_not_belong_to_the_batch() -> None:
    room = Room("a")
    mixed = [asked("x"), *batch(4, least=4), asked("y")]
    assert [isinstance(reply, Placed) for reply in room.place(*mixed)] == [True, False, False, False, False, True]


def test_a_batch_that_keeps_apart_needs_as_many_hosts() -> None:
    apart = {"group": ("g",), "group_policy": ("anti-affinity",)}
    room = Room("a", "b")
    assert not any(isinstance(reply, Placed) for reply in room.place(*batch(3, least=3, hints=apart)))
    room.beat("c")
    hosts = {reply.host for reply in room.place(*batch(3, least=3, hints=apart)) if isinstance(reply, Placed)}
    assert hosts == {"a", "b", "c"}


def test_zone_and_forced_host() -> None:
    room = Room("a", "b")
    assert room.placed(asked("i1", availability_zone="nova:b")) == "b"
    [wrong] = room.place(asked("i2", availability_zone="elsewhere:b"))
    assert isinstance(wrong, NoHostFound)


def test_hints() -> None:
    room = Room("a", "b")
    first = room.placed(asked("i1"))
    assert room.placed(asked("i2", hints={"same_host": ("i1",)})) == first
    assert room.placed(asked("i3", hints={"different_host": ("i1", "i2")})) != first
    apart = {"group": ("g",), "group_policy": ("anti-affinity",)}
    hosts = {room.placed(asked(f"g{n}", hints=apart)) for n in range(2)}
    assert hosts == {"a", "b"}
    [third] = room.place(asked("g2", hints=apart))
    assert isinstance(third, NoHostFound)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"hints": {"group": ("g",), "group_policy": ("nearby",)}}, "group_policy"),
        ({"flavor": Flavor(id="f", name="f", vcpus=1, ram_mib=1, disk_gib=1, extra_specs={"resources:VCPU": "x"})},
         "resources:VCPU"),
        ({"flavor": Flavor(id="f", name="f", vcpus=1, ram_mib=1, disk_gib=1,
                           extra_specs={"capabilities:hypervisor_version": ">= new"})},
         "capabilities:hypervisor_version"),
    ],
)  # fmt: skip
def test_a_request_that_makes_no_sense_is_the_callers_fault(wrong: dict[str, Any], field: str) -> None:
    room = Room("a")
    good, bad = room.place(asked("good"), asked("bad", **wrong))
    assert isinstance(good, Placed)
    assert isinstance(bad, CallerFault)
    assert (bad.status, bad.field) == (400, field)


def test_explain_agrees_with_place_and_changes_nothing() -> None:
    room = Room("a")
    room.beat("b", ram_mib=8_192)
    room.beat("c", enabled=False)
    [dry] = asyncio.run(room.scheduler.explain([asked()]))
    assert not isinstance(dry, CallerFault)
    assert (dry.profile, dry.hosts, dry.passed) == ("spread", 3, 2)
    assert [(line.check, line.removed) for line in dry.checks] == [("ComputeFilter", 1)]
    assert [(each.host, each.lack) for each in dry.dropped] == [("c", "it is disabled")]
    assert room.world() == {}
    assert room.placed(asked()) == dry.best[0].host == "b"


def test_an_unknown_profile_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="spread"):
        Scheduler(HandClock(), Random(1), "fastest")


def test_a_scheduler_that_has_just_started_refuses_nobody_for_good() -> None:
    room = Room("a", settle_s=6.0)
    together = [asked(f"i-{number}", batch="b", least=8) for number in range(8)]  # four fit a host
    replies = room.place(asked("lone", flavor=HUGE), *together)
    assert [reply.status for reply in replies if isinstance(reply, CallerFault)] == [503] * 9
    assert room.world() == {}
    room.beat("b")
    assert all(isinstance(reply, Placed) for reply in room.place(*together))
    room.clock.at += 6.0
    room.beat("a", "b")
    [refused] = room.place(asked("lone", flavor=HUGE))
    assert isinstance(refused, NoHostFound)


def test_a_node_whose_hosts_are_as_they_were_says_so_in_a_word_and_stays_up() -> None:
    room = Room()
    room.beat("a", "b", node="n")
    for _ in range(5):
        room.clock.at += 5.0
        assert asyncio.run(room.scheduler.unchanged("n", 2))
    assert room.placed(asked()) in {"a", "b"}


def test_a_word_is_not_enough_for_hosts_that_are_not_known_or_were_silent() -> None:
    room = Room()
    room.beat("a", node="n")
    assert not asyncio.run(room.scheduler.unchanged("n", 2))
    room.clock.at += 7.0
    room.place(asked())  # it finds that the host has been silent
    assert not asyncio.run(room.scheduler.unchanged("n", 1))
    room.beat("a", node="n")
    assert asyncio.run(room.scheduler.unchanged("n", 1))
    asyncio.run(room.scheduler.forget_hosts(["a"]))
    assert not asyncio.run(room.scheduler.unchanged("n", 1))


def test_the_first_of_a_batch_that_stands_for_itself_is_placed_beside_the_others() -> None:
    """A batch has its first machine's id; one that was tried before belongs to no batch any more."""
    room = Room("a", "b")
    again, other = asked("first", attempt=1), asked("second", attempt=0, batch="first", least=1)
    for replies in (room.place(again, other), room.place(other, again)):
        assert all(isinstance(reply, Placed) for reply in replies), replies

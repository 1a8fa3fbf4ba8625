"""The host's own books: a claim is counted once, and never more than there is."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from actors.compute.hosts import Hosts
from actors.messages import Claim, HostReport


def hosts(vcpus: int = 4, ram_mib: int = 1024, disk_gib: int = 10) -> Hosts:
    books = Hosts()
    books.update(
        [
            HostReport(
                host="h",
                node="n",
                hypervisor="simulated",
                hypervisor_version=1,
                architecture="x86_64",
                vcpus=vcpus,
                ram_mib=ram_mib,
                disk_gib=disk_gib,
                cpu_allocation_ratio=2.0,
            )
        ]
    )
    return books


def claim(name: str, ram_mib: int = 512) -> Claim:
    return Claim(instance_id=name, host="h", vcpus=1, ram_mib=ram_mib, disk_gib=1)


def test_a_claim_too_many_says_what_is_short() -> None:
    books = hosts()
    assert books.claim(claim("a")) is None
    assert books.claim(claim("b")) is None
    fault = books.claim(claim("c"))
    assert fault is not None
    assert fault.cause == "512 MiB of RAM short"


def test_the_same_claim_again_counts_once_and_can_be_dropped_twice() -> None:
    books = hosts()
    books.claim(claim("a"))
    books.claim(claim("a"))
    assert books.changes({}, True)["h"].ram_mib == 512
    books.drop("h", "a")
    books.drop("h", "a")
    assert books.changes({}, True)["h"].ram_mib == 0


def test_a_claim_changes_in_place_within_what_there_is_and_not_to_an_older_edition() -> None:
    books = hosts()
    books.claim(claim("a", ram_mib=256))
    books.claim(claim("b", ram_mib=256))
    more = msgspec.structs.replace(claim("a", ram_mib=768), edition=1)
    assert books.change(more) is None
    assert books.changes({}, True)["h"].ram_mib == 1024
    too_much = msgspec.structs.replace(claim("a", ram_mib=800), edition=2)
    fault = books.change(too_much)
    assert fault is not None
    assert fault.cause == "32 MiB of RAM short"
    assert books.claim_of("h", "a") == more
    assert books.change(claim("a")) is None  # of an older edition
    assert books.claim_of("h", "a") == more
    for _ in range(2):
        assert books.change(msgspec.structs.replace(claim("a"), edition=3)) is None
    assert books.changes({}, True)["h"].ram_mib == 768
    nobody = books.change(claim("c"))
    assert nobody is not None
    assert nobody.cause == "the server has no place on this host"


def test_less_is_held_also_where_the_host_has_less_than_it_had() -> None:
    books = hosts()
    books.claim(claim("a", ram_mib=1024))
    books.update([msgspec.structs.replace(books.changes({}, True)["h"].capacity, ram_mib=256)])
    assert books.change(claim("a", ram_mib=512)) is None
    assert books.changes({}, True)["h"].ram_mib == 512


def test_a_heartbeat_tells_use_how_many_are_being_built_and_whether_more_may_come() -> None:
    books = hosts()
    books.claim(claim("a"))
    report = books.changes({"h": 3, "elsewhere": 1}, False)["h"].report(5.0, epoch=1)
    assert (report.vcpus, report.vcpus_used, report.ram_used_mib, report.disk_used_gib) == (4, 1, 512, 1)
    assert (report.instances, report.io_ops, report.enabled, report.at) == (1, 3, False, 5.0)


def test_what_was_told_is_told_again_only_when_it_changes_or_was_forgotten() -> None:
    books = hosts()
    books.told(books.changes({}, True))
    assert not books.changes({}, True)
    assert books.changes({"h": 1}, True) and books.changes({}, False)
    books.claim(claim("a"))
    assert books.changes({}, True)
    books.drop("h", "a")
    assert not books.changes({}, True)
    books.untold()
    assert books.changes({}, True)


def test_an_unknown_host_is_no_place() -> None:
    fault = Hosts().claim(claim("a"))
    assert fault is not None and fault.cause == "no such host on this node"


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abcdef"), st.integers(1, 700))))
def test_never_more_than_there_is(moves: list[tuple[bool, str, int]]) -> None:
    books = hosts()
    for takes, name, ram_mib in moves:
        if takes:
            books.claim(claim(name, ram_mib))
        else:
            books.drop("h", name)
        assert books.changes({}, True)["h"].ram_mib == sum(one.ram_mib for one in books.claims()) <= 1024

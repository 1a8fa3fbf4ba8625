"""What a subnet pool gives next: the first cidr of a length that is free, in a step for each that is not."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.errors import CallerError
from actors.network.rows import Rows
from actors.network.subnet_pools import cidr_from
from actors.records import Subnet, SubnetPool


def next_of(prefixes: tuple[str, ...], held: list[str], length: int) -> str:
    smallest = 30 if "." in prefixes[0] else 126
    pool = SubnetPool(
        id="pool",
        name="",
        project_id="p",
        prefixes=prefixes,
        min_prefixlen=8,
        default_prefixlen=smallest,
        max_prefixlen=smallest,
    )
    subnets = [
        Subnet(id=cidr, name="", network_id="n", project_id="p", cidr=cidr, gateway_ip="", subnetpool_id="pool")
        for cidr in held
    ]
    return cidr_from(pool, Rows([pool, *subnets]), length, "")


def test_what_lies_behind_large_subnets_is_found_at_once() -> None:
    assert next_of(("10.0.0.0/8",), ["10.0.0.0/9"], 30) == "10.128.0.0/30"
    assert next_of(("2001::/16",), ["2001::/17", "2001:8000::/18"], 64) == "2001:c000::/64"
    two = ("2001::/16", "2003::/16")
    assert next_of(two, ["2001::/17", "2001:8000::/17", "2003::/17"], 126) == "2003:8000::/126"
    with pytest.raises(CallerError) as refused:
        next_of(two, [f"{half}::/17" for half in ("2001", "2001:8000", "2003", "2003:8000")], 126)
    assert refused.value.fault.kind == "SubnetAllocationError"


@given(st.lists(st.integers(24, 30), max_size=12), st.integers(24, 30), st.sets(st.integers(0, 11)))
def test_it_is_the_first_that_is_free(lengths: list[int], wanted: int, given_back: set[int]) -> None:
    prefixes = ("10.0.0.0/24", "10.0.2.0/24")
    held: list[str] = []
    for length in lengths:
        try:
            held.append(next_of(prefixes, held, length))
        except CallerError:
            break
    held = [cidr for place, cidr in enumerate(held) if place not in given_back]
    free = [
        candidate
        for prefix in map(IPv4Network, prefixes)
        for candidate in prefix.subnets(new_prefix=wanted)
        if not any(candidate.overlaps(ip_network(one)) for one in held)
    ]
    try:
        assert next_of(prefixes, held, wanted) == str(free[0])
    except CallerError:
        assert not free

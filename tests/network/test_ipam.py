from __future__ import annotations

import time
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.network.ipam import AddressBook, address_by_mac, default_gateway, default_pools, usable


def test_pools_are_all_but_network_broadcast_and_gateway() -> None:
    assert default_gateway("10.0.0.0/24") == "10.0.0.1"
    assert default_pools("10.0.0.0/24", "10.0.0.1") == (("10.0.0.2", "10.0.0.254"),)
    assert default_pools("10.0.0.0/24", "10.0.0.9") == (("10.0.0.1", "10.0.0.8"), ("10.0.0.10", "10.0.0.254"))
    assert default_pools("10.0.0.0/24", "") == (("10.0.0.1", "10.0.0.254"),)
    assert default_pools("10.0.0.0/30", "10.0.0.1") == (("10.0.0.2", "10.0.0.2"),)


def test_the_same_of_ipv6() -> None:
    assert default_gateway("fd00::/64") == "fd00::1"
    assert default_pools("fd00::/120", "fd00::1") == (("fd00::2", "fd00::ff"),)
    book = AddressBook([("fd00::2", "fd00::3")])
    assert book.take_next() == "fd00::2" and book.take("fd00:0::3") and "FD00::3" in book
    assert book.take_next() is None
    assert usable("fd00::/64", "fd00::1", "fd00::ffff:ffff:ffff:ffff") == ""
    for address in ("fd00::", "fd00::1", "fd00:0::1", "fd01::5", "10.0.0.7", "fd00::5%eth0", "x"):
        assert usable("fd00::/64", "fd00::1", address), address


def test_the_address_that_a_guest_makes_of_its_mac() -> None:
    """The example of RFC 4291, appendix A, with our prefix: the second-lowest bit of the first octet is turned."""
    assert address_by_mac("fd00:1::/64", "34:56:78:9a:bc:de") == "fd00:1::3656:78ff:fe9a:bcde"
    assert address_by_mac("fe80::/64", "fa:16:3e:00:00:01") == "fe80::f816:3eff:fe00:1"


def test_in_order_then_the_longest_freed() -> None:
    book = AddressBook([("10.0.0.2", "10.0.0.4")])
    assert [book.take_next() for _ in range(3)] == ["10.0.0.2", "10.0.0.3", "10.0.0.4"]
    assert book.take_next() is None
    book.release("10.0.0.3")
    book.release("10.0.0.2")
    assert [book.take_next() for _ in range(3)] == ["10.0.0.3", "10.0.0.2", None]


def test_an_address_rests_before_it_is_given_again() -> None:
    book = AddressBook([("10.0.0.2", "10.0.0.4")])
    first = book.take_next()
    assert first is not None
    book.release(first)
    assert book.take_next() != first


def test_a_named_address_is_passed_over_later() -> None:
    book = AddressBook([("10.0.0.2", "10.0.0.4")])
    assert book.take("10.0.0.3") and not book.take("10.0.0.3")
    assert book.take("10.0.0.200")  # outside the pools
    assert [book.take_next() for _ in range(3)] == ["10.0.0.2", "10.0.0.4", None]
    book.release("10.0.0.200")
    assert book.take_next() is None  # it never belonged to the pools


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("10.0.0.7", ""),
        ("10.0.1.7", "not in the subnet"),
        ("10.0.0.0", "network address"),
        ("10.0.0.255", "broadcast"),
        ("10.0.0.1", "gateway"),
        ("ten", "not an IPv4 address"),
        ("10.0.0.07", "not an IPv4 address"),
        ("fe80::1", "not an IPv4 address"),
    ],
)
def test_who_may_have_it(address: str, reason: str) -> None:
    why = usable("10.0.0.0/24", "10.0.0.1", address)
    assert (reason in why) and bool(why) == bool(reason)


ADDRESSES = [str(address) for address in IPv4Network("10.0.0.0/28").hosts()]
ORDERS = st.lists(
    st.one_of(
        st.just(("next", "")),
        st.tuples(st.just("take"), st.sampled_from(ADDRESSES)),
        st.tuples(st.just("release"), st.sampled_from(ADDRESSES)),
    ),
    max_size=80,
)


@given(orders=ORDERS, split=st.integers(2, 12))
def test_any_order_of_orders_is_a_set_of_addresses(orders: list[tuple[str, str]], split: int) -> None:
    pools = [("10.0.0.2", f"10.0.0.{split}"), (f"10.0.0.{split + 1}", "10.0.0.13")]
    in_pools = {f"10.0.0.{number}" for number in range(2, 14)}
    book, used = AddressBook(pools), set[str]()
    for order, address in orders:
        if order == "take":
            assert book.take(address) == (address not in used)
            used.add(address)
        elif order == "release":
            book.release(address)
            used.discard(address)
        else:
            given_out = book.take_next()
            assert (given_out is None) == (in_pools <= used)
            if given_out:
                assert given_out in in_pools - used
                used.add(given_out)
        assert len(book) == len(used)
    assert {address for address in ADDRESSES if address in book} == used


def test_a_huge_pool_costs_nothing_to_have() -> None:
    begin = time.process_time()
    book = AddressBook([("10.0.0.2", "10.255.255.254")])
    first = [book.take_next() for _ in range(100_000)]
    assert len(set(first)) == 100_000
    for address in first[::2]:
        assert address
        book.release(address)
    assert book.take_next() == str(IPv4Address("10.0.0.2") + 100_000)
    assert time.process_time() - begin < 5  # it takes 0.3 s; a scan would take minutes

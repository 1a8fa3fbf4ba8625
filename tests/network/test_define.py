from __future__ import annotations

import random
from typing import Any

import pytest

from actors.errors import CallerError
from actors.network.define import check_host_name, network_from
from actors.network.define_subnet import subnet_from
from actors.network.ipam import STATEFUL
from actors.network.messages import CreateNetwork, CreateSubnet
from actors.network.rows import Rows
from actors.records import Network, Subnet
from tests.network.cloud import ADMIN, ALICE, BOB, NamesAsTokens

VERIFIER = NamesAsTokens()
NETWORK = Network(id="n1", name="n", project_id="project-a", network_type="vxlan", segmentation_id=7)


def network(rows: Rows, token: str = ADMIN, span: tuple[int, int] = (1, 100), **asked: Any) -> Network:
    context = VERIFIER.verify(token, 0)
    return network_from(CreateNetwork(token=token, **asked), context, rows, span, random.Random(3))


def subnet(rows: Rows, cidr: str = "10.0.0.0/24", token: str = ALICE, **asked: Any) -> Subnet:
    request = CreateSubnet(token=token, network_id=asked.pop("network_id", "n1"), cidr=cidr, **asked)
    return subnet_from(request, VERIFIER.verify(token, 0), rows, random.Random(3))


def test_segments_are_free_ones_until_none_is() -> None:
    rows = Rows()
    for _ in range(100):
        rows.apply(network(rows))
    assert {made.segmentation_id for made in rows.networks.values()} == set(range(1, 101))
    with pytest.raises(CallerError, match="all vxlan segments"):
        network(rows)


def test_each_type_has_its_mtu_and_segment() -> None:
    rows = Rows()
    flat = network(rows, network_type="flat", physical_network="physnet1")
    vlan = network(rows, network_type="vlan", physical_network="physnet1")
    assert (flat.mtu, flat.segmentation_id) == (1500, 0)
    assert vlan.mtu == 1500 and 1 <= vlan.segmentation_id <= 4094
    assert network(rows, token=ALICE).mtu == 1450 and network(rows, mtu=1200).mtu == 1200


@pytest.mark.parametrize(
    ("asked", "status", "field"),
    [
        ({"network_type": "geneve"}, 400, "network_type"),
        ({"network_type": "flat"}, 400, "physical_network"),
        ({"network_type": "vlan"}, 400, "physical_network"),
        ({"network_type": "vxlan", "physical_network": "p"}, 400, "physical_network"),
        ({"network_type": "flat", "physical_network": "p", "segmentation_id": 1}, 400, "segmentation_id"),
        ({"network_type": "vlan", "physical_network": "p", "segmentation_id": 4095}, 400, "segmentation_id"),
        ({"segmentation_id": 7}, 409, "segmentation_id"),
        ({"segmentation_id": 1 << 24}, 400, "segmentation_id"),
        ({"mtu": 1451}, 400, "mtu"),
        ({"mtu": 20}, 400, "mtu"),
        ({"name": "a\nb"}, 400, "name"),
        ({"name": "a" * 256}, 400, "name"),
        ({"token": ALICE, "segmentation_id": 9}, 403, "network_type"),
        ({"token": ALICE, "shared": True}, 403, "shared"),
        ({"token": ALICE, "project_id": "project-b"}, 403, "project_id"),
    ],
)
def test_networks_refused(asked: dict[str, Any], status: int, field: str) -> None:
    with pytest.raises(CallerError) as caught:
        network(Rows([NETWORK]), **asked)
    assert (caught.value.fault.status, caught.value.fault.field) == (status, field)


def test_a_flat_network_is_alone_on_its_physical_network() -> None:
    rows = Rows()
    rows.apply(network(rows, network_type="flat", physical_network="p"))
    with pytest.raises(CallerError, match="used by another"):
        network(rows, network_type="flat", physical_network="p")


def test_subnets_are_completed() -> None:
    rows = Rows([NETWORK])
    plain = subnet(rows, "10.0.0.7/24")
    assert (plain.cidr, plain.gateway_ip) == ("10.0.0.0/24", "10.0.0.1")
    assert plain.pools == (("10.0.0.2", "10.0.0.254"),) and plain.project_id == "project-a"
    assert subnet(rows, gateway_ip="").gateway_ip == "" and subnet(rows, gateway_ip="").pools[0][0] == "10.0.0.1"
    pooled = subnet(rows, pools=(("10.0.0.50", "10.0.0.60"), ("10.0.0.10", "10.0.0.20")))
    assert pooled.pools == (("10.0.0.10", "10.0.0.20"), ("10.0.0.50", "10.0.0.60"))


def test_subnets_of_ipv6_are_completed() -> None:
    rows = Rows([NETWORK])
    plain = subnet(rows, "FD00:0::7/64", ipv6_ra_mode="slaac", ipv6_address_mode="slaac")
    assert (plain.cidr, plain.gateway_ip) == ("fd00::/64", "fd00::1")
    assert plain.pools == (("fd00::2", "fd00::ffff:ffff:ffff:ffff"),)
    assert (plain.ipv6_ra_mode, plain.ipv6_address_mode) == ("slaac", "slaac")
    narrow = subnet(
        rows, "fd00::/120", ipv6_address_mode=STATEFUL, pools=(("fd00::0a", "fd00::0:ff"),), dns_servers=("FD::1",)
    )
    assert (narrow.pools, narrow.dns_servers) == ((("fd00::a", "fd00::ff"),), ("fd::1",))


@pytest.mark.parametrize(
    ("asked", "status", "field"),
    [
        ({"network_id": "n2"}, 404, "network_id"),
        ({"token": BOB}, 404, "network_id"),
        ({"cidr": "ten"}, 400, "cidr"),
        ({"cidr": "10.0.0.0/31"}, 400, "cidr"),
        ({"cidr": "fe80::/64"}, 400, "cidr"),
        ({"cidr": "fd00::/127"}, 400, "cidr"),
        ({"cidr": "fd00::%1/64"}, 400, "cidr"),
        ({"cidr": "::ffff:10.0.0.0/112"}, 400, "cidr"),
        ({"cidr": "fd00::/64", "ip_version": 4}, 400, "ip_version"),
        ({"ip_version": 6}, 400, "ip_version"),
        ({"ipv6_ra_mode": "slaac"}, 400, "ipv6_ra_mode"),
        ({"cidr": "fd00::/64", "ipv6_address_mode": "dhcp"}, 400, "ipv6_address_mode"),
        ({"cidr": "fd00::/64", "ipv6_ra_mode": "slaac", "ipv6_address_mode": STATEFUL}, 400, "ipv6_ra_mode"),
        ({"cidr": "fd00::/64", "ipv6_ra_mode": "slaac", "enable_dhcp": False}, 400, "enable_dhcp"),
        ({"cidr": "fd00::/80", "ipv6_address_mode": "slaac"}, 400, "cidr"),
        ({"cidr": "fd00::/64", "gateway_ip": "10.0.0.1"}, 400, "gateway_ip"),
        ({"cidr": "fd00::/64", "gateway_ip": "fd00::1%eth0"}, 400, "gateway_ip"),
        ({"cidr": "fd00::/64", "dns_servers": ("9.9.9.9",)}, 400, "dns_servers[0]"),
        ({"cidr": "fd00::/64", "host_routes": (("10.0.0.0/8", "fd00::1"),)}, 400, "host_routes[0]"),
        ({"cidr": "169.254.0.0/24"}, 400, "cidr"),
        ({"cidr": "0.0.0.0/0"}, 400, "cidr"),
        ({"cidr": "10.5.5.0/25"}, 400, "cidr"),  # overlaps the one that is there
        ({"gateway_ip": "10.0.1.1"}, 400, "gateway_ip"),
        ({"gateway_ip": "10.0.0.255"}, 400, "gateway_ip"),
        ({"gateway_ip": "x"}, 400, "gateway_ip"),
        ({"pools": (("10.0.0.9", "10.0.0.5"),)}, 400, "pools[0]"),
        ({"pools": (("10.0.0.9", "10.0.1.5"),)}, 400, "pools[0]"),
        ({"pools": (("10.0.0.1", "10.0.0.5"),)}, 409, "pools[0]"),
        ({"pools": (("10.0.0.4", "10.0.0.9"), ("10.0.0.8", "10.0.0.12"))}, 409, "pools[1]"),
        ({"dns_servers": ("10.0.0.3", "x")}, 400, "dns_servers[1]"),
        ({"dns_servers": ("10.0.0.3",) * 6}, 400, "dns_servers"),
        ({"host_routes": (("10.2.0.0/24", "x"),)}, 400, "host_routes[0]"),
        ({"host_routes": (("x", "10.0.0.3"),)}, 400, "host_routes[0]"),
        ({"host_routes": (("10.2.0.0/24", "10.0.0.3"),) * 2}, 400, "host_routes[1]"),
        ({"dns_servers": ("10.0.0.3", "10.0.0.3")}, 400, "dns_servers[1]"),
    ],
)
def test_subnets_refused(asked: dict[str, Any], status: int, field: str) -> None:
    there = Subnet(id="s", name="", network_id="n1", project_id="project-a", cidr="10.5.0.0/16")
    with pytest.raises(CallerError) as caught:
        subnet(Rows([NETWORK, there]), **asked)
    assert (caught.value.fault.status, caught.value.fault.field) == (status, field)


@pytest.mark.parametrize("name", ["a", "web-1", "a.b.c", "A1", "x" * 63, ""])
def test_host_names(name: str) -> None:
    assert check_host_name(name, "hostname") == name


@pytest.mark.parametrize("name", ["-a", "a-", "a_b", "a b", "a\nb", "a,b", "x" * 64, "é", "a..b", "a\n"])
def test_not_host_names(name: str) -> None:
    with pytest.raises(CallerError):
        check_host_name(name, "hostname")

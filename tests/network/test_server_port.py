from __future__ import annotations

import random

from msgspec.structs import replace

from actors.network.naming import dhcp_port_id
from actors.network.rows import Rows
from actors.network.server_port import serve
from actors.records import Network, Port, Subnet, drop

NETWORK = Network(id="n", name="", project_id="p", network_type="vxlan")


def subnet(number: int, last: int = 200, enable_dhcp: bool = True) -> Subnet:
    return Subnet(
        id=f"s{number}", name="", network_id="n", project_id="p", cidr=f"10.0.{number}.0/24",
        gateway_ip=f"10.0.{number}.1", pools=((f"10.0.{number}.2", f"10.0.{number}.{last}"),), enable_dhcp=enable_dhcp,
    )  # fmt: skip


def bound(name: str, host: str) -> Port:
    return Port(id=name * 12, network_id="n", project_id="p", mac_address=name, host=host)


def settled(rows: Rows) -> Port | None:
    for change in serve(rows, "n", 1.0, random.Random(1)):
        rows.apply(change)
    assert serve(rows, "n", 2.0, random.Random(2)) == []  # twice is once
    port = rows.dhcp_port("n")
    assert bool(rows.networks["n"].dhcp_host) == bool(port)
    return port


def test_only_while_a_bound_port_needs_it() -> None:
    rows = Rows([NETWORK, subnet(0)])
    assert settled(rows) is None
    rows.apply(bound("a", ""))
    assert settled(rows) is None
    rows.apply(bound("b", "h2"))
    port = settled(rows)
    assert port and port.id == dhcp_port_id("n") and port.host == "h2" and port.device_id == "dhcp-h2-n"
    rows.apply(bound("c", "h1"))
    assert settled(rows) == port
    rows.apply(drop(bound("b", "")))
    assert settled(rows) == port  # it stays where it is while anybody needs it
    rows.apply(drop(bound("c", "")))
    assert settled(rows) is None and len(rows.books["s0"]) == 0 and "c" not in rows.macs


def test_an_address_in_each_subnet_that_wants_dhcp() -> None:
    rows = Rows([NETWORK, subnet(0), subnet(1, enable_dhcp=False), bound("a", "h1")])
    port = settled(rows)
    assert port and [ip.ip_address for ip in port.fixed_ips] == ["10.0.0.2"]
    rows.apply(subnet(2))
    port = settled(rows)
    assert port and [ip.ip_address for ip in port.fixed_ips] == ["10.0.0.2", "10.0.2.2"]
    rows.apply(drop(subnet(0)))
    port = settled(rows)
    assert port and [ip.ip_address for ip in port.fixed_ips] == ["10.0.2.2"]


def test_a_full_subnet_has_no_server() -> None:
    rows = Rows([NETWORK, subnet(0, last=2), bound("a", "h1")])
    assert rows.books["s0"].take_next() == "10.0.0.2"
    assert settled(rows) is None


def test_it_moves_with_its_address() -> None:
    rows = Rows([NETWORK, subnet(0), bound("a", "h1"), bound("b", "h2")])
    before = settled(rows)
    assert before
    rows.apply(replace(rows.networks["n"], dhcp_host="h2"))
    after = settled(rows)
    assert after == replace(before, host="h2", device_id="dhcp-h2-n")


def test_a_simulated_host_has_its_nodes_server() -> None:
    port = settled(Rows([NETWORK, subnet(0), bound("a", "h1/00007")]))
    assert port and port.host == "h1" and port.device_id == "dhcp-h1-n"


def test_an_unknown_network_needs_nothing() -> None:
    assert serve(Rows(), "n", 1.0, random.Random(1)) == []

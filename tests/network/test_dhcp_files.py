from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from actors.network import dhcp_files
from actors.network.dhcp_files import DhcpPaths
from actors.network.messages import DhcpHost, DhcpNetworkInfo
from actors.records import FixedIp, Network, Port, Subnet

SUBNET = Subnet(id="s1", name="", network_id="n1", project_id="p", cidr="1.1.1.0/24")
DHCP_PORT = Port(
    id="d1", network_id="n1", project_id="p", mac_address="fa:16:3e:dd:00:01", fixed_ips=(FixedIp("s1", "1.1.1.2"),)
)
SEEDS_MAC = "fa:16:3e:d1:d7:72"


def host(mac: str, address: str, subnet: str = "s1", name: str = "") -> DhcpHost:
    return DhcpHost(
        port_id=f"p{address}", mac_address=mac, fixed_ips=(FixedIp(subnet, address),), dns_name=name, device_id="i"
    )


def info(*hosts: DhcpHost, subnet: Subnet = SUBNET) -> DhcpNetworkInfo:
    return DhcpNetworkInfo(
        network_id="n1",
        network=Network(id="n1", name="n", project_id="p", network_type="vxlan", mtu=1450),
        subnets=(subnet,),
        hosts=hosts,
        port=DHCP_PORT,
        dns_domain="openstacklocal",
    )


def test_files_are_the_seeds_own_lines() -> None:
    files = dhcp_files.files(info(host(SEEDS_MAC, "1.1.1.1")))
    assert files.host == "fa:16:3e:d1:d7:72,host-1-1-1-1.openstacklocal,1.1.1.1\n"
    assert files.addn_hosts == "1.1.1.1 host-1-1-1-1.openstacklocal host-1-1-1-1\n"


def test_a_port_with_a_name_has_it() -> None:
    files = dhcp_files.files(info(host(SEEDS_MAC, "1.1.1.1", name="web-1")))
    assert files.host == "fa:16:3e:d1:d7:72,web-1.openstacklocal,1.1.1.1\n"


def test_a_name_cannot_smuggle_in_a_line() -> None:
    for name in ("a\nb", "a,b", "a b", "-a", "x" * 64, "set:tag"):
        assert "host-1-1-1-1." in dhcp_files.files(info(host(SEEDS_MAC, "1.1.1.1", name=name))).host


def test_only_subnets_with_dhcp_are_served() -> None:
    off = replace(SUBNET, enable_dhcp=False)
    files = dhcp_files.files(info(host(SEEDS_MAC, "1.1.1.1"), subnet=off))
    assert (files.host, files.addn_hosts, files.opts) == ("", "", "")
    assert dhcp_files.served(info(subnet=replace(SUBNET, cidr="2001:db8::/64"))) == []


SIX = Subnet(
    id="s6", name="", network_id="n1", project_id="p", cidr="fd00::/64", ipv6_ra_mode="slaac", ipv6_address_mode="slaac"
)
SIX_PORT = replace(DHCP_PORT, fixed_ips=(FixedIp("s6", "fd00::2"),))


def in_mode(mode: str, announced: bool = True) -> DhcpNetworkInfo:
    subnet = replace(SIX, ipv6_address_mode=mode, ipv6_ra_mode=mode if announced else "")
    return replace(info(host(SEEDS_MAC, "fd00::5", "s6", "web"), subnet=subnet), port=SIX_PORT)


@pytest.mark.parametrize(
    ("mode", "announced", "span"),
    [
        ("slaac", True, "fd00::,ra-only,64"),
        ("dhcpv6-stateless", True, "fd00::,ra-stateless,64"),
        ("dhcpv6-stateful", True, "fd00::,static,64"),
        ("dhcpv6-stateful", False, "fd00::,static,64"),
        ("dhcpv6-stateless", False, "fd00::,static,64"),
        ("slaac", False, ""),
    ],
)
def test_how_guests_come_to_addresses_of_ipv6(mode: str, announced: bool, span: str) -> None:
    told = in_mode(mode, announced)
    command = dhcp_files.command(told, DhcpPaths(Path("/d/n1")), "ns-d1")
    assert [one for one in command if one.startswith("--dhcp-range")] == (
        [f"--dhcp-range=set:subnet-s6,{span},{600 if mode == 'dhcpv6-stateful' else 86400}s"] if span else []
    )
    assert ("--enable-ra" in command, "--ra-param=ns-d1,600,0" in command) == (announced, announced)
    files = dhcp_files.files(told)
    leased = "fa:16:3e:d1:d7:72,tag:dhcpv6,web.openstacklocal,[fd00::5]\n"
    assert files.host == (leased if mode == "dhcpv6-stateful" else "")
    assert files.addn_hosts == "fd00::5 web.openstacklocal web\n"
    assert files.opts == "tag:subnet-s6,option6:dns-server,[fd00::2]\n"
    assert dhcp_files.addresses(told) == ["fd00::2/64", "169.254.169.254/32"]


def test_a_lease_of_ipv6_is_stale_by_its_address() -> None:
    kept, other = ("1464599134 1234567 fd00::5 web 00:01", "1464599134 1234567 fd00::6 * 00:01")
    leases = f"duid 00:01:00\n{kept}\n{other}\n"
    assert dhcp_files.stale_leases(leases, in_mode("dhcpv6-stateful")) == {other}


def test_options_route_metadata_through_the_dhcp_port() -> None:
    subnet = replace(SUBNET, gateway_ip="1.1.1.254", dns_servers=("9.9.9.9",), host_routes=(("10.0.0.0/8", "1.1.1.3"),))
    assert dhcp_files.files(info(subnet=subnet)).opts.splitlines() == [
        "tag:subnet-s1,option:dns-server,9.9.9.9",
        "tag:subnet-s1,option:classless-static-route,10.0.0.0/8,1.1.1.3,169.254.169.254/32,1.1.1.2,0.0.0.0/0,1.1.1.254",
        "tag:subnet-s1,249,10.0.0.0/8,1.1.1.3,169.254.169.254/32,1.1.1.2,0.0.0.0/0,1.1.1.254",
        "tag:subnet-s1,option:router,1.1.1.254",
    ]


def test_without_gateway_and_resolver_the_router_is_none_and_dnsmasq_resolves() -> None:
    opts = dhcp_files.files(info()).opts
    assert "option:dns-server,1.1.1.2\n" in opts
    assert opts.endswith("option:router\n")


def test_the_server_has_its_ports_address_and_metadatas() -> None:
    assert dhcp_files.addresses(info()) == ["1.1.1.2/24", "169.254.169.254/32"]
    assert dhcp_files.addresses(replace(info(), port=None)) == []


def test_the_command_answers_static_reservations_only() -> None:
    command = dhcp_files.command(info(), DhcpPaths(Path("/d/n1")), "ns-d1")
    assert "--dhcp-range=set:subnet-s1,1.1.1.0,static,255.255.255.0,86400s" in command
    assert "--dhcp-option-force=option:mtu,1450" in command
    assert "--dhcp-hostsfile=/d/n1/host" in command
    assert "--interface=ns-d1" in command


def test_a_lease_without_its_reservation_is_stale() -> None:
    kept = "1464599134 fa:16:3e:d1:d7:72 1.1.1.1 host-1-1-1-1 01:fa:16:3e:d1:d7:72"
    moved = "1464599134 fa:16:3e:d1:d7:72 1.1.1.9 * *"
    other = "1464599134 fa:16:3e:3c:a3:3e 1.1.1.10 host-1-1-1-10 01:fa:16:3e:3c:a3:3e"
    leases = f"{kept}\n{moved}\nduid 00:01\n{other}\n"
    stale = dhcp_files.stale_leases(leases, info(host(SEEDS_MAC, "1.1.1.1")))
    assert stale == {moved, other}
    assert dhcp_files.without(leases, stale) == f"{kept}\nduid 00:01\n"

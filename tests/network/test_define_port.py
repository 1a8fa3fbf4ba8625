from __future__ import annotations

import random
from typing import Any

import pytest

from actors.errors import CallerError
from actors.network.define_group import rule_from
from actors.network.define_port import port_from
from actors.network.messages import CreatePort, CreateSecurityGroupRule, FixedIpRequest
from actors.network.rows import Rows
from actors.records import AddressPair, Network, Port, SecurityGroup, SecurityGroupRule, Subnet
from tests.network.cloud import ADMIN, ALICE, BOB, NamesAsTokens

POOLS = (("10.0.0.2", "10.0.0.254"),)


def rows() -> Rows:
    networks = [
        Network(id="n1", name="", project_id="project-a", network_type="vxlan", segmentation_id=1),
        Network(id="n2", name="", project_id="project-0", network_type="vxlan", segmentation_id=2, shared=True),
        Network(id="bare", name="", project_id="project-a", network_type="vxlan", segmentation_id=3),
    ]
    subnets = [
        Subnet(id=f"s{number}", name="", network_id=f"n{number}", project_id="", cidr="10.0.0.0/24",
               gateway_ip="10.0.0.1", pools=POOLS)
        for number in (1, 2)
    ]  # fmt: skip
    groups = [SecurityGroup(id="g1", name="web", project_id="project-a")]
    taken = Port(id="p" * 36, network_id="n1", project_id="project-a", mac_address="fa:16:3e:00:00:01")
    return Rows([*networks, *subnets, *groups, taken])


def port(token: str = ALICE, there: Rows | None = None, **asked: Any) -> Port:
    request = CreatePort(token=token, network_id=asked.pop("network_id", "n1"), **asked)
    context = NamesAsTokens().verify(token, 0)
    made = port_from(request, context, there or rows(), 5.0, random.Random(1), lambda project_id: None)[-1]
    assert isinstance(made, Port)
    return made


def rule(token: str = ALICE, there: Rows | None = None, **asked: Any) -> SecurityGroupRule:
    request = CreateSecurityGroupRule(**{"token": token, "security_group_id": "g1", "direction": "ingress", **asked})
    return rule_from(request, NamesAsTokens().verify(token, 0), there or rows(), random.Random(1))


def test_a_plain_port_is_completed() -> None:
    made = port()
    assert made.mac_address.startswith("fa:16:3e:") and made.fixed_ips[0].ip_address == "10.0.0.2"
    assert len(made.security_groups) == 1 and made.port_security_enabled and not made.made_for
    assert port(network_id="bare").fixed_ips == ()
    assert port(security_groups=()).security_groups == () and port(security_groups=("web",)).security_groups == ("g1",)


def test_addresses_as_asked_for() -> None:
    asked = (FixedIpRequest(ip_address="10.0.0.9"), FixedIpRequest(subnet_id="s1"))
    made = port(fixed_ips=asked, mac_address="FA:16:3E:AA:BB:CC")
    assert [ip.ip_address for ip in made.fixed_ips] == ["10.0.0.9", "10.0.0.2"]
    assert made.mac_address == "fa:16:3e:aa:bb:cc"


@pytest.mark.parametrize(
    ("asked", "status", "field"),
    [
        ({"network_id": "nothing"}, 404, "network_id"),
        ({"token": BOB}, 404, "network_id"),
        ({"project_id": "project-b"}, 403, "project_id"),
        ({"mac_address": "fa:16:3e:00:00:01"}, 409, "mac_address"),
        ({"mac_address": "01:00:00:00:00:01"}, 400, "mac_address"),
        ({"fixed_ips": (FixedIpRequest(ip_address="10.0.0.0"),)}, 400, "fixed_ips[0].ip_address"),
        ({"fixed_ips": (FixedIpRequest(ip_address="10.0.0.9"),) * 2}, 409, "fixed_ips[1].ip_address"),
        ({"fixed_ips": (FixedIpRequest(subnet_id="s2"),)}, 400, "fixed_ips[0].subnet_id"),
        ({"fixed_ips": (FixedIpRequest(subnet_id="s1"),) * 6}, 400, "fixed_ips"),
        ({"security_groups": ("nope",)}, 404, "security_groups[0]"),
        ({"port_security_enabled": False, "security_groups": ("web",)}, 409, "port_security_enabled"),
        ({"network_id": "n2", "port_security_enabled": False}, 403, "port_security_enabled"),
        ({"network_id": "n2", "allowed_address_pairs": (AddressPair("10.0.0.9"),)}, 403, "allowed_address_pairs"),
        ({"allowed_address_pairs": (AddressPair("x"),)}, 400, "allowed_address_pairs[0].ip_address"),
        ({"allowed_address_pairs": (AddressPair("10.0.0.9", "x"),)}, 400, "allowed_address_pairs[0].mac_address"),
        ({"allowed_address_pairs": (AddressPair("10.0.0.9"),) * 11}, 400, "allowed_address_pairs"),
        ({"profile": {"pci_slot": "0000:01:00.0"}}, 403, "profile"),
        ({"vnic_type": "odd"}, 400, "vnic_type"),
        ({"dns_name": "a\nb"}, 400, "dns_name"),
        ({"name": "a\x00"}, 400, "name"),
    ],
)
def test_ports_refused(asked: dict[str, Any], status: int, field: str) -> None:
    there = rows()
    free = len(there.books["s1"]), dict(there.macs)
    with pytest.raises(CallerError) as caught:
        port(there=there, **asked)
    assert (caught.value.fault.status, caught.value.fault.field) == (status, field)
    assert (len(there.books["s1"]), there.macs) == free  # nothing stays reserved


def test_an_administrator_may() -> None:
    made = port(ADMIN, network_id="n2", port_security_enabled=False, profile={"pci_slot": "0"}, project_id="project-b")
    assert not made.port_security_enabled and made.profile and made.project_id == "project-b"


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ({"protocol": "TCP", "port_min": 80, "port_max": 90}, ("tcp", 80, 90, "")),
        ({"protocol": "any"}, ("", -1, -1, "")),
        ({"protocol": "47"}, ("47", -1, -1, "")),
        ({"protocol": "icmp", "port_min": 8, "port_max": 0}, ("icmp", 8, 0, "")),
        ({"protocol": "icmp", "port_min": 0}, ("icmp", 0, -1, "")),
        ({"remote_ip_prefix": "10.1.2.3/8"}, ("", -1, -1, "10.1.2.3/8")),
        ({"ethertype": "IPv6", "remote_ip_prefix": "::/0"}, ("", -1, -1, "::/0")),
    ],
)
def test_rules_in_their_normal_form(asked: dict[str, Any], kept: tuple[str, int, int, str]) -> None:
    made = rule(**asked)
    assert (made.protocol, made.port_min, made.port_max, made.remote_ip_prefix) == kept


@pytest.mark.parametrize(
    ("asked", "status", "field"),
    [
        ({"security_group_id": "nope"}, 404, "security_group_id"),
        ({"token": BOB}, 404, "security_group_id"),
        ({"direction": "sideways"}, 400, "direction"),
        ({"ethertype": "IPX"}, 400, "ethertype"),
        ({"protocol": "carrier-pigeon"}, 400, "protocol"),
        ({"protocol": "256"}, 400, "protocol"),
        ({"protocol": "tcp; drop"}, 400, "protocol"),
        ({"protocol": "tcp", "port_min": 9, "port_max": 5}, 400, "port_min"),
        ({"protocol": "tcp", "port_min": 1, "port_max": 65_536}, 400, "port_min"),
        ({"protocol": "gre", "port_min": 1, "port_max": 2}, 400, "port_min"),
        ({"port_min": 1, "port_max": 2}, 400, "port_min"),
        ({"protocol": "icmp", "port_min": 300}, 400, "port_min"),
        ({"protocol": "tcp", "port_min": 0, "port_max": 0}, 400, "port_min"),
        ({"protocol": "icmp", "port_max": 0}, 400, "port_min"),
        ({"remote_ip_prefix": "x"}, 400, "remote_ip_prefix"),
        ({"remote_ip_prefix": "::/0"}, 400, "remote_ip_prefix"),
        ({"remote_group_id": "nope"}, 404, "remote_group_id"),
        ({"remote_group_id": "g1", "remote_ip_prefix": "10.0.0.0/8"}, 400, "remote_group_id"),
    ],
)
def test_rules_refused(asked: dict[str, Any], status: int, field: str) -> None:
    with pytest.raises(CallerError) as caught:
        rule(**asked)
    assert (caught.value.fault.status, caught.value.fault.field) == (status, field)

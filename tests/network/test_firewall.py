from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from actors.network import firewall
from actors.network.messages import FirewallRule, PortFirewall
from actors.records import AddressPair
from tests.network.probes import guest, ip, namespace, ping, real, tcp_answers, tcp_server


def rule(
    direction: str = "ingress", protocol: str = "", ports: tuple[int, int] = (-1, -1), *remote: str
) -> FirewallRule:
    return FirewallRule(
        direction=direction,
        ethertype="IPv4",
        protocol=protocol,
        port_min=ports[0],
        port_max=ports[1],
        remote_prefixes=remote,
    )


def port(number: int, *rules: FirewallRule, security: bool = True, pairs: tuple[AddressPair, ...] = ()) -> PortFirewall:
    return PortFirewall(
        port_id=f"p{number}",
        device=f"tap{number}",
        bridge="brq0",
        network_id="n0",
        mac_address=f"fa:16:3e:00:00:0{number}",
        ip_addresses=(f"10.9.0.{number}",),
        allowed_address_pairs=pairs,
        port_security_enabled=security,
        rules=rules,
    )


def added(document: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [command["add"][kind] for command in document["nftables"] if kind in command.get("add", {})]


def test_without_port_security_there_are_no_rules_at_all() -> None:
    document = firewall.ruleset([port(1, rule(), security=False)])
    assert added(document, "rule") == added(document, "chain") == []


def test_tables_are_replaced_in_one_document() -> None:
    verbs = [next(iter(command)) for command in firewall.ruleset([])["nftables"]]
    assert verbs == ["add", "delete", "add"] * 2


def test_the_order_of_ports_does_not_matter() -> None:
    ports = [port(1, rule()), port(2)]
    assert firewall.ruleset(ports) == firewall.ruleset(reversed(ports))


def test_members_of_a_remote_group_stand_once_however_many_rules_name_them() -> None:
    members = ("10.0.0.1", "10.0.0.2", "10.0.0.3")
    document = firewall.ruleset(port(number, rule("ingress", "", (0, 0), *members)) for number in range(1, 5))
    (only,) = added(document, "set")
    assert only["elem"] == ["10.0.0.1", {"prefix": {"addr": "10.0.0.2", "len": 31}}]


def test_a_remote_group_of_another_address_family_lets_nothing_pass() -> None:
    (only,) = added(firewall.ruleset([port(1, rule("ingress", "", (0, 0), "2001:db8::1"))]), "set")
    assert "elem" not in only


def test_zones_differ_and_stay() -> None:
    many = firewall.zones(f"brq{number}" for number in range(2_000))
    assert len(set(many.values())) == 2_000
    assert all(0 < zone <= firewall.ZONES for zone in many.values())
    assert firewall.zones(["brq7"])["brq7"] == firewall.zones(["brq7", "brq8"])["brq7"]


# ---------------------------------------------------------------- for real


@dataclass
class Wire:
    """Three guests on one bridge: 10.9.0.1, .2 and .3."""

    node: str
    guests: dict[int, str]

    def apply(self, *ports: PortFirewall) -> None:
        document = json.dumps(firewall.ruleset(ports))
        command = ["nsenter", f"--net=/run/netns/{self.node}", "nft", "-j", "-f", "-"]
        done = subprocess.run(command, input=document, text=True, capture_output=True)
        assert done.returncode == 0, done.stderr[:2_000]


@contextmanager
def wire() -> Iterator[Wire]:
    with namespace("node") as node, namespace("g1") as one, namespace("g2") as two, namespace("g3") as three:
        guests = {1: one, 2: two, 3: three}
        ip("link", "add", "brq0", "type", "bridge", "forward_delay", "0", "nf_call_iptables", "1", netns=node)
        ip("link", "set", "brq0", "up", netns=node)
        for number, name in guests.items():
            guest(node, f"tap{number}", name, f"fa:16:3e:00:00:0{number}", f"10.9.0.{number}/24")
            ip("link", "set", f"tap{number}", "master", "brq0", netns=node)
        yield Wire(node, guests)


ALL_OUT = rule("egress")


@real
def test_groups_let_pass_what_they_name_and_its_answers() -> None:
    with wire() as net, tcp_server(net.guests[2], 80), tcp_server(net.guests[2], 81):
        net.apply(port(1, ALL_OUT), port(2, rule("ingress", "tcp", (80, 80)), ALL_OUT))
        assert tcp_answers(net.guests[1], "10.9.0.2", 80)
        assert not tcp_answers(net.guests[1], "10.9.0.2", 81)
        assert not ping(net.guests[1], "10.9.0.2")
        # The guard of .1 lets no new connection in, .3 is not guarded: it sends what it likes and is asked by all.
        assert not ping(net.guests[2], "10.9.0.1")
        assert ping(net.guests[2], "10.9.0.3")
        net.apply(port(1, ALL_OUT), port(2, rule("ingress", "icmp"), ALL_OUT))
        assert ping(net.guests[1], "10.9.0.2")
        assert not tcp_answers(net.guests[1], "10.9.0.2", 80)


@real
def test_remote_prefixes_and_egress_are_kept() -> None:
    with wire() as net, tcp_server(net.guests[3], 80):
        net.apply(
            port(1, rule("egress", "tcp", (80, 80), "10.9.0.0/24")),
            port(2, rule("egress", "tcp", (80, 80), "10.9.0.128/25")),
            port(3, rule("ingress", "tcp", (1, 65535), "10.9.0.1", "10.9.0.2"), ALL_OUT),
        )
        assert tcp_answers(net.guests[1], "10.9.0.3", 80)
        assert not tcp_answers(net.guests[2], "10.9.0.3", 80)


@real
def test_a_guest_sends_only_as_itself() -> None:
    everything = (rule("ingress"), ALL_OUT)
    with wire() as net:
        net.apply(*[port(number, *everything) for number in (1, 2)])
        assert ping(net.guests[1], "10.9.0.2")
        ip("addr", "add", "10.9.0.77/24", "dev", "eth0", netns=net.guests[1])
        assert not ping(net.guests[1], "10.9.0.2", source="10.9.0.77")
        net.apply(port(1, *everything, pairs=(AddressPair("10.9.0.64/26"),)), port(2, *everything))
        assert ping(net.guests[1], "10.9.0.2", source="10.9.0.77")
        ip("link", "set", "eth0", "address", "fa:16:3e:00:00:09", netns=net.guests[1])
        assert not ping(net.guests[1], "10.9.0.2")


@real
def test_removal_leaves_no_table_and_may_come_twice() -> None:
    with wire() as net:
        net.apply(port(1, ALL_OUT))
        for _ in range(2):
            command = ["nsenter", f"--net=/run/netns/{net.node}", "nft", "-j", "-f", "-"]
            subprocess.run(command, input=json.dumps(firewall.removal()), text=True, check=True)
        tables = subprocess.check_output(
            ["nsenter", f"--net=/run/netns/{net.node}", "nft", "list", "tables"], text=True
        )
        assert tables == ""

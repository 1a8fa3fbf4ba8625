from __future__ import annotations

import json
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from msgspec.structs import replace

from actors.network import firewall
from actors.network.define_group import ICMP, PROTOCOLS
from actors.network.messages import FirewallRule, PortFirewall
from actors.network.netns_thread import NetnsThread
from actors.records import AddressPair
from tests.network.probes import guest, ip, namespace, ping, real, socket_in, tcp_answers, tcp_server


def rule(
    direction: str = "ingress",
    protocol: str = "",
    ports: tuple[int, int] = (-1, -1),
    *remote: str,
    ethertype: str = "IPv4",
) -> FirewallRule:
    return FirewallRule(
        direction=direction,
        ethertype=ethertype,
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


def both(number: int, *rules: FirewallRule, pairs: tuple[AddressPair, ...] = ()) -> PortFirewall:
    """A port with an address of each IP version."""
    plain = port(number, *rules, pairs=pairs)
    return replace(plain, ip_addresses=(*plain.ip_addresses, six(number)))


def six(number: int) -> str:
    return f"fd00:9::{number}"


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
        filtered = ("nf_call_iptables", "1", "nf_call_ip6tables", "1", "mcast_snooping", "0")
        ip("link", "add", "brq0", "type", "bridge", "forward_delay", "0", *filtered, netns=node)
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


def said(receiver: socket.socket) -> bytes:
    """What came in, b'' if nothing does."""
    try:
        return receiver.recv(64)
    except TimeoutError:
        return b""


UDP_IN = rule("ingress", "udp", (5000, 5000))


@real
def test_a_connection_ends_with_the_rule_that_let_it_pass() -> None:
    with wire() as net:
        net.apply(port(1, ALL_OUT), port(2, UDP_IN))
        with socket_in(net.guests[1], socket.SOCK_DGRAM, 6000) as one:
            with socket_in(net.guests[2], socket.SOCK_DGRAM, 5000) as two:
                one.connect(("10.9.0.2", 5000))
                one.send(b"asks")
                assert said(two) == b"asks"
                net.apply(port(1, ALL_OUT), port(2, UDP_IN), port(3))
                two.sendto(b"answers later", ("10.9.0.1", 6000))
                assert said(one) == b"answers later"
                net.apply(port(1, ALL_OUT), port(2, ALL_OUT), port(3))
                one.send(b"goes on")
                assert said(two) == b""
                net.apply(port(1, ALL_OUT), port(2, UDP_IN), port(3))
                one.send(b"may again")
                assert said(two) == b"may again"
                with socket_in(net.guests[1], socket.SOCK_DGRAM, 6001) as brief:
                    brief.sendto(b"asks and leaves", ("10.9.0.2", 5000))
                    assert said(two) == b"asks and leaves"
                two.connect(("10.9.0.1", 6001))
                two.send(b"who listens?")
                with pytest.raises(ConnectionRefusedError):
                    said(two)
            one.send(b"who listens?")  # nobody, which the other side's kernel says, though it may not begin to send
            with pytest.raises(ConnectionRefusedError):
                said(one)


@real
def test_who_has_an_address_next_inherits_no_connection() -> None:
    with wire() as net:
        before = port(1, ALL_OUT)
        net.apply(before, port(2, UDP_IN, ALL_OUT))
        with (
            socket_in(net.guests[1], socket.SOCK_DGRAM, 53) as one,
            socket_in(net.guests[2], socket.SOCK_DGRAM, 5000) as two,
        ):
            one.sendto(b"begins", ("10.9.0.2", 5000))
            assert said(two) == b"begins"
            two.sendto(b"answers", ("10.9.0.1", 53))
            assert said(one) == b"answers"
            tap = ["nsenter", f"--net=/run/netns/{net.node}", "ip", "link", "set", "tap1", "name", "tap4"]
            assert subprocess.run(tap, capture_output=True).returncode == 0
            net.apply(replace(before, port_id="p4", device="tap4"), port(2, UDP_IN, ALL_OUT))
            two.sendto(b"goes on", ("10.9.0.1", 53))
            assert said(one) == b""


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


ALL_OUT6 = rule("egress", ethertype="IPv6")
ALL_IN6 = rule("ingress", ethertype="IPv6")


@contextmanager
def wire6() -> Iterator[Wire]:
    """Each guest has an address of IPv6 as well."""
    with wire() as net:
        for number, name in net.guests.items():
            own(name, six(number))
        yield net


def own(guest: str, address: str) -> None:
    ip("addr", "add", f"{address}/64", "dev", "eth0", "nodad", netns=guest)


@real
def test_groups_mean_the_ip_version_that_they_name() -> None:
    with wire6() as net, tcp_server(net.guests[2], 80), tcp_server(net.guests[2], 81):
        net.apply(both(1, ALL_OUT6), both(2, rule("ingress", "tcp", (80, 80), ethertype="IPv6"), ALL_OUT6))
        assert tcp_answers(net.guests[1], six(2), 80)
        assert not tcp_answers(net.guests[1], six(2), 81)
        assert not ping(net.guests[1], six(2)) and not ping(net.guests[1], "10.9.0.2")
        net.apply(both(1, ALL_OUT6, ALL_OUT), both(2, rule("ingress"), ALL_OUT))  # any protocol, but of IPv4
        assert ping(net.guests[1], "10.9.0.2") and not ping(net.guests[1], six(2))
        net.apply(both(1, ALL_OUT6), both(2, rule("ingress", "icmp", ethertype="IPv6"), ALL_OUT6))
        assert ping(net.guests[1], six(2))
        net.apply(both(1, ALL_OUT6), both(2, rule("ingress", "", (-1, -1), "fd00:9::2/127", ethertype="IPv6")))
        assert not ping(net.guests[1], six(2)) and ping(net.guests[3], six(2))


@real
def test_without_an_address_of_it_a_port_has_no_ipv6() -> None:
    with wire6() as net:
        everything = (rule("ingress"), ALL_OUT, ALL_IN6, ALL_OUT6)
        net.apply(both(1, *everything), port(2, *everything))
        assert ping(net.guests[1], "10.9.0.2")
        assert not ping(net.guests[1], six(2)) and not ping(net.guests[2], six(1))


@real
def test_in_ipv6_too_a_guest_sends_only_as_itself() -> None:
    everything = (ALL_IN6, ALL_OUT6)
    with wire6() as net:
        net.apply(*[both(number, *everything) for number in (1, 2)])
        assert ping(net.guests[1], six(2))
        own(net.guests[1], "fd00:9::77")
        assert not ping(net.guests[1], six(2), source="fd00:9::77")
        net.apply(both(1, *everything, pairs=(AddressPair("fd00:9::70/124"),)), both(2, *everything))
        assert ping(net.guests[1], six(2), source="fd00:9::77")
        assert ping(net.guests[2], "fd00:9::77")


@real
def test_a_guest_can_t_say_that_another_s_address_is_its_own() -> None:
    with wire6() as net:
        assert ping(net.guests[2], six(3))
        net.apply(*[both(number, ALL_IN6, ALL_OUT6) for number in (1, 2)])
        claim(net.guests[1], six(3), to=six(2))
        assert ping(net.guests[2], six(1))  # and so what was sent before has arrived, if it ever does
        assert ":03 " in neighbours(net.guests[2])[six(3)]
        net.apply()
        claim(net.guests[1], six(3), to=six(2))
        assert ping(net.guests[2], six(1))
        assert ":01 " in neighbours(net.guests[2])[six(3)]


def claim(guest: str, address: str, to: str) -> None:
    """Says, from its own address, that this one is its own too (RFC 4861, 4.4), whatever was known before."""
    override, its_mac = 0x20000000, bytes((2, 1)) + bytes.fromhex("fa163e000001")
    told = struct.pack("!BBHI", 136, 0, 0, override) + socket.inet_pton(socket.AF_INET6, address) + its_mac

    def send() -> None:
        with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as raw:
            raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 255)
            raw.sendto(told, (to, 0))

    there = NetnsThread(guest)
    there.call(send)
    there.close()


def neighbours(guest: str) -> dict[str, str]:
    return {line.split()[0]: f"{line} " for line in ip("-6", "neigh", netns=guest).splitlines()}


@real
def test_nft_takes_every_document() -> None:
    """Also of rows that an older version has let in: one port must not keep the others of its node from their rules."""
    odd = [AddressPair(prefix) for prefix in ("fd00:9::5/64", "::/0", "fd00:9::/65", "0.0.0.0/0", "10.9.0.5/24")]
    rules = [
        rule("ingress", protocol, ports, ethertype=ethertype)
        for ethertype in ("IPv4", "IPv6")
        for protocol in (*PROTOCOLS, "58", "200")
        for ports in ((-1, -1), *([(8, 0)] if protocol in ICMP else []))
    ]
    remote = [
        rule("egress", "tcp", (1, 2), "fd00:9::/64", ethertype="IPv6"),
        rule("egress", "", (-1, -1), "10.9.0.0/24"),
    ]
    only_six = replace(both(3, ALL_OUT6), ip_addresses=(six(3),))
    with wire() as net:
        net.apply(both(1, *rules, *remote, pairs=tuple(odd)), port(2, *rules, pairs=tuple(odd)), only_six)

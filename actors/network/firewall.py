"""The firewall of a node's ports as one nftables document. Pure: `PortFirewall`s in, JSON for `nft -j -f -` out.

Two tables, both replaced whole in one transaction, so that there is never a moment without rules:

* `bridge novaray` lets a guest send only as itself (its MAC, its addresses in IPv4, ARP, IPv6 and neighbour
  discovery; no DHCP server, no router), before the bridge forwards; then it writes on each IP packet which guarded
  ports it goes between, as a mark: sender's number × 65536 + receiver's number. The bridge family knows the taps but
  not connections.
* `inet novaray` sees the same packets through br_netfilter, knows connections but not taps, and applies the security
  groups by that mark. What the side that began a connection sends is judged packet by packet, so that it ends with the
  rule that let it pass; answers pass between the ports that it was begun between. Those the connection remembers as a
  mark of its own: who has an address after another inherits none of its connections. Each bridge has a connection
  tracking zone of its own, since two networks may use the same addresses.

Invariant: a port with port security and no rule exchanges nothing but ARP, neighbour discovery, DHCP and metadata
requests. IPv6 is for ports that have an address of it, and anything else is dropped at the sending port.
"""

from __future__ import annotations

import ipaddress
import zlib
from collections.abc import Iterable

from actors.network import nftables as nft
from actors.network.ipam import address_by_mac, version_of
from actors.network.messages import FirewallRule, PortFirewall
from actors.network.nftables import Json

Prefixes = tuple[str, tuple[str, ...]]  # of a rule: ethertype, and what it lets in or out

METADATA_ADDRESS = "169.254.169.254"
ZONES = 65_535  # connection tracking zones are 16 bits wide; 0 is everybody else's
PORT_LIMIT = 65_535  # guarded ports on one node: half of a mark
SENDER, RECEIVER = 0xFFFF0000, 0x0000FFFF  # the halves of a mark
ANY_PORT = -1
LINK_LOCAL = "fe80::/64"
LISTENERS = (130, 131, 132, 143)  # types of ICMPv6 (RFC 4443): multicast listeners are asked for, and tell
SOLICIT_ROUTER, ADVERTISE_ROUTER, SOLICIT, ADVERTISE, REDIRECT = 133, 134, 135, 136, 137  # RFC 4861
TARGET_BIT = 64  # of neighbour discovery, from where ICMPv6 begins
WORD_BITS = 32
IP = ["ip", "ip6"]
TAGGED = ["8021q", "8021ad"]  # nobody would look into such a frame, and a receiver may overlook that it is tagged
NUMBERS = {  # of protocols: nft knows not all of the names
    "icmp": 1, "igmp": 2, "ipip": 4, "tcp": 6, "egp": 8, "udp": 17, "dccp": 33, "rsvp": 46, "gre": 47, "esp": 50,
    "ah": 51, "icmpv6": 58, "ipv6-icmp": 58, "ospf": 89, "vrrp": 112, "pgm": 113, "sctp": 132, "udplite": 136,
}  # fmt: skip
ICMP6 = ("icmpv6", "ipv6-icmp", "icmp", "58", "1")  # what a rule for IPv6 may call it


def ruleset(ports: Iterable[PortFirewall]) -> Json:
    """The whole document. Ports without port security are left out: nothing checks them."""
    guarded = sorted((port for port in ports if port.port_security_enabled), key=lambda port: port.device)[:PORT_LIMIT]
    commands = [*nft.renewed("bridge"), *nft.renewed("inet")]
    if guarded:
        numbers = _spread((port.device for port in guarded), PORT_LIMIT)
        commands += [*_bridge_table(guarded, numbers), *_inet_table(guarded, numbers)]
    return {"nftables": commands}


def removal() -> Json:
    """Takes both tables away; asked twice, it changes nothing."""
    return nft.removal("bridge", "inet")


def zones(bridges: Iterable[str]) -> dict[str, int]:
    """A tracking zone for each bridge."""
    return _spread(bridges, ZONES)


def _spread(names: Iterable[str], most: int) -> dict[str, int]:
    """A number from 1 for each, the same whenever it can be, so that connections outlive a new ruleset."""
    taken: dict[int, str] = {}
    for name in sorted(set(names)):
        number = zlib.crc32(name.encode()) % most + 1
        while number in taken:
            number = number % most + 1
        taken[number] = name
    return {name: number for number, name in taken.items()}


# ---------------------------------------------------------------- bridge: who sends, between which ports


def _bridge_table(ports: list[PortFirewall], numbers: dict[str, int]) -> list[Json]:
    devices = [port.device for port in ports]
    either_end = [
        nft.rule("bridge", "marks", [nft.is_in(nft.meta(end), devices), nft.mark(0)]) for end in ("iifname", "oifname")
    ]
    sender = {"map": {"key": nft.meta("iifname"), "data": {"set": [[name, numbers[name] << 16] for name in devices]}}}
    return [
        *[command for port in ports for command in (*_sender_chain(port), *_number_chain(port, numbers[port.device]))],
        nft.base_chain("bridge", "sender", "prerouting", -300),
        nft.rule("bridge", "sender", [nft.jumps(nft.meta("iifname"), {name: f"from_{name}" for name in devices})]),
        # Before br_netfilter's own place in the forward hook (0), where `inet` is called.
        nft.base_chain("bridge", "marks", "forward", -200),
        *either_end,
        # Once more, since what came in fragments is whole only now.
        nft.rule("bridge", "marks", [nft.jumps(nft.meta("iifname"), {name: f"from_{name}" for name in devices})]),
        nft.rule("bridge", "marks", [nft.is_in(nft.meta("protocol"), IP), nft.set_to(nft.meta("mark"), sender)]),
        nft.rule("bridge", "marks", [nft.jumps(nft.meta("oifname"), {name: f"to_{name}" for name in devices})]),
    ]


def _sender_chain(port: PortFirewall) -> list[Json]:
    """Passes what the port may send, drops the rest."""
    chain = f"from_{port.device}"
    neighbours = _neighbour_chain(port) if _has_ipv6(port) else []
    return [
        *neighbours,
        nft.chain("bridge", chain),
        nft.rule("bridge", chain, [nft.is_in(nft.payload("ether", "type"), TAGGED), {"drop": None}]),
        nft.rule("bridge", chain, [*_udp(67, 68), {"drop": None}]),  # a DHCP server
        *[nft.rule("bridge", chain, check) for check in (_routers(port) if neighbours else [])],
        *[nft.rule("bridge", chain, [*check, {"return": None}]) for check in _allowed_senders(port)],
        nft.rule("bridge", chain, [{"drop": None}]),
    ]


def _routers(port: PortFirewall) -> list[list[Json]]:
    """No guest is a router or a DHCP server; whose addresses it says are its own, the chain of neighbours judges."""
    return [
        [*_udp(547, 546), {"drop": None}],
        [_icmp6(ADVERTISE_ROUTER, REDIRECT), {"drop": None}],
        [_icmp6(ADVERTISE), {"jump": {"target": f"nd_{port.device}"}}],
    ]


def _neighbour_chain(port: PortFirewall) -> list[Json]:
    """Of what it may send from, it may say that it is there."""
    chain = f"nd_{port.device}"
    targets = dict.fromkeys(address for _, address in _pairs(port, 6))
    return [
        nft.chain("bridge", chain),
        *[nft.rule("bridge", chain, [*_target(address), {"return": None}]) for address in targets],
        nft.rule("bridge", chain, [{"drop": None}]),
    ]


def _target(prefix: str) -> list[Json]:
    """The target of a neighbour advertisement lies in this prefix: word by word, as nft compares numbers."""
    network = ipaddress.IPv6Network(prefix, strict=False)
    matches = []
    for place in range(0, network.prefixlen, WORD_BITS):
        length = min(WORD_BITS, network.prefixlen - place)
        word = int(network.network_address) >> (128 - place - length) & ((1 << length) - 1)
        read = {"payload": {"base": "th", "offset": TARGET_BIT + place, "len": length}}
        matches.append(nft.match(read, word))
    return matches


def _allowed_senders(port: PortFirewall) -> list[list[Json]]:
    mac, ip, arp = nft.payload("ether", "saddr"), nft.payload("ip", "saddr"), nft.payload("arp", "saddr ip")
    own = [nft.match(mac, port.mac_address), nft.match(nft.payload("arp", "saddr ether"), port.mac_address)]
    allowed = [
        # A client without an address asks for one, and asks whether its address is free (RFC 5227).
        [own[0], nft.match(ip, "0.0.0.0"), *_udp(68, 67)],
        [*own, nft.match(arp, "0.0.0.0")],
    ]
    for owner, address in _pairs(port, 4):
        allowed.append([nft.match(mac, owner), nft.match(ip, nft.prefix(address))])
        allowed.append(
            [
                nft.match(mac, owner),
                nft.match(nft.payload("arp", "saddr ether"), owner),
                nft.match(arp, nft.prefix(address)),
            ]
        )
    if _has_ipv6(port):
        ip6 = nft.payload("ip6", "saddr")
        # Without an address it may ask who has it, who routes, and say what it listens to.
        allowed.append([own[0], nft.match(ip6, "::"), _icmp6(SOLICIT_ROUTER, SOLICIT, *LISTENERS)])
        allowed += [[nft.match(mac, owner), nft.match(ip6, nft.prefix(address))] for owner, address in _pairs(port, 6)]
    return allowed


def _has_ipv6(port: PortFirewall) -> bool:
    pairs = (pair.ip_address for pair in port.allowed_address_pairs)
    return any(version_of(address) == 6 for address in (*port.ip_addresses, *pairs))


def _pairs(port: PortFirewall, version: int) -> list[tuple[str, str]]:
    """Every (MAC, address or network) of this IP version that the port may send from."""
    own = [(port.mac_address, address) for address in port.ip_addresses]
    if version == 6:
        own.append((port.mac_address, address_by_mac(LINK_LOCAL, port.mac_address)))
    more = [(pair.mac_address or port.mac_address, pair.ip_address) for pair in port.allowed_address_pairs]
    return [(mac.lower(), address) for mac, address in [*own, *more] if version_of(address) == version]


def _number_chain(port: PortFirewall, number: int) -> list[Json]:
    chain = f"to_{port.device}"
    added = {"|": [{"&": [nft.meta("mark"), SENDER]}, number]}
    return [
        nft.chain("bridge", chain),
        nft.rule("bridge", chain, [nft.is_in(nft.meta("protocol"), IP), nft.set_to(nft.meta("mark"), added)]),
    ]


# ---------------------------------------------------------------- inet: security groups


def _inet_table(ports: list[PortFirewall], numbers: dict[str, int]) -> list[Json]:
    names = _prefix_sets(ports)
    zone_of = zones(port.bridge for port in ports)
    zone_map = {"map": {"key": nft.meta("iifname"), "data": {"set": [list(item) for item in sorted(zone_of.items())]}}}
    return [
        *[_prefix_set(name, prefixes) for prefixes, name in names.items()],
        *[command for port in ports for command in _group_chains(port, names, numbers[port.device])],
        nft.base_chain("inet", "zones", "prerouting", -300),
        nft.rule("inet", "zones", [nft.set_to({"ct": {"key": "zone"}}, zone_map)]),
        nft.base_chain("inet", "groups", "forward", 0),
        nft.rule("inet", "groups", [nft.match(nft.meta("mark"), 0), {"accept": None}]),
        nft.rule("inet", "groups", [nft.is_not_in(nft.meta("iifname"), sorted(zone_of)), {"accept": None}]),
        nft.rule("inet", "groups", [nft.match(nft.tracked("state"), "invalid", "in"), {"drop": None}]),
        nft.rule("inet", "groups", [_by_half(numbers, "egress", SENDER, 16)]),
        nft.rule("inet", "groups", [_by_half(numbers, "ingress", RECEIVER, 0)]),
        # Whoever comes so far may, and the connection is one between these ports.
        nft.rule("inet", "groups", [*_of("original", "new", "established"), _remembered()]),
        # The mark is ours only between these two hooks: a tunnel would carry it to the host's own routing rules.
        nft.base_chain("inet", "unmark", "forward", 10),
        nft.rule("inet", "unmark", [nft.is_in(nft.meta("iifname"), sorted(zone_of)), nft.mark(0)]),
    ]


def _by_half(numbers: dict[str, int], direction: str, mask: int, shift: int) -> Json:
    targets = {number << shift: f"{direction}_{device}" for device, number in numbers.items()}
    return nft.jumps({"&": [nft.meta("mark"), mask]}, targets)


def _of(direction: str, *states: str) -> list[Json]:
    """Packets of connections: those of the side that began it (`original`), or of the other one (`reply`)."""
    return [nft.is_in(nft.tracked("state"), list(states)), nft.match(nft.tracked("direction"), direction)]


def _remembered() -> Json:
    return nft.set_to(nft.tracked("mark"), nft.meta("mark"))


def _answers(way: str, number: int) -> list[list[Json]]:
    """What belongs to connections that this port began or was reached by, and is not judged again: answers, and errors
    (ICMP) about what either side sent."""
    began = nft.match({"&": [nft.tracked("mark"), SENDER]}, number << 16)
    was_reached = nft.match({"&": [nft.tracked("mark"), RECEIVER]}, number)
    answer, error = _of("reply", "established", "related"), _of("original", "related")
    return [[*answer, began], [*error, was_reached]] if way == "ingress" else [[*answer, was_reached], [*error, began]]


def _group_chains(port: PortFirewall, names: dict[Prefixes, str], number: int) -> list[Json]:
    """One chain for each direction: what a rule allows returns to go on, the rest is dropped."""
    always = {"ingress": [_udp(67, 68)], "egress": [_udp(68, 67), _metadata()]}
    kinds = {"IPv4"}
    if _has_ipv6(port):
        always["ingress"] += [[_icmp6(ADVERTISE_ROUTER, SOLICIT, ADVERTISE, *LISTENERS)], _udp(547, 546)]
        always["egress"] += [[_icmp6(SOLICIT_ROUTER, SOLICIT, ADVERTISE, *LISTENERS)], _udp(546, 547)]
        kinds.add("IPv6")
    commands = []
    for direction, first in always.items():
        chain = f"{direction}_{port.device}"
        rules = [rule for rule in port.rules if rule.direction == direction and rule.ethertype in kinds]
        allowed = [*_answers(direction, number), *first, *[_group_match(rule, names) for rule in rules]]
        commands += [
            nft.chain("inet", chain),
            *[nft.rule("inet", chain, [*match, {"return": None}]) for match in allowed],
            nft.rule("inet", chain, [{"drop": None}]),
        ]
    return commands


def _group_match(rule: FirewallRule, names: dict[Prefixes, str]) -> list[Json]:
    header = "ip" if rule.ethertype == "IPv4" else "ip6"
    if not rule.remote_prefixes:
        return [nft.match(nft.meta("nfproto"), rule.ethertype.lower()), *_protocol_match(rule)]
    end = "saddr" if rule.direction == "ingress" else "daddr"
    return [
        *_protocol_match(rule),
        nft.match(nft.payload(header, end), f"@{names[rule.ethertype, rule.remote_prefixes]}"),
    ]


def _protocol_match(rule: FirewallRule) -> list[Json]:
    if not rule.protocol:
        return []
    icmp = _icmp_of(rule)
    number = int(rule.protocol) if rule.protocol.isdigit() else NUMBERS[rule.protocol]
    match = [nft.match(nft.meta("l4proto"), NUMBERS[icmp] if icmp else number)]
    if rule.port_min == ANY_PORT or (number == NUMBERS["icmpv6"] and not icmp):
        return match  # of the other IP version's ICMP there is none to have a type
    if icmp:
        return [*match, *_icmp_match(rule, icmp)]
    return [*match, nft.match(nft.payload("th", "dport"), {"range": [rule.port_min, rule.port_max]})]


def _icmp_of(rule: FirewallRule) -> str:
    """nft's name of the ICMP that the rule is for; '' for another protocol."""
    if rule.ethertype == "IPv6":
        return "icmpv6" if rule.protocol in ICMP6 else ""
    return "icmp" if rule.protocol in ("icmp", "1") else ""


def _icmp_match(rule: FirewallRule, icmp: str) -> list[Json]:
    kind = nft.match(nft.payload(icmp, "type"), rule.port_min)
    return [kind, nft.match(nft.payload(icmp, "code"), rule.port_max)] if rule.port_max != ANY_PORT else [kind]


def _prefix_sets(ports: list[PortFirewall]) -> dict[Prefixes, str]:
    """Each list of remote prefixes once, however many rules name it: a group's members are a long list."""
    rules = (rule for port in ports for rule in port.rules if rule.remote_prefixes)
    distinct = dict.fromkeys((rule.ethertype, rule.remote_prefixes) for rule in rules)
    return {prefixes: f"remote_{number}" for number, prefixes in enumerate(distinct)}


def _prefix_set(name: str, prefixes: Prefixes) -> Json:
    ethertype, texts = prefixes
    version = 4 if ethertype == "IPv4" else 6
    networks = [ipaddress.ip_network(text, strict=False) for text in texts if version_of(text) == version]
    collapsed = ipaddress.collapse_addresses(networks)  # type: ignore[type-var]  # of one version
    elements = [nft.prefix(str(network)) for network in collapsed]
    content = {"elem": elements} if elements else {}
    return nft.add("set", family="inet", name=name, type=f"ipv{version}_addr", flags=["interval"], **content)


def _udp(source: int, destination: int) -> list[Json]:
    return [nft.match(nft.payload("udp", "sport"), source), nft.match(nft.payload("udp", "dport"), destination)]


def _metadata() -> list[Json]:
    return [nft.match(nft.payload("ip", "daddr"), METADATA_ADDRESS), nft.match(nft.payload("tcp", "dport"), 80)]


def _icmp6(*types: int) -> Json:
    return nft.is_in(nft.payload("icmpv6", "type"), sorted(types))

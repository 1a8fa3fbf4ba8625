"""The firewall of a node's ports as one nftables document. Pure: `PortFirewall`s in, JSON for `nft -j -f -` out.

Two tables, both replaced whole in one transaction, so that there is never a moment without rules:

* `bridge novaray` lets a guest send only as itself (its MAC, its addresses in IPv4, ARP, IPv6 and neighbour
  discovery; no DHCP server, no router), before the bridge forwards; then it writes on each IP packet which guarded
  ports it goes between, as a mark: sender's number × 65536 + receiver's number. The bridge family knows the taps but
  not connections.
* `inet novaray` sees the same packets through br_netfilter, knows connections but not taps, and applies the security
  groups by that mark. A connection that was let through once passes in both directions. Each bridge has a connection
  tracking zone of its own, since two networks may use the same addresses.

Invariant: a port with port security and no rule exchanges nothing but ARP, neighbour discovery, DHCP and metadata
requests. IPv6 is for ports that have an address of it, and anything else is dropped at the sending port.
"""

from __future__ import annotations

import ipaddress
import zlib
from collections.abc import Iterable
from typing import Any

from actors.network.ipam import address_by_mac, version_of
from actors.network.messages import FirewallRule, PortFirewall

Json = dict[str, Any]
Prefixes = tuple[str, tuple[str, ...]]  # of a rule: ethertype, and what it lets in or out

TABLE = "novaray"
METADATA_ADDRESS = "169.254.169.254"
ZONES = 65_535  # connection tracking zones are 16 bits wide; 0 is everybody else's
PORT_LIMIT = 65_535  # guarded ports on one node: half of a mark
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
    commands = [*_renewed("bridge"), *_renewed("inet")]
    if guarded:
        numbers = {port.device: number for number, port in enumerate(guarded, start=1)}
        commands += [*_bridge_table(guarded, numbers), *_inet_table(guarded, numbers)]
    return {"nftables": commands}


def removal() -> Json:
    """Takes both tables away; asked twice, it changes nothing."""
    return {"nftables": [command for family in ("bridge", "inet") for command in _renewed(family)[:2]]}


def zones(bridges: Iterable[str]) -> dict[str, int]:
    """A tracking zone for each bridge, the same whenever it can be, so that connections outlive a new ruleset."""
    taken: dict[int, str] = {}
    for bridge in sorted(set(bridges)):
        zone = zlib.crc32(bridge.encode()) % ZONES + 1
        while zone in taken:
            zone = zone % ZONES + 1
        taken[zone] = bridge
    return {bridge: zone for zone, bridge in taken.items()}


# ---------------------------------------------------------------- bridge: who sends, between which ports


def _bridge_table(ports: list[PortFirewall], numbers: dict[str, int]) -> list[Json]:
    devices = [port.device for port in ports]
    either_end = [_rule("bridge", "marks", [_in(_meta(end), devices), _mark(0)]) for end in ("iifname", "oifname")]
    sender = {"map": {"key": _meta("iifname"), "data": {"set": [[name, numbers[name] << 16] for name in devices]}}}
    return [
        *[command for port in ports for command in (*_sender_chain(port), *_number_chain(port, numbers[port.device]))],
        _base_chain("bridge", "sender", "prerouting", -300),
        _rule("bridge", "sender", [_jumps(_meta("iifname"), {name: f"from_{name}" for name in devices})]),
        # Before br_netfilter's own place in the forward hook (0), where `inet` is called.
        _base_chain("bridge", "marks", "forward", -200),
        *either_end,
        # Once more, since what came in fragments is whole only now.
        _rule("bridge", "marks", [_jumps(_meta("iifname"), {name: f"from_{name}" for name in devices})]),
        _rule("bridge", "marks", [_in(_meta("protocol"), IP), _set(_meta("mark"), sender)]),
        _rule("bridge", "marks", [_jumps(_meta("oifname"), {name: f"to_{name}" for name in devices})]),
    ]


def _sender_chain(port: PortFirewall) -> list[Json]:
    """Passes what the port may send, drops the rest."""
    chain = f"from_{port.device}"
    neighbours = _neighbour_chain(port) if _has_ipv6(port) else []
    return [
        *neighbours,
        _chain("bridge", chain),
        _rule("bridge", chain, [_in(_payload("ether", "type"), TAGGED), {"drop": None}]),
        _rule("bridge", chain, [*_udp(67, 68), {"drop": None}]),  # a DHCP server
        *[_rule("bridge", chain, check) for check in (_routers(port) if neighbours else [])],
        *[_rule("bridge", chain, [*check, {"return": None}]) for check in _allowed_senders(port)],
        _rule("bridge", chain, [{"drop": None}]),
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
        _chain("bridge", chain),
        *[_rule("bridge", chain, [*_target(address), {"return": None}]) for address in targets],
        _rule("bridge", chain, [{"drop": None}]),
    ]


def _target(prefix: str) -> list[Json]:
    """The target of a neighbour advertisement lies in this prefix: word by word, as nft compares numbers."""
    network = ipaddress.IPv6Network(prefix, strict=False)
    matches = []
    for place in range(0, network.prefixlen, WORD_BITS):
        length = min(WORD_BITS, network.prefixlen - place)
        word = int(network.network_address) >> (128 - place - length) & ((1 << length) - 1)
        read = {"payload": {"base": "th", "offset": TARGET_BIT + place, "len": length}}
        matches.append(_match(read, word))
    return matches


def _allowed_senders(port: PortFirewall) -> list[list[Json]]:
    mac, ip, arp = _payload("ether", "saddr"), _payload("ip", "saddr"), _payload("arp", "saddr ip")
    own = [_match(mac, port.mac_address), _match(_payload("arp", "saddr ether"), port.mac_address)]
    allowed = [
        # A client without an address asks for one, and asks whether its address is free (RFC 5227).
        [own[0], _match(ip, "0.0.0.0"), *_udp(68, 67)],
        [*own, _match(arp, "0.0.0.0")],
    ]
    for owner, address in _pairs(port, 4):
        allowed.append([_match(mac, owner), _match(ip, _prefix(address))])
        allowed.append(
            [_match(mac, owner), _match(_payload("arp", "saddr ether"), owner), _match(arp, _prefix(address))]
        )
    if _has_ipv6(port):
        ip6 = _payload("ip6", "saddr")
        # Without an address it may ask who has it, who routes, and say what it listens to.
        allowed.append([own[0], _match(ip6, "::"), _icmp6(SOLICIT_ROUTER, SOLICIT, *LISTENERS)])
        allowed += [[_match(mac, owner), _match(ip6, _prefix(address))] for owner, address in _pairs(port, 6)]
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
    added = {"|": [{"&": [_meta("mark"), 0xFFFF0000]}, number]}
    return [
        _chain("bridge", chain),
        _rule("bridge", chain, [_in(_meta("protocol"), IP), _set(_meta("mark"), added)]),
    ]


# ---------------------------------------------------------------- inet: security groups


def _inet_table(ports: list[PortFirewall], numbers: dict[str, int]) -> list[Json]:
    names = _prefix_sets(ports)
    zone_of = zones(port.bridge for port in ports)
    zone_map = {"map": {"key": _meta("iifname"), "data": {"set": [list(item) for item in sorted(zone_of.items())]}}}
    return [
        *[_prefix_set(name, prefixes) for prefixes, name in names.items()],
        *[command for port in ports for command in _group_chains(port, names)],
        _base_chain("inet", "zones", "prerouting", -300),
        _rule("inet", "zones", [_set({"ct": {"key": "zone"}}, zone_map)]),
        _base_chain("inet", "groups", "forward", 0),
        _rule("inet", "groups", [_match(_meta("mark"), 0), {"accept": None}]),
        _rule("inet", "groups", [_not_in(_meta("iifname"), sorted(zone_of)), {"accept": None}]),
        _rule("inet", "groups", [_in({"ct": {"key": "state"}}, ["established", "related"]), {"accept": None}]),
        _rule("inet", "groups", [_match({"ct": {"key": "state"}}, "invalid", "in"), {"drop": None}]),
        _rule("inet", "groups", [_by_half(numbers, "egress", 0xFFFF0000, 16)]),
        _rule("inet", "groups", [_by_half(numbers, "ingress", 0x0000FFFF, 0)]),
        # The mark is ours only between these two hooks: a tunnel would carry it to the host's own routing rules.
        _base_chain("inet", "unmark", "forward", 10),
        _rule("inet", "unmark", [_in(_meta("iifname"), sorted(zone_of)), _mark(0)]),
    ]


def _by_half(numbers: dict[str, int], direction: str, mask: int, shift: int) -> Json:
    targets = {number << shift: f"{direction}_{device}" for device, number in numbers.items()}
    return _jumps({"&": [_meta("mark"), mask]}, targets)


def _group_chains(port: PortFirewall, names: dict[Prefixes, str]) -> list[Json]:
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
        allowed = [*first, *[_group_match(rule, names) for rule in rules]]
        commands += [
            _chain("inet", chain),
            *[_rule("inet", chain, [*match, {"return": None}]) for match in allowed],
            _rule("inet", chain, [{"drop": None}]),
        ]
    return commands


def _group_match(rule: FirewallRule, names: dict[Prefixes, str]) -> list[Json]:
    header = "ip" if rule.ethertype == "IPv4" else "ip6"
    if not rule.remote_prefixes:
        return [_match(_meta("nfproto"), rule.ethertype.lower()), *_protocol_match(rule)]
    end = "saddr" if rule.direction == "ingress" else "daddr"
    return [*_protocol_match(rule), _match(_payload(header, end), f"@{names[rule.ethertype, rule.remote_prefixes]}")]


def _protocol_match(rule: FirewallRule) -> list[Json]:
    if not rule.protocol:
        return []
    icmp = _icmp_of(rule)
    number = int(rule.protocol) if rule.protocol.isdigit() else NUMBERS[rule.protocol]
    match = [_match(_meta("l4proto"), NUMBERS[icmp] if icmp else number)]
    if rule.port_min == ANY_PORT or (number == NUMBERS["icmpv6"] and not icmp):
        return match  # of the other IP version's ICMP there is none to have a type
    if icmp:
        return [*match, *_icmp_match(rule, icmp)]
    return [*match, _match(_payload("th", "dport"), {"range": [rule.port_min, rule.port_max]})]


def _icmp_of(rule: FirewallRule) -> str:
    """nft's name of the ICMP that the rule is for; '' for another protocol."""
    if rule.ethertype == "IPv6":
        return "icmpv6" if rule.protocol in ICMP6 else ""
    return "icmp" if rule.protocol in ("icmp", "1") else ""


def _icmp_match(rule: FirewallRule, icmp: str) -> list[Json]:
    kind = _match(_payload(icmp, "type"), rule.port_min)
    return [kind, _match(_payload(icmp, "code"), rule.port_max)] if rule.port_max != ANY_PORT else [kind]


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
    elements = [_prefix(str(network)) for network in collapsed]
    content = {"elem": elements} if elements else {}
    return _add("set", family="inet", name=name, type=f"ipv{version}_addr", flags=["interval"], **content)


# ---------------------------------------------------------------- the words of nftables (libnftables-json(5))


def _renewed(family: str) -> list[Json]:
    """Makes the table, so that deleting it can't fail, deletes it and makes it anew: all in the one transaction."""
    table = {"table": {"family": family, "name": TABLE}}
    return [{"add": table}, {"delete": table}, {"add": table}]


def _add(kind: str, **content: Any) -> Json:
    return {"add": {kind: {"table": TABLE, **content}}}


def _chain(family: str, name: str) -> Json:
    return _add("chain", family=family, name=name)


def _base_chain(family: str, name: str, hook: str, priority: int) -> Json:
    return _add("chain", family=family, name=name, type="filter", hook=hook, prio=priority, policy="accept")


def _rule(family: str, chain: str, expressions: list[Json]) -> Json:
    return _add("rule", family=family, chain=chain, expr=expressions)


def _meta(key: str) -> Json:
    return {"meta": {"key": key}}


def _payload(protocol: str, field: str) -> Json:
    return {"payload": {"protocol": protocol, "field": field}}


def _match(left: Json, right: Any, operator: str = "==") -> Json:
    return {"match": {"op": operator, "left": left, "right": right}}


def _in(left: Json, values: list[Any]) -> Json:
    return _match(left, {"set": values})


def _not_in(left: Json, values: list[Any]) -> Json:
    return _match(left, {"set": values}, "!=")


def _jumps(key: Json, targets: dict[Any, str]) -> Json:
    return {"vmap": {"key": key, "data": {"set": [[value, {"jump": {"target": to}}] for value, to in targets.items()]}}}


def _set(what: Json, value: Any) -> Json:
    return {"mangle": {"key": what, "value": value}}


def _mark(value: int) -> Json:
    return _set(_meta("mark"), value)


def _udp(source: int, destination: int) -> list[Json]:
    return [_match(_payload("udp", "sport"), source), _match(_payload("udp", "dport"), destination)]


def _metadata() -> list[Json]:
    return [_match(_payload("ip", "daddr"), METADATA_ADDRESS), _match(_payload("tcp", "dport"), 80)]


def _icmp6(*types: int) -> Json:
    return _in(_payload("icmpv6", "type"), sorted(types))


def _prefix(address: str) -> Any:
    network = ipaddress.ip_network(address, strict=False)
    if network.prefixlen == network.max_prefixlen:
        return str(network.network_address)
    return {"prefix": {"addr": str(network.network_address), "len": network.prefixlen}}

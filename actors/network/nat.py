"""The firewall and the address translation of a router, as one nftables document. Pure.

The table `ip novaray` of the router's own namespace, replaced whole. As Neutron does it:

* what is sent to a floating IP, from wherever, goes to the fixed address that it belongs to;
* what leaves through the gateway from that fixed address leaves with the floating IP; all else with the gateway's own
  address if the router translates (`enable_snat`), and with its own address if not;
* what reaches a floating IP from inside leaves the router with the floating IP of its sender, or the gateway's address,
  so that answers come back through the router even where both are on one subnet.

A router that translates hides what is behind it: what comes in at the gateway is let through if it is for a floating
IP or belongs to a connection. (Neutron's own leaves that to address scopes.)

Nobody may send as somebody who is in another network of the router, nor out, untranslated, as somebody who is behind
none (`senders.py`), and link-local addresses (RFC 3927), of which one is the metadata server's, are not led anywhere.
Invariant: connections live in the kernel's connection tracking, not in the table; those that go on to be right outlive
its replacement, and `is_stale` names the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from actors.network import nftables as nft
from actors.network import senders
from actors.network.messages import RouterInfo
from actors.network.nftables import Json
from actors.network.routing import EVERYWHERE, gateway_device, named_ports

FAMILY = "ip"
FLOATING, FIXED = "floating", "fixed"  # the maps: floating → fixed, and back
ASKED_LIMIT = 8  # floating IPs whose connections are asked for by themselves: each walks through the kernel's table
LINK_LOCAL = "169.254.0.0/16"


@dataclass(frozen=True, slots=True)
class Translation:
    """The addresses of one tracked connection, of its first packet and as an answer to it has them."""

    sender: str
    target: str
    answerer: str  # differs from the target where that was translated
    answered: str  # differs from the sender where that was translated


def is_stale(connection: Translation, info: RouterInfo) -> bool:
    """Would what the router is now not translate it so? A connection that nothing translates is not judged."""
    floating = _leading(info)
    redirected = connection.target != connection.answerer
    if redirected and (connection.target, connection.answerer) not in floating:
        return True
    if connection.sender == connection.answered or (connection.answered, connection.sender) in floating:
        return False
    return connection.answered not in _own_addresses(info) or not (info.enable_snat or redirected)


@dataclass(frozen=True, slots=True)
class Suspects:
    """Connections that may be stale, by the addresses of their first packet."""

    senders: frozenset[str] = frozenset()
    targets: frozenset[str] = frozenset()
    everybody: bool = False


def suspects(before: RouterInfo | None, after: RouterInfo) -> Suspects:
    """Where to look for stale connections, so that a router with very many of them is not read as a whole.

    `before` is what the router was when all of them were right; None = nobody knows.
    """
    if before is None or not _own_translation(before) <= _own_translation(after):
        return Suspects(everybody=True)
    gone = _leading(before) - _leading(after)
    if len(gone) > ASKED_LIMIT:
        return Suspects(everybody=True)
    return Suspects(frozenset(fixed for _, fixed in gone), frozenset(floating for floating, _ in gone))


def _leading(info: RouterInfo) -> set[tuple[str, str]]:
    return set(info.floating_ips) if info.gateway is not None else set()


def _own_translation(info: RouterInfo) -> set[tuple[str, bool]]:
    """The gateway's addresses, and whether any sender leaves with them."""
    return {(address, way) for address in _own_addresses(info) for way in (False, info.enable_snat)}


def document(info: RouterInfo) -> Json:
    commands = [
        *nft.renewed(FAMILY),
        _map(FLOATING, sorted(_leading(info))),
        _map(FIXED, sorted((fixed, floating) for floating, fixed in _leading(info))),
        nft.base_chain(FAMILY, "forward", "forward", nft.FILTER),
        nft.rule(FAMILY, "forward", [_to(nft.prefix(LINK_LOCAL)), {"drop": None}]),
        *_senders(info),
    ]
    if info.gateway is not None:
        commands += [*_gateway_rules(info), *_translation(info)]
    return {"nftables": commands}


def _senders(info: RouterInfo) -> list[Json]:
    """What comes in as from elsewhere is dropped, and what would leave as from nowhere here."""
    sender, rules = nft.payload("ip", "saddr"), []
    for device, port in named_ports(info):
        others, at_home = ([nft.prefix(each) for each in some] for some in senders.strangers(port, info))
        if others:
            excepted = [nft.is_not_in(sender, at_home)] if at_home else []
            arrives = nft.match(nft.meta("iifname"), device)
            rules.append([arrives, *excepted, nft.is_in(sender, others), {"drop": None}])
    inside = senders.inside(info)
    if info.gateway is not None and not info.enable_snat and inside and EVERYWHERE not in inside:
        prefixes = [nft.prefix(each) for each in inside]
        ways = [_at("iifname", info, "!="), _at("oifname", info)]
        rules.append([*ways, nft.is_not_in(sender, prefixes), {"drop": None}])
    return [nft.rule(FAMILY, "forward", rule) for rule in rules]


def _gateway_rules(info: RouterInfo) -> list[Json]:
    arrives, leaves = _at("iifname", info), _at("oifname", info)
    rules: list[list[Json]] = []
    if info.enable_snat:
        rules += [
            [arrives, nft.is_in(_ct("state"), ["established", "related"]), {"accept": None}],
            [arrives, _status("dnat"), {"accept": None}],
            [arrives, {"drop": None}],
        ]
    rules.append([leaves, _is_invalid(), {"drop": None}])  # it is not translated: it would leave as it is
    return [nft.rule(FAMILY, "forward", rule) for rule in rules]


def _translation(info: RouterInfo) -> list[Json]:
    rules: list[list[Json]] = [
        [_at("oifname", info, "!="), _status("dnat", False), {"accept": None}],
        [_at("iifname", info, "!="), _translated("snat", "saddr", FIXED)],
    ]
    for address in _own_addresses(info)[:1]:
        own = {"snat": {"addr": address, "flags": "fully-random"}}
        if info.enable_snat:
            rules.append([_at("oifname", info), own])
        rules.append([_at("iifname", info, "!="), _status("dnat"), own])
    return [
        nft.base_chain(FAMILY, "destination", "prerouting", nft.DESTINATION_NAT, "nat"),
        nft.rule(FAMILY, "destination", [_translated("dnat", "daddr", FLOATING)]),
        nft.base_chain(FAMILY, "source", "postrouting", nft.SOURCE_NAT, "nat"),
        *[nft.rule(FAMILY, "source", rule) for rule in rules],
    ]


def _own_addresses(info: RouterInfo) -> list[str]:
    return [address.partition("/")[0] for address in info.gateway.addresses] if info.gateway is not None else []


def _map(name: str, pairs: Iterable[tuple[str, str]]) -> Json:
    elements = [list(pair) for pair in dict(pairs).items()]
    content = {"elem": elements} if elements else {}
    return nft.add("map", family=FAMILY, name=name, type="ipv4_addr", map="ipv4_addr", **content)


def _translated(statement: str, field: str, name: str) -> Json:
    """To what the map has for it; what the map does not have goes on to the next rule."""
    return {statement: {"addr": {"map": {"key": nft.payload("ip", field), "data": f"@{name}"}}}}


def _at(end: str, info: RouterInfo, operator: str = "==") -> Json:
    return nft.match(nft.meta(end), gateway_device(info), operator)


def _to(prefix: Json) -> Json:
    return nft.match(nft.payload("ip", "daddr"), prefix)


def _ct(key: str) -> Json:
    return {"ct": {"key": key}}


def _status(bit: str, is_set: bool = True) -> Json:
    return nft.match({"&": [_ct("status"), bit]}, 0, "!=" if is_set else "==")


def _is_invalid() -> Json:
    return nft.match(_ct("state"), "invalid", "in")

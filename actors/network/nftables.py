"""The words of nftables in its JSON (libnftables-json(5)): tables, chains, rules, expressions. Pure.

`nft_command.py` runs it. Every table of ours has the one name, `novaray`; each is replaced whole, in one transaction.
"""

from __future__ import annotations

import ipaddress
from typing import Any

Json = dict[str, Any]

TABLE = "novaray"
SOURCE_NAT, FILTER, DESTINATION_NAT = 100, 0, -100  # priorities, by which the kernel orders what is at one hook


def renewed(family: str) -> list[Json]:
    """Makes the table, so that deleting it can't fail, deletes it and makes it anew: all in the one transaction."""
    table = {"table": {"family": family, "name": TABLE}}
    return [{"add": table}, {"delete": table}, {"add": table}]


def add(kind: str, **content: Any) -> Json:
    return {"add": {kind: {"table": TABLE, **content}}}


def chain(family: str, name: str) -> Json:
    return add("chain", family=family, name=name)


def base_chain(family: str, name: str, hook: str, priority: int, kind: str = "filter") -> Json:
    return add("chain", family=family, name=name, type=kind, hook=hook, prio=priority, policy="accept")


def rule(family: str, chain: str, expressions: list[Json]) -> Json:
    return add("rule", family=family, chain=chain, expr=expressions)


def meta(key: str) -> Json:
    return {"meta": {"key": key}}


def tracked(key: str) -> Json:
    """Of the packet's connection."""
    return {"ct": {"key": key}}


def payload(protocol: str, field: str) -> Json:
    return {"payload": {"protocol": protocol, "field": field}}


def match(left: Json, right: Any, operator: str = "==") -> Json:
    return {"match": {"op": operator, "left": left, "right": right}}


def is_in(left: Json, values: list[Any]) -> Json:
    return match(left, {"set": values})


def is_not_in(left: Json, values: list[Any]) -> Json:
    return match(left, {"set": values}, "!=")


def jumps(key: Json, targets: dict[Any, str]) -> Json:
    return {"vmap": {"key": key, "data": {"set": [[value, {"jump": {"target": to}}] for value, to in targets.items()]}}}


def set_to(what: Json, value: Any) -> Json:
    return {"mangle": {"key": what, "value": value}}


def mark(value: int) -> Json:
    return set_to(meta("mark"), value)


def prefix(address: str) -> Any:
    network = ipaddress.ip_network(address, strict=False)
    if network.prefixlen == network.max_prefixlen:
        return str(network.network_address)
    return {"prefix": {"addr": str(network.network_address), "len": network.prefixlen}}


def removal(*families: str) -> Json:
    """Takes the tables of these families away; asked twice, it changes nothing."""
    return {"nftables": [command for family in families for command in renewed(family)[:2]]}

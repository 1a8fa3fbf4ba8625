"""Who sends from where, in a router: the addresses that may not come in at a port, and those that may leave. Pure.

Used by `nat.py`. A sender is at home where the router would lead an answer to: in the networks of the port that it
comes from, or behind an extra route that leads through that port. Subnets of one network share a wire, so what comes
from one of them may come in at the port of any.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, collapse_addresses, ip_address

from actors.network.ipam import version_of
from actors.network.messages import RouterInfo, RouterPort


def strangers(port: RouterPort, info: RouterInfo) -> tuple[list[str], list[str]]:
    """Prefixes of the router's other networks, and what of them is at home at this port nevertheless: an extra route
    that is narrower than a network goes before it."""
    here = _networks(each for each in _ports(info) if each.network_id == port.network_id)
    others = _networks(each for each in _ports(info) if each.network_id != port.network_id)
    behind = [
        destination
        for destination, next_hop in _routes(info)
        if _is_in(next_hop, here) and any(destination != each and destination.subnet_of(each) for each in others)
    ]
    return _written(others), _written(behind) if others else []


def inside(info: RouterInfo) -> list[str]:
    """Prefixes of all that is led out: of the interfaces, and what extra routes through them lead to."""
    networks = _networks(info.interfaces)
    behind = [destination for destination, next_hop in _routes(info) if _is_in(next_hop, networks)]
    return _written([*networks, *behind])


def _ports(info: RouterInfo) -> list[RouterPort]:
    return [*info.interfaces, *([info.gateway] if info.gateway is not None else [])]


def _networks(ports: Iterable[RouterPort]) -> list[IPv4Network]:
    return [IPv4Network(address, strict=False) for port in ports for address in port.addresses]


def _routes(info: RouterInfo) -> list[tuple[IPv4Network, str]]:
    """Routers forward IPv4 alone."""
    return [
        (IPv4Network(destination, strict=False), next_hop)
        for destination, next_hop in info.routes
        if version_of(destination) == 4
    ]


def _is_in(address: str, networks: list[IPv4Network]) -> bool:
    return any(ip_address(address) in network for network in networks)


def _written(networks: list[IPv4Network]) -> list[str]:
    """None of them within another: a set of nftables takes no others."""
    return [str(network) for network in collapse_addresses(networks)]

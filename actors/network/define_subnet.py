"""Subnets as administration asks for them and changes them, checked and completed as Neutron does. Pure.

Called by `administration.py` and `editing.py`. Every refusal is a `CallerError` that names the request's field.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from itertools import pairwise

from msgspec.structs import replace

from actors.errors import CallerError, CallerFault, bad_request, conflict
from actors.ids import random_id
from actors.messages import AuthContext
from actors.network import access, subnet_pools
from actors.network.define import check_description, check_name, no_network
from actors.network.ipam import (
    BY_MAC,
    EUI_64_LENGTH,
    IPV6_MIN_MTU,
    IPV6_MODES,
    Address,
    Cidr,
    Pool,
    default_gateway,
    default_pools,
    parsed,
    parsed_cidr,
)
from actors.network.messages import CreateSubnet, UpdateSubnet
from actors.network.rows import Rows
from actors.records import Subnet, SubnetPool

SUBNETS_LIMIT = 64  # subnets of one network
DNS_SERVERS_LIMIT = 5  # of one subnet, as Neutron's max_dns_nameservers
HOST_ROUTES_LIMIT = 20  # of one subnet, as Neutron's max_subnet_host_routes
POOLS_LIMIT = 64  # of one subnet
OUT_OF_BOUNDS = "OutOfBoundsAllocationPool"
NOT_FOR_GUESTS = tuple(
    ip_network(cidr)
    for cidr in (
        "0.0.0.0/8",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "224.0.0.0/3",
        "::/96",
        "::ffff:0:0/96",
        "fe80::/10",
        "ff00::/8",
    )
)
SMALLEST = {4: 30, 6: 126}  # prefix lengths: there is room for a gateway and a port
OVERLAPPING = "OverlappingAllocationPools"
MODES_NEED_DHCP = (
    "Invalid input for operation: ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False."
)


def subnet_from(request: CreateSubnet, context: AuthContext, rows: Rows, random: random.Random) -> Subnet:
    network = rows.networks.get(request.network_id)
    if network is None or not access.sees_network(context, network):
        raise CallerError(no_network(request.network_id))
    if not access.owns(context, network):
        raise CallerError(CallerFault(403, "only its owner may add subnets to a network", "network_id"))
    project_id = access.check_project(context, request.project_id) if request.project_id else network.project_id
    pool = _pool(request, context, rows)
    cidr = _cidr(subnet_pools.cidr_from(pool, rows, request.prefixlen, request.cidr) if pool else request.cidr)
    if pool:
        subnet_pools.check_quota(pool, rows, project_id, cidr)
    _check_version(request, cidr)
    if cidr.version == 6 and network.mtu < IPV6_MIN_MTU:
        text = f"IPv6 needs an MTU of {IPV6_MIN_MTU}; that of network {network.id} is {network.mtu}"
        raise CallerError(bad_request("cidr", text))
    _check_overlap(cidr, network.id, list(rows.subnets_of.get(network.id, {}).values()))
    gateway = _gateway(request.gateway_ip, cidr)
    return Subnet(
        id=random_id(random),
        name=check_name(request.name),
        network_id=network.id,
        project_id=project_id,
        cidr=str(cidr),
        gateway_ip=gateway,
        pools=_pools(request.pools, cidr, gateway),
        dns_servers=_dns_servers(request.dns_servers, cidr),
        host_routes=_host_routes(request.host_routes, cidr),
        enable_dhcp=request.enable_dhcp,
        ipv6_ra_mode=request.ipv6_ra_mode,
        ipv6_address_mode=request.ipv6_address_mode,
        description=check_description(request.description),
        subnetpool_id=pool.id if pool else "",
    )


def _pool(request: CreateSubnet, context: AuthContext, rows: Rows) -> SubnetPool | None:
    if not request.subnetpool_id:
        if request.prefixlen:
            raise CallerError(bad_request("prefixlen", "a prefix length is for a subnet from a subnet pool"))
        return None
    pool = rows.pools.get(request.subnetpool_id)
    if pool is None or not (pool.shared or access.owns(context, pool)):
        text = f"Subnet pool {request.subnetpool_id} could not be found."
        raise CallerError(CallerFault(404, text, "subnetpool_id", "SubnetPoolNotFound"))
    return pool


def subnet_changed(request: UpdateSubnet, context: AuthContext, subnet: Subnet, rows: Rows) -> Subnet:
    access.check_owner(context, subnet, "subnet")
    cidr = ip_network(subnet.cidr)
    gateway = subnet.gateway_ip
    if request.enable_dhcp is False and (subnet.ipv6_ra_mode or subnet.ipv6_address_mode):
        raise CallerError(bad_request("enable_dhcp", MODES_NEED_DHCP, "InvalidInput"))
    if request.gateway_ip is not None:
        gateway = _gateway(request.gateway_ip, cidr)
        if gateway not in ("", subnet.gateway_ip) and gateway in rows.books[subnet.id]:
            text = f"Current gateway ip {gateway} already in use by a port. Unable to update."
            raise CallerError(conflict("gateway_ip", text, "GatewayIpInUse"))
        if gateway != subnet.gateway_ip and subnet.gateway_ip and subnet.gateway_ip in rows.books[subnet.id]:
            text = f"Current gateway ip {subnet.gateway_ip} already in use by a port. Unable to update."
            raise CallerError(conflict("gateway_ip", text, "GatewayIpInUse"))
    pools = subnet.pools if request.pools is None else request.pools
    given = {
        "name": None if request.name is None else check_name(request.name),
        "description": None if request.description is None else check_description(request.description),
        "gateway_ip": gateway,
        "pools": _pools(pools, cidr, gateway),
        "dns_servers": None if request.dns_servers is None else _dns_servers(request.dns_servers, cidr),
        "host_routes": None if request.host_routes is None else _host_routes(request.host_routes, cidr),
        "enable_dhcp": request.enable_dhcp,
    }
    return replace(subnet, **{field: value for field, value in given.items() if value is not None})


def _cidr(text: str) -> Cidr:
    try:
        cidr = parsed_cidr(text, strict=False)
    except ValueError:
        text = f"{text!r} is not a network such as 10.0.0.0/24 or fd00:1::/64"
        raise CallerError(bad_request("cidr", text)) from None
    smallest = SMALLEST[cidr.version]
    if cidr.prefixlen > smallest:
        text = f"{cidr} has no room for a gateway and a port; /{smallest} is the smallest"
        raise CallerError(bad_request("cidr", text))
    for reserved in NOT_FOR_GUESTS:
        if cidr.version == reserved.version and cidr.overlaps(reserved):
            raise CallerError(bad_request("cidr", f"{cidr} overlaps {reserved}, which guests cannot use"))
    return cidr


def _check_version(request: CreateSubnet, cidr: Cidr) -> None:
    """The version that is named, and what only subnets of IPv6 have: how guests come to their addresses."""
    if request.ip_version not in (0, cidr.version):
        text = f"Invalid input for operation: ip_version {request.ip_version} is not that of {cidr}."
        raise CallerError(bad_request("ip_version", text, "InvalidInput"))
    modes = {"ipv6_ra_mode": request.ipv6_ra_mode, "ipv6_address_mode": request.ipv6_address_mode}
    for field, mode in modes.items():
        if mode and mode not in IPV6_MODES:
            raise CallerError(bad_request(field, f"{mode!r} is none of {', '.join(IPV6_MODES)}"))
        if mode and cidr.version == 4:
            text = f"Invalid input for operation: {field} is not valid when ip_version is 4."
            raise CallerError(bad_request(field, text, "InvalidInput"))
    chosen = set(modes.values()) - {""}
    if chosen and not request.enable_dhcp:
        raise CallerError(bad_request("enable_dhcp", MODES_NEED_DHCP, "InvalidInput"))
    if len(chosen) > 1:
        text = "Invalid input for operation: ipv6_ra_mode and ipv6_address_mode must be the same where both are set."
        raise CallerError(bad_request("ipv6_ra_mode", text, "InvalidInput"))
    if chosen & BY_MAC and cidr.prefixlen != EUI_64_LENGTH:
        text = (
            f"Invalid input for operation: Invalid CIDR {cidr} for IPv6 address mode. "
            f"OpenStack uses the EUI-64 address format, which requires the prefix to be /{EUI_64_LENGTH}."
        )
        raise CallerError(bad_request("cidr", text, "InvalidInput"))


def _check_overlap(cidr: Cidr, network_id: str, others: list[Subnet]) -> None:
    """In Neutron's words: there are clients that look for them, and try the next cidr."""
    if len(others) >= SUBNETS_LIMIT:
        raise CallerError(conflict("network_id", f"a network has at most {SUBNETS_LIMIT} subnets"))
    for other in others:
        there = ip_network(other.cidr)
        if there.version == cidr.version and cidr.overlaps(there):
            text = f"Requested subnet with cidr: {cidr} for network: {network_id} overlaps with another subnet."
            raise CallerError(bad_request("cidr", text, "InvalidInput"))


def _gateway(asked: str | None, cidr: Cidr) -> str:
    if asked is None:
        return default_gateway(str(cidr))
    if asked == "":
        return ""
    gateway = _address(asked, "gateway_ip", cidr)
    if gateway not in cidr or gateway in _of_nobody(cidr):
        raise CallerError(bad_request("gateway_ip", f"{gateway} is not a host's address in {cidr}"))
    return str(gateway)


def _pools(asked: tuple[Pool, ...], cidr: Cidr, gateway: str) -> tuple[Pool, ...]:
    if not asked:
        return default_pools(str(cidr), gateway)
    if len(asked) > POOLS_LIMIT:
        raise CallerError(bad_request("pools", f"a subnet has at most {POOLS_LIMIT} pools"))
    spans = []
    for index, (first, last) in enumerate(asked):
        where = f"pools[{index}]"
        low, high = _address(first, where, cidr), _address(last, where, cidr)
        if low not in cidr or high not in cidr or int(low) > int(high) or {low, high} & _of_nobody(cidr):
            text = f"{first}-{last} is not a range of hosts' addresses in {cidr}"
            raise CallerError(bad_request(where, text, OUT_OF_BOUNDS))
        if gateway and int(low) <= int(ip_address(gateway)) <= int(high):
            text = f"Gateway ip {gateway} conflicts with allocation pool {first}-{last}."
            raise CallerError(conflict(where, text, "GatewayConflictWithAllocationPools"))
        spans.append((int(low), int(high), str(low), str(high), where))
    spans.sort()
    for (_, end, *_), (begin, *_, where) in pairwise(spans):
        if begin <= end:
            raise CallerError(conflict(where, "the pool overlaps another one of this subnet", OVERLAPPING))
    return tuple((first, last) for _, _, first, last, _ in spans)


def _of_nobody(cidr: Cidr) -> set[Address]:
    """Addresses that are no host's. In IPv6 the last one is as good as any."""
    return {cidr.network_address, cidr.broadcast_address} if cidr.version == 4 else {cidr.network_address}


def _dns_servers(asked: tuple[str, ...], cidr: Cidr) -> tuple[str, ...]:
    if len(asked) > DNS_SERVERS_LIMIT:
        raise CallerError(bad_request("dns_servers", f"a subnet has at most {DNS_SERVERS_LIMIT} DNS servers"))
    servers = tuple(str(_address(server, f"dns_servers[{index}]", cidr)) for index, server in enumerate(asked))
    _check_once(servers, "dns_servers", "nameserver")
    return servers


def _host_routes(asked: tuple[tuple[str, str], ...], cidr: Cidr) -> tuple[tuple[str, str], ...]:
    if len(asked) > HOST_ROUTES_LIMIT:
        raise CallerError(bad_request("host_routes", f"a subnet has at most {HOST_ROUTES_LIMIT} host routes"))
    routes = []
    for index, (destination, hop) in enumerate(asked):
        where = f"host_routes[{index}]"
        try:
            target = parsed_cidr(destination)
        except ValueError:
            target = None
        if target is None or target.version != cidr.version:
            raise CallerError(bad_request(where, f"{destination!r} is not an IPv{cidr.version} network"))
        routes.append((str(target), str(_address(hop, where, cidr))))
    _check_once(routes, "host_routes", "hostroute")
    return tuple(routes)


def _check_once(items: Sequence[object], field: str, noun: str) -> None:
    """Neutron takes no list with the same thing twice."""
    for index, item in enumerate(items):
        if item in items[:index]:
            raise CallerError(bad_request(f"{field}[{index}]", f"Duplicate {noun} '{item}'"))


def _address(text: str, where: str, cidr: Cidr) -> Address:
    """Of the subnet's version."""
    try:
        address = parsed(text)
    except ValueError:
        address = None
    if address is None or address.version != cidr.version:
        raise CallerError(bad_request(where, f"{text!r} is not an IPv{cidr.version} address"))
    return address

"""Networks and subnets as administration asks for them, checked and completed as Neutron does. Pure.

Called by `administration.py`. Every refusal is a `CallerError` that names the request's field.
"""

from __future__ import annotations

import random
import re
from collections.abc import Container
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from itertools import pairwise

from actors.errors import CallerError, CallerFault, bad_request, conflict
from actors.messages import AuthContext
from actors.network import access
from actors.network.ipam import Pool, default_gateway, default_pools
from actors.network.messages import CreateNetwork, CreateSubnet
from actors.network.naming import bridge_device, random_id
from actors.network.rows import Rows, Segment
from actors.records import Network, Subnet

LARGEST_MTU = {"flat": 1500, "vlan": 1500, "vxlan": 1450}  # VXLAN takes 50 octets of the underlay's 1500
SMALLEST_MTU = 68  # RFC 791
VLAN_RANGE = (1, 4094)  # IEEE 802.1Q
VXLAN_LIMIT = (1, 2**24 - 1)  # RFC 7348
NAME_LIMIT = 255  # characters
HOST_NAME = re.compile(
    r"(?=.{1,253}$)[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*"
)
SUBNETS_LIMIT = 64  # subnets of one network
DNS_SERVERS_LIMIT = 5  # of one subnet, as Neutron's max_dns_nameservers
HOST_ROUTES_LIMIT = 20  # of one subnet, as Neutron's max_subnet_host_routes
POOLS_LIMIT = 64  # of one subnet
SEGMENT_DRAWS = 64  # random tries before the range is walked
NOT_FOR_GUESTS = tuple(IPv4Network(cidr) for cidr in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"))


def check_name(name: str) -> str:
    if len(name) > NAME_LIMIT:
        raise CallerError(bad_request("name", f"a name has at most {NAME_LIMIT} characters, this one {len(name)}"))
    if not name.isprintable():
        raise CallerError(bad_request("name", f"{name!r} contains control characters"))
    return name


def check_host_name(name: str, field: str) -> str:
    """RFC 1123 labels; nothing else may reach dnsmasq's files."""
    if name and not HOST_NAME.fullmatch(name):
        raise CallerError(bad_request(field, f"{name!r} is not a host name"))
    return name


# ---------------------------------------------------------------- networks


def network_from(
    request: CreateNetwork, context: AuthContext, rows: Rows, vxlan_range: tuple[int, int], random: random.Random
) -> Network:
    kind = request.network_type or "vxlan"
    _check_rights(request, context)
    if kind not in LARGEST_MTU:
        raise CallerError(bad_request("network_type", f"{kind!r} is none of {', '.join(LARGEST_MTU)}"))
    network_id = random_id(random)
    while bridge_device(network_id) in rows.bridges:
        network_id = random_id(random)
    return Network(
        id=network_id,
        name=check_name(request.name),
        project_id=access.check_project(context, request.project_id),
        network_type=kind,
        segmentation_id=_segment(request, kind, rows.segments, vxlan_range, random),
        physical_network=request.physical_network,
        mtu=_mtu(request.mtu, kind),
        shared=request.shared,
        admin_state_up=request.admin_state_up,
        port_security_enabled=request.port_security_enabled,
    )


def _check_rights(request: CreateNetwork, context: AuthContext) -> None:
    if request.network_type or request.segmentation_id or request.physical_network:
        access.check_admin(context, "network_type", "choose a network's type, segment or physical network")
    if request.shared:
        access.check_admin(context, "shared", "share a network")


def _mtu(asked: int, kind: str) -> int:
    largest = LARGEST_MTU[kind]
    if asked and not SMALLEST_MTU <= asked <= largest:
        raise CallerError(bad_request("mtu", f"{asked} is not between {SMALLEST_MTU} and {largest}, {kind}'s limit"))
    return asked or largest


def _segment(
    request: CreateNetwork,
    kind: str,
    taken: Container[Segment],
    vxlan_range: tuple[int, int],
    random: random.Random,
) -> int:
    physical, asked = request.physical_network, request.segmentation_id
    if (kind == "vxlan") == bool(physical):
        text = "a vxlan network has no physical network" if physical else f"a {kind} network needs a physical network"
        raise CallerError(bad_request("physical_network", text))
    if kind == "flat" and asked:
        raise CallerError(bad_request("segmentation_id", "a flat network has no segmentation id"))
    if kind == "flat" or asked:
        low, high = (0, 0) if kind == "flat" else VLAN_RANGE if kind == "vlan" else VXLAN_LIMIT
        if not low <= asked <= high:
            raise CallerError(bad_request("segmentation_id", f"{asked} is not between {low} and {high}"))
        if (kind, physical, asked) in taken:
            where = "physical_network" if kind == "flat" else "segmentation_id"
            raise CallerError(conflict(where, f"{kind} segment {physical} {asked} is used by another network already"))
        return asked
    return _free_segment(kind, physical, VLAN_RANGE if kind == "vlan" else vxlan_range, taken, random)


def _free_segment(
    kind: str, physical: str, span: tuple[int, int], taken: Container[Segment], random: random.Random
) -> int:
    low, high = span
    for _ in range(SEGMENT_DRAWS):
        drawn = random.randint(low, high)
        if (kind, physical, drawn) not in taken:
            return drawn
    for number in range(low, high + 1):
        if (kind, physical, number) not in taken:
            return number
    raise CallerError(CallerFault(503, f"all {kind} segments from {low} to {high} are in use", "segmentation_id"))


# ---------------------------------------------------------------- subnets


def subnet_from(request: CreateSubnet, context: AuthContext, rows: Rows, random: random.Random) -> Subnet:
    network = rows.networks.get(request.network_id)
    if network is None or not access.sees_network(context, network):
        raise CallerError(CallerFault(404, f"Network {request.network_id!r} could not be found.", "network_id"))
    if not access.owns(context, network):
        raise CallerError(CallerFault(403, "only its owner may add subnets to a network", "network_id"))
    cidr = _cidr(request.cidr)
    _check_overlap(cidr, list(rows.subnets_of.get(network.id, {}).values()))
    gateway = _gateway(request.gateway_ip, cidr)
    return Subnet(
        id=random_id(random),
        name=check_name(request.name),
        network_id=network.id,
        project_id=network.project_id,
        cidr=str(cidr),
        gateway_ip=gateway,
        pools=_pools(request.pools, cidr, gateway),
        dns_servers=_dns_servers(request.dns_servers),
        host_routes=_host_routes(request.host_routes),
        enable_dhcp=request.enable_dhcp,
    )


def _cidr(text: str) -> IPv4Network:
    try:
        cidr = IPv4Network(text, strict=False)
    except (AddressValueError, NetmaskValueError, ValueError):
        raise CallerError(bad_request("cidr", f"{text!r} is not an IPv4 network such as 10.0.0.0/24")) from None
    if cidr.prefixlen > 30:
        raise CallerError(bad_request("cidr", f"{cidr} has no room for a gateway and a port; /30 is the smallest"))
    for reserved in NOT_FOR_GUESTS:
        if cidr.overlaps(reserved):
            raise CallerError(bad_request("cidr", f"{cidr} overlaps {reserved}, which guests cannot use"))
    return cidr


def _check_overlap(cidr: IPv4Network, others: list[Subnet]) -> None:
    if len(others) >= SUBNETS_LIMIT:
        raise CallerError(conflict("network_id", f"a network has at most {SUBNETS_LIMIT} subnets"))
    for other in others:
        if cidr.overlaps(IPv4Network(other.cidr)):
            text = f"{cidr} overlaps subnet {other.id} ({other.cidr}) of the same network"
            raise CallerError(bad_request("cidr", text))


def _gateway(asked: str | None, cidr: IPv4Network) -> str:
    if asked is None:
        return default_gateway(str(cidr))
    if asked == "":
        return ""
    gateway = _address(asked, "gateway_ip")
    if gateway not in cidr or gateway in (cidr.network_address, cidr.broadcast_address):
        raise CallerError(bad_request("gateway_ip", f"{gateway} is not a host's address in {cidr}"))
    return str(gateway)


def _pools(asked: tuple[Pool, ...], cidr: IPv4Network, gateway: str) -> tuple[Pool, ...]:
    if not asked:
        return default_pools(str(cidr), gateway)
    if len(asked) > POOLS_LIMIT:
        raise CallerError(bad_request("pools", f"a subnet has at most {POOLS_LIMIT} pools"))
    spans = []
    for index, (first, last) in enumerate(asked):
        where = f"pools[{index}]"
        low, high = _address(first, where), _address(last, where)
        if not cidr.network_address < low <= high < cidr.broadcast_address:
            raise CallerError(bad_request(where, f"{first}-{last} is not a range of hosts' addresses in {cidr}"))
        if gateway and low <= IPv4Address(gateway) <= high:
            raise CallerError(conflict(where, f"the gateway {gateway} is in the pool {first}-{last}"))
        spans.append((low, high, where))
    spans.sort()
    for (_, high, _), (low, _, where) in pairwise(spans):
        if low <= high:
            raise CallerError(conflict(where, "the pool overlaps another one of this subnet"))
    return tuple((str(low), str(high)) for low, high, _ in spans)


def _dns_servers(asked: tuple[str, ...]) -> tuple[str, ...]:
    if len(asked) > DNS_SERVERS_LIMIT:
        raise CallerError(bad_request("dns_servers", f"a subnet has at most {DNS_SERVERS_LIMIT} DNS servers"))
    return tuple(str(_address(server, f"dns_servers[{index}]")) for index, server in enumerate(asked))


def _host_routes(asked: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    if len(asked) > HOST_ROUTES_LIMIT:
        raise CallerError(bad_request("host_routes", f"a subnet has at most {HOST_ROUTES_LIMIT} host routes"))
    routes = []
    for index, (destination, hop) in enumerate(asked):
        where = f"host_routes[{index}]"
        try:
            routes.append((str(IPv4Network(destination)), str(_address(hop, where))))
        except ValueError:
            raise CallerError(bad_request(where, f"{destination!r} is not an IPv4 network")) from None
    return tuple(routes)


def _address(text: str, where: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except ValueError:
        raise CallerError(bad_request(where, f"{text!r} is not an IPv4 address")) from None

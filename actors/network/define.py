"""Networks as administration asks for them and changes them, checked and completed as Neutron does. Pure.

Called by `administration.py`. Every refusal is a `CallerError` that names the request's field.
"""

from __future__ import annotations

import random
import re
from collections.abc import Container

from msgspec.structs import replace

from actors.errors import CallerError, CallerFault, bad_request, conflict
from actors.ids import random_id
from actors.messages import AuthContext
from actors.network import access
from actors.network.ipam import IPV6_MIN_MTU, parsed_cidr, version_of
from actors.network.messages import CreateNetwork, UpdateNetwork
from actors.network.naming import FLOATING_OWNER, GATEWAY_OWNER, ZONE, bridge_device
from actors.network.rows import Rows, Segment
from actors.records import Network

LARGEST_MTU = {"flat": 1500, "vlan": 1500, "vxlan": 1450}  # VXLAN takes 50 octets of the underlay's 1500
SMALLEST_MTU = 68  # RFC 791
IN_USE = {"flat": "FlatNetworkInUse", "vlan": "VlanIdInUse", "vxlan": "TunnelIdInUse"}  # as Neutron names it
VLAN_RANGE = (1, 4094)  # IEEE 802.1Q
VXLAN_LIMIT = (1, 2**24 - 1)  # RFC 7348
NAME_LIMIT = 255  # characters
HOST_NAME = re.compile(
    r"(?=.{1,255}$)[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*"
)
EXTERNAL = "say whether a network leads out of the cloud"
SEGMENT_DRAWS = 64  # random tries before the range is walked


def check_name(name: str) -> str:
    if len(name) > NAME_LIMIT:
        raise CallerError(bad_request("name", f"a name has at most {NAME_LIMIT} characters, this one {len(name)}"))
    if not name.isprintable():
        raise CallerError(bad_request("name", f"{name!r} contains control characters"))
    return name


def check_description(text: str) -> str:
    if len(text) > NAME_LIMIT:
        raise CallerError(bad_request("description", f"a description has at most {NAME_LIMIT} characters"))
    return text


def check_host_name(name: str, field: str) -> str:
    """RFC 1123 labels; nothing else may reach dnsmasq's files."""
    if name and not HOST_NAME.fullmatch(name):
        raise CallerError(bad_request(field, f"{name!r} is not a host name"))
    return name


def check_zone_hints(hints: tuple[str, ...]) -> tuple[str, ...]:
    """There is one zone of networks and routers, so that a hint of it changes nothing."""
    for hint in hints:
        if hint != ZONE:
            text = f"AvailabilityZone {hint} could not be found."
            raise CallerError(CallerFault(404, text, "availability_zone_hints", "AvailabilityZoneNotFound"))
    return tuple(dict.fromkeys(hints))


def check_domain(name: str) -> str:
    """A host name that may end in a dot."""
    check_host_name(name.removesuffix("."), "dns_domain")
    return name


def check_prefix(text: str, where: str, ethertype: str = "") -> str:
    try:
        prefix = parsed_cidr(text, strict=False)
    except ValueError:
        raise CallerError(bad_request(where, f"{text!r} is neither an address nor a network")) from None
    if ethertype and ethertype != f"IPv{prefix.version}":
        raise CallerError(bad_request(where, f"Conflicting value ethertype {ethertype} for CIDR {text}"))
    return str(prefix)


# ---------------------------------------------------------------- networks


def no_network(network_id: str) -> CallerFault:
    return CallerFault(404, f"Network {network_id} could not be found.", "network_id", "NetworkNotFound")


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
        external=request.external,
        admin_state_up=request.admin_state_up,
        port_security_enabled=request.port_security_enabled,
        description=check_description(request.description),
        zone_hints=check_zone_hints(request.zone_hints),
        dns_domain=check_domain(request.dns_domain),
    )


def network_changed(request: UpdateNetwork, context: AuthContext, network: Network, rows: Rows) -> Network:
    access.check_owner(context, network, "network")
    if request.shared is not None and request.shared != network.shared:
        access.check_admin(context, "shared", "share a network")
        _check_unshared(request.shared, network, rows)
    if request.external is not None and request.external != network.external:
        access.check_admin(context, "router:external", EXTERNAL)
        _check_not_external(request.external, network, rows)
    sixes = (one for one in rows.subnets_of.get(network.id, {}).values() if version_of(one.cidr) == 6)
    if request.mtu is not None and request.mtu < IPV6_MIN_MTU and any(sixes):
        raise CallerError(bad_request("mtu", f"its subnet of IPv6 needs an MTU of {IPV6_MIN_MTU}"))
    given = {
        "name": None if request.name is None else check_name(request.name),
        "description": None if request.description is None else check_description(request.description),
        "admin_state_up": request.admin_state_up,
        "shared": request.shared,
        "external": request.external,
        "port_security_enabled": request.port_security_enabled,
        "dns_domain": None if request.dns_domain is None else check_domain(request.dns_domain),
        "mtu": None if request.mtu is None else _mtu(request.mtu, network.network_type),
    }
    return replace(network, **{field: value for field, value in given.items() if value is not None})


def _check_unshared(shared: bool, network: Network, rows: Rows) -> None:
    """What others have on it keeps it shared."""
    others = {port.project_id for port in rows.ports_of.get(network.id, {}).values()} - {network.project_id, ""}
    if not shared and others:
        text = f"Unable to reconfigure sharing settings for network {network.id}. Multiple tenants are using it."
        raise CallerError(conflict("shared", text, "InvalidSharedSetting"))


def _check_not_external(external: bool, network: Network, rows: Rows) -> None:
    """What leads out through it keeps it external."""
    owners = {port.device_owner for port in rows.ports_of.get(network.id, {}).values()}
    if not external and owners & {GATEWAY_OWNER, FLOATING_OWNER}:
        text = (
            f"External network {network.id} cannot be updated to be made non-external, "
            "since it has existing gateway ports."
        )
        raise CallerError(conflict("router:external", text, "ExternalNetworkInUse"))


def _check_rights(request: CreateNetwork, context: AuthContext) -> None:
    if request.network_type or request.segmentation_id or request.physical_network:
        access.check_admin(context, "network_type", "choose a network's type, segment or physical network")
    if request.shared:
        access.check_admin(context, "shared", "share a network")
    if request.external:
        access.check_admin(context, "router:external", EXTERNAL)


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
            text = f"{kind} segment {physical} {asked} is used by another network already"
            raise CallerError(conflict(where, text, IN_USE[kind]))
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
    text = f"all {kind} segments from {low} to {high} are in use"
    raise CallerError(CallerFault(503, text, "segmentation_id", "NoNetworkAvailable"))

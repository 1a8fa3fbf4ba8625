"""A router's ends in subnets: made, taken away and changed, checked as Neutron does. Pure.

Called by `router_administration.py` and, where users change such a port itself, by `editing.py`. Every refusal is a
`CallerError` that names the request's field.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Set
from ipaddress import ip_address, ip_network

from msgspec.structs import replace

from actors.errors import CallerError, bad_request, conflict, not_found
from actors.messages import AuthContext
from actors.network import access
from actors.network.define_port import new_port_id
from actors.network.ipam import version_of
from actors.network.naming import INTERFACE_OWNER
from actors.network.plan import Reservation
from actors.network.router_messages import InterfaceRequest, RouterInterface
from actors.network.router_views import interfaces, router_ports
from actors.network.rows import Rows
from actors.records import FixedIp, Port, Router, Subnet


def interface_from(
    request: InterfaceRequest,
    context: AuthContext,
    router: Router,
    rows: Rows,
    now: float,
    random: random.Random,
    allowed: Callable[[str], None],
) -> Port:
    """The port as the router has it then.

    `allowed` raises where the router's project may have no more ports; it is asked before any address is taken."""
    if request.subnet_id and request.port_id:
        raise _refused("Cannot specify both subnet-id and port-id")
    if request.port_id:
        return _of_port(request, context, router, rows)
    if request.subnet_id:
        return _of_subnet(request, context, router, rows, now, random, allowed)
    raise _refused("Either subnet_id or port_id must be specified")


def interface_to_remove(request: InterfaceRequest, context: AuthContext, router: Router, rows: Rows) -> Port:
    """Refused while floating IPs or routes need it."""
    if not request.port_id and not request.subnet_id:
        raise _refused("Either subnet_id or port_id must be specified")
    port = _named(request, router, rows) if request.port_id else _in_subnet(request, context, router, rows)
    check_not_needed(rows, router, {ip.subnet_id for ip in port.fixed_ips})
    return port


def interface_of(router: Router, port: Port) -> RouterInterface:
    return RouterInterface(
        router_id=router.id,
        project_id=router.project_id,
        port_id=port.id,
        network_id=port.network_id,
        subnet_ids=tuple(dict.fromkeys(ip.subnet_id for ip in port.fixed_ips)),
    )


def subnets_of(rows: Rows, port: Port) -> list[Subnet]:
    return [rows.subnets[subnet_id] for subnet_id in dict.fromkeys(ip.subnet_id for ip in port.fixed_ips)]


# ---------------------------------------------------------------- checks


def check_free_of_overlaps(rows: Rows, router_id: str, subnet_ids: Set[str], besides: str = "") -> None:
    """No two ends of a router are in the same range of addresses, but for ports of the owner that these take the place
    of."""
    for port in router_ports(rows, router_id):
        if port.device_owner == besides:
            continue
        for there in subnets_of(rows, port):
            for subnet in (rows.subnets[subnet_id] for subnet_id in sorted(subnet_ids)):
                if there.id == subnet.id:
                    raise _refused(f"Router already has a port on subnet {subnet.id}")
                one, other = ip_network(subnet.cidr), ip_network(there.cidr)
                if one.version == other.version and one.overlaps(other):
                    raise _refused(
                        f"Cidr {subnet.cidr} of subnet {subnet.id} overlaps with cidr {there.cidr} of subnet {there.id}"
                    )


def check_not_needed(rows: Rows, router: Router, subnet_ids: Set[str]) -> None:
    """Neither a floating IP nor a route of the router leads into these subnets."""
    for subnet_id in sorted(subnet_ids):
        cidr = ip_network(rows.subnets[subnet_id].cidr)
        where = f"Router interface for subnet {subnet_id} on router {router.id} cannot be deleted, as it is required by"
        floating = (rows.floating_ips[one] for one in rows.routing.floating_of_router.get(router.id, {}))
        if any(_subnet_of(rows, one.port_id, one.fixed_ip) == subnet_id for one in floating):
            text = f"{where} one or more floating IPs."
            raise CallerError(conflict("subnet_id", text, "RouterInterfaceInUseByFloatingIP"))
        if any(ip_address(hop) in cidr for _, hop in router.routes):
            raise CallerError(conflict("subnet_id", f"{where} one or more routes.", "RouterInterfaceInUseByRoute"))


def check_moved(rows: Rows, before: Port, after: Port) -> None:
    """Where a router's port has other addresses: what needs its subnets keeps them, and new ones are free."""
    router = rows.routers[before.device_id]
    had, has = ({ip.subnet_id for ip in port.fixed_ips} for port in (before, after))
    check_not_needed(rows, router, had - has)
    if not any(version_of(ip.ip_address) == 4 for ip in after.fixed_ips):
        raise CallerError(bad_request("fixed_ips", "a router's port keeps an IPv4 address", "BadRequest"))
    check_free_of_overlaps(rows, router.id, has - had)


def _subnet_of(rows: Rows, port_id: str, address: str) -> str:
    return next((ip.subnet_id for ip in rows.ports[port_id].fixed_ips if ip.ip_address == address), "")


def _refused(text: str) -> CallerError:
    return CallerError(bad_request("", f"Bad router request: {text}.", "BadRequest"))


# ---------------------------------------------------------------- make


def _of_port(request: InterfaceRequest, context: AuthContext, router: Router, rows: Rows) -> Port:
    port = rows.ports.get(request.port_id)
    if port is None or not access.owns(context, port):
        raise CallerError(not_found("port_id", f"Port {request.port_id} could not be found.", "PortNotFound"))
    if port.device_id or port.device_owner:
        text = (
            f"Unable to complete operation on port {port.id} for network {port.network_id}. "
            f"Port already has an attached device {port.device_id}."
        )
        raise CallerError(conflict("port_id", text, "PortInUse"))
    if not port.fixed_ips:
        raise _refused("Router port must have at least one fixed IP")
    fours = [subnet for subnet in subnets_of(rows, port) if version_of(subnet.cidr) == 4]
    if not fours:
        raise _refused(f"Port {port.id} has no IPv4 address, and routers forward IPv4 alone")
    if len(fours) > 1:
        raise _refused("Cannot have multiple IPv4 subnets on router port")
    check_free_of_overlaps(rows, router.id, {ip.subnet_id for ip in port.fixed_ips})
    return replace(
        port,
        device_id=router.id,
        device_owner=INTERFACE_OWNER,
        security_groups=(),  # what it forwards is none of its own addresses'
        allowed_address_pairs=(),
        port_security_enabled=False,
    )


def _of_subnet(
    request: InterfaceRequest,
    context: AuthContext,
    router: Router,
    rows: Rows,
    now: float,
    random: random.Random,
    allowed: Callable[[str], None],
) -> Port:
    """With the subnet's gateway address, which nobody else may have then."""
    subnet = _subnet(request, context, rows)
    if not subnet.gateway_ip:
        raise _refused("Subnet for router interface must have a gateway IP")
    if version_of(subnet.cidr) != 4:
        raise _refused(f"Subnet {subnet.id} is one of IPv6, and routers forward IPv4 alone")
    if not access.owns(context, subnet):
        raise _refused(
            f"Cannot add interface to router because subnet {subnet.id} is not owned by project making the request"
        )
    check_free_of_overlaps(rows, router.id, {subnet.id})
    allowed(router.project_id)
    if not rows.books[subnet.id].take(subnet.gateway_ip):
        text = f"IP address {subnet.gateway_ip} already allocated in subnet {subnet.id}"
        raise CallerError(conflict("subnet_id", text, "IpAddressAlreadyAllocated"))
    port_id = new_port_id(rows, random)
    return Port(
        id=port_id,
        network_id=subnet.network_id,
        project_id=router.project_id,
        mac_address=Reservation(rows).mac(port_id, random),
        fixed_ips=(FixedIp(subnet.id, subnet.gateway_ip),),
        device_id=router.id,
        device_owner=INTERFACE_OWNER,
        port_security_enabled=False,
        created_at=now,
    )


def _subnet(request: InterfaceRequest, context: AuthContext, rows: Rows) -> Subnet:
    subnet = rows.subnets.get(request.subnet_id)
    if subnet is None or not access.uses_network(context, rows.networks[subnet.network_id]):
        raise CallerError(not_found("subnet_id", f"Subnet {request.subnet_id} could not be found.", "SubnetNotFound"))
    return subnet


# ---------------------------------------------------------------- take away


def _named(request: InterfaceRequest, router: Router, rows: Rows) -> Port:
    port = next((port for port in interfaces(rows, router.id) if port.id == request.port_id), None)
    if port is None:
        text = f"Router {router.id} does not have an interface with id {request.port_id}"
        raise CallerError(not_found("port_id", text, "RouterInterfaceNotFound"))
    if request.subnet_id and all(ip.subnet_id != request.subnet_id for ip in port.fixed_ips):
        text = f"Subnet on port {port.id} does not match the requested subnet {request.subnet_id}."
        raise CallerError(bad_request("subnet_id", text, "SubnetMismatchForPort"))
    return port


def _in_subnet(request: InterfaceRequest, context: AuthContext, router: Router, rows: Rows) -> Port:
    for port in interfaces(rows, router.id):
        if any(ip.subnet_id == request.subnet_id for ip in port.fixed_ips):
            return port
    _subnet(request, context, rows)
    text = f"Router {router.id} has no interface on subnet {request.subnet_id}"
    raise CallerError(not_found("subnet_id", text, "RouterInterfaceNotFoundForSubnet"))

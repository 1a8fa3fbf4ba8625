"""Floating IPs as users ask for them and lead them to ports, checked as Neutron does. Pure.

Called by `router_administration.py`, and by all that takes a port or one of its addresses away. Every refusal is a
`CallerError` that names the request's field. Invariant: a floating IP leads to an address that its port has, in a
subnet that its router has an interface in, and that router's gateway is in the floating IP's network.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from msgspec.structs import replace

from actors.errors import CallerError, bad_request, conflict, not_found
from actors.ids import random_id
from actors.messages import AuthContext
from actors.network import access
from actors.network.define import check_description, no_network
from actors.network.define_port import new_port_id
from actors.network.ipam import normal, version_of
from actors.network.messages import Reference
from actors.network.naming import FLOATING_OWNER
from actors.network.plan import Reservation
from actors.network.router_messages import CreateFloatingIp, UpdateFloatingIp
from actors.network.router_place import routers_in
from actors.network.router_views import interfaces, leading_to
from actors.network.rows import Rows
from actors.records import Change, FixedIp, FloatingIp, Network, Port, drop


def find(rows: Rows, reference: Reference, context: AuthContext) -> FloatingIp:
    found = rows.floating_ips.get(reference.id)
    if found is None or not access.owns(context, found):
        text = f"Floating IP {reference.id} could not be found"
        raise CallerError(not_found("id", text, "FloatingIPNotFound"))
    return found


def floating_from(
    request: CreateFloatingIp,
    context: AuthContext,
    rows: Rows,
    now: float,
    random: random.Random,
    allowed: Callable[[str], None],
) -> list[Change]:
    """The floating IP, and before it the port that holds its address.

    `allowed` raises where the project may have no more; it is asked before any address is taken."""
    network = _external(request, context, rows)
    floating = FloatingIp(
        id=random_id(random),
        project_id=access.check_project(context, request.project_id),
        network_id=network.id,
        address="",
        description=check_description(request.description),
    )
    if request.fixed_ip and not request.port_id:
        raise _refused("fixed_ip_address cannot be specified without a port_id")
    if request.port_id:
        floating = _leading(floating, request.port_id, request.fixed_ip, context, rows)
    allowed(floating.project_id)
    reservation = Reservation(rows)
    try:
        port = _port(request, network, floating.id, reservation, now, random)
    except CallerError:
        reservation.cancel()
        raise
    return [port, replace(floating, address=port.fixed_ips[0].ip_address)]


def floating_changed(request: UpdateFloatingIp, context: AuthContext, floating: FloatingIp, rows: Rows) -> FloatingIp:
    if request.description is not None:
        floating = replace(floating, description=check_description(request.description))
    if request.fixed_ip and not request.port_id:
        raise _refused("fixed_ip_address cannot be specified without a port_id")
    if request.port_id is None:
        return floating
    if not request.port_id:
        return freed(floating)
    return _leading(floating, request.port_id, request.fixed_ip, context, rows)


def without_floating(rows: Rows, found: FloatingIp, context: AuthContext) -> list[Change]:
    """With the port that holds its address."""
    held = (rows.ports[port_id] for port_id in rows.ports_of_instance.get(found.id, {}))
    return [drop(found), *(drop(port) for port in held if port.device_owner == FLOATING_OWNER)]


def freed(floating: FloatingIp) -> FloatingIp:
    """It leads nowhere then."""
    return replace(floating, port_id="", fixed_ip="", router_id="")


def freed_of(rows: Rows, port: Port, stay: tuple[FixedIp, ...] = ()) -> list[Change]:
    """Of a port that goes, or has only these addresses left: its floating IPs lead nowhere then."""
    if port.id not in rows.routing.floating_of_port:  # as of nearly every port
        return []
    addresses = {ip.ip_address for ip in stay}
    return [freed(floating) for floating in leading_to(rows, port.id) if floating.fixed_ip not in addresses]


# ---------------------------------------------------------------- its address


def _external(request: CreateFloatingIp, context: AuthContext, rows: Rows) -> Network:
    network = rows.networks.get(request.network_id)
    if network is None or not access.sees_network(context, network):
        raise CallerError(no_network(request.network_id))
    if not network.external:
        raise _refused(f"Network {network.id} is not a valid external network")
    if request.address:
        access.check_admin(context, "floating_ip_address", "choose a floating IP's address")
    return network


def _port(
    request: CreateFloatingIp,
    network: Network,
    floating_id: str,
    reservation: Reservation,
    now: float,
    random: random.Random,
) -> Port:
    rows = reservation.rows
    subnets = rows.subnets_of.get(network.id, {})
    fours = [subnet.id for subnet in subnets.values() if version_of(subnet.cidr) == 4]
    if not fours:
        raise _refused(f"Network {network.id} does not contain any IPv4 subnet")
    if request.subnet_id and request.subnet_id not in fours:
        raise _refused(f"Subnet {request.subnet_id} is none of IPv4 of network {network.id}")
    if request.address:
        if version_of(request.address) != 4:
            raise _refused(f"{request.address!r} is not an IPv4 address")
        address = reservation.fixed(network.id, request.address, "floating_ip_address", request.subnet_id)
    else:
        wanted = [request.subnet_id] if request.subnet_id else fours
        address = reservation.next_free(network.id, "floating_network_id", wanted)
    port_id = new_port_id(rows, random)
    return Port(
        id=port_id,
        network_id=network.id,
        project_id="",  # the floating IP's owner does not see it
        mac_address=reservation.mac(port_id, random),
        fixed_ips=(address,),
        device_id=floating_id,
        device_owner=FLOATING_OWNER,
        port_security_enabled=False,
        created_at=now,
    )


# ---------------------------------------------------------------- where it leads


def _leading(floating: FloatingIp, port_id: str, fixed_ip: str, context: AuthContext, rows: Rows) -> FloatingIp:
    port = rows.ports.get(port_id)
    if port is None or not access.owns(context, port):
        raise CallerError(not_found("port_id", f"Port {port_id} could not be found.", "PortNotFound"))
    if port.project_id != floating.project_id and not context.is_admin:
        raise _refused(
            f"Port {port.id} is associated with a different tenant than Floating IP {floating.id} "
            "and therefore cannot be bound."
        )
    address = _fixed(port, normal(fixed_ip))
    router_id = _router_between(rows, port, address, floating)
    for other in leading_to(rows, port.id):
        same = (other.fixed_ip, other.network_id) == (address.ip_address, floating.network_id)
        if same and other.id != floating.id:
            text = (
                f"Cannot associate floating IP {floating.address} ({floating.id}) with port {port.id} using fixed IP "
                f"{address.ip_address}, as that fixed IP already has a floating IP on external network "
                f"{floating.network_id}."
            )
            raise CallerError(conflict("port_id", text, "FloatingIPPortAlreadyAssociated"))
    return replace(floating, port_id=port.id, fixed_ip=address.ip_address, router_id=router_id)


def _fixed(port: Port, wanted: str) -> FixedIp:
    """The port's address that is meant: the named one, or its only one."""
    fours = [ip for ip in port.fixed_ips if version_of(ip.ip_address) == 4]
    if wanted:
        for ip in fours:
            if ip.ip_address == wanted:
                return ip
        raise _refused(f"Port {port.id} does not have fixed ip {wanted}")
    if not fours:
        raise _refused(f"Cannot add floating IP to port {port.id} that has no fixed IPv4 addresses")
    if len(fours) > 1:
        raise _refused(
            f"Port {port.id} has multiple fixed IPv4 addresses.  Must provide a specific IPv4 address when assigning a "
            "floating IP"
        )
    return fours[0]


def _router_between(rows: Rows, port: Port, address: FixedIp, floating: FloatingIp) -> str:
    """The router from the address's subnet to the external network: that at the subnet's gateway address, or else one
    of the floating IP's project. Another's is none, since its owner could not take it away any more."""
    network_id = floating.network_id
    gateway_ip = rows.subnets[address.subnet_id].gateway_ip
    found: dict[str, bool] = {}
    for router_id in sorted(routers_in(rows, port.network_id)):
        if rows.routers[router_id].external_network_id == network_id:
            for end in interfaces(rows, router_id):
                for ip in end.fixed_ips:
                    first = ip.ip_address == gateway_ip
                    own = rows.routers[router_id].project_id == floating.project_id
                    if ip.subnet_id == address.subnet_id and (first or own):
                        found[router_id] = first
    if not found:
        text = (
            f"External network {network_id} is not reachable from subnet {address.subnet_id}.  "
            f"Therefore, cannot associate Port {port.id} with a Floating IP."
        )
        raise CallerError(not_found("port_id", text, "ExternalGatewayForFloatingIPNotFound"))
    return max(found, key=lambda router_id: found[router_id])


def _refused(text: str) -> CallerError:
    return CallerError(bad_request("", f"Bad floatingip request: {text}.", "BadRequest"))

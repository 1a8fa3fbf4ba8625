"""Routers as users ask for them and change them, checked and completed as Neutron does. Pure.

Called by `router_administration.py`; `define_interface.py` has a router's ends in subnets. Every refusal is a
`CallerError` that names the request's field.
"""

from __future__ import annotations

import random
from collections.abc import Set
from ipaddress import IPv4Network, ip_address, ip_network

from msgspec.structs import replace

from actors.errors import CallerError, bad_request, conflict, not_found
from actors.ids import random_id
from actors.messages import AuthContext
from actors.network import access
from actors.network.define import check_description, check_name, check_zone_hints, no_network
from actors.network.define_interface import check_free_of_overlaps, subnets_of
from actors.network.define_port import fixed_ips, new_port_id
from actors.network.ipam import parsed, parsed_cidr, usable, version_of
from actors.network.messages import Reference
from actors.network.naming import GATEWAY_OWNER
from actors.network.plan import Reservation
from actors.network.router_messages import CreateRouter, ExternalGateway, UpdateRouter
from actors.network.router_views import gateway, interfaces, router_ports
from actors.network.rows import Rows
from actors.records import Change, Network, Port, Router, drop

ROUTES_LIMIT = 30  # of one router, as Neutron's max_routes
Routes = tuple[tuple[str, str], ...]


def find(rows: Rows, reference: Reference, context: AuthContext) -> Router:
    found = rows.routers.get(reference.id)
    if found is None or not access.owns(context, found):
        raise CallerError(not_found("id", f"Router {reference.id} could not be found", "RouterNotFound"))
    return found


def router_from(
    request: CreateRouter, context: AuthContext, rows: Rows, now: float, random: random.Random
) -> list[Change]:
    """The router, and before it its gateway's port."""
    router = Router(
        id=random_id(random),
        name=check_name(request.name),
        project_id=access.check_project(context, request.project_id),
        admin_state_up=request.admin_state_up,
        description=check_description(request.description),
        zone_hints=check_zone_hints(request.zone_hints),
    )
    if request.gateway is None:
        return [router]
    router, changes = _with_gateway(request.gateway, context, router, rows, now, random)
    return [*changes, router]


def router_changed(
    request: UpdateRouter, context: AuthContext, router: Router, rows: Rows, now: float, random: random.Random
) -> list[Change]:
    """The router as it is then, and before it what changes of its gateway's port."""
    given = {
        "name": None if request.name is None else check_name(request.name),
        "description": None if request.description is None else check_description(request.description),
        "admin_state_up": request.admin_state_up,
    }
    routes = _routes_then(request, router)
    _check_routes(routes, rows, router)
    changed = replace(router, routes=routes, **{field: value for field, value in given.items() if value is not None})
    changes: list[Change] = []
    if request.gateway is not None:
        changed, changes = _with_gateway(request.gateway, context, changed, rows, now, random)
    return [*changes, changed]


def without_router(rows: Rows, found: Router, context: AuthContext) -> list[Change]:
    """With its gateway; refused while it has interfaces."""
    if interfaces(rows, found.id):
        raise CallerError(conflict("id", f"Router {found.id} still has ports", "RouterInUse"))
    return [*map(drop, router_ports(rows, found.id)), drop(found)]


# ---------------------------------------------------------------- the gateway


def _with_gateway(
    asked: ExternalGateway, context: AuthContext, router: Router, rows: Rows, now: float, random: random.Random
) -> tuple[Router, list[Change]]:
    has = gateway(rows, router.id)
    if has is not None and asked.network_id != has.network_id:
        _check_routes_stay(rows, router, has)
        _check_gateway_free(rows, router)
    if not asked.network_id:
        return replace(router, external_network_id="", enable_snat=True), [drop(has)] if has else []
    network = _external(asked, context, rows)
    kept = has if has is not None and has.network_id == network.id else None
    snat = asked.enable_snat
    if snat is None:
        snat = router.enable_snat if kept else True
    changed = replace(router, external_network_id=network.id, enable_snat=snat)
    if kept is not None and not asked.fixed_ips:
        return changed, []
    port = _gateway_port(asked, network, router, rows, kept, now, random)
    return changed, [*([drop(has)] if has is not None and kept is None else []), port]


def _external(asked: ExternalGateway, context: AuthContext, rows: Rows) -> Network:
    network = rows.networks.get(asked.network_id)
    where = "external_gateway_info"
    if network is None or not access.sees_network(context, network):
        raise CallerError(no_network(asked.network_id))
    if not network.external:
        raise CallerError(bad_request(where, f"Network {network.id} is not an external network", "BadRequest"))
    if asked.enable_snat is not None:
        access.check_admin(context, f"{where}.enable_snat", "choose whether a router hides who sends")
    if asked.fixed_ips:
        access.check_admin(context, f"{where}.external_fixed_ips", "choose the addresses of a gateway")
    return network


def _gateway_port(
    asked: ExternalGateway,
    network: Network,
    router: Router,
    rows: Rows,
    kept: Port | None,
    now: float,
    random: random.Random,
) -> Port:
    """A new one, or the one that is there with other addresses."""
    reservation = Reservation(rows)
    port_id = kept.id if kept else new_port_id(rows, random)
    try:
        mac = kept.mac_address if kept else reservation.mac(port_id, random)
        held = {ip.ip_address: ip for ip in kept.fixed_ips} if kept else {}
        wishes = asked.fixed_ips or None
        same = {index: held[want.ip_address] for index, want in enumerate(wishes or ()) if want.ip_address in held}
        addresses = fixed_ips(wishes, network, reservation, mac, same)
        if not any(version_of(ip.ip_address) == 4 for ip in addresses):
            text = f"Network {network.id} gives a gateway no IPv4 address; routers forward IPv4 alone"
            raise CallerError(bad_request("external_gateway_info", text, "BadRequest"))
        subnet_ids = {ip.subnet_id for ip in addresses}
        check_free_of_overlaps(rows, router.id, subnet_ids, besides=GATEWAY_OWNER)
        if kept:
            _check_routes_stay(rows, router, kept, subnet_ids)
    except CallerError:
        reservation.cancel()
        raise
    if kept:
        return replace(kept, fixed_ips=addresses)
    return Port(
        id=port_id,
        network_id=network.id,
        project_id="",  # the router's owner does not see it
        mac_address=mac,
        fixed_ips=addresses,
        device_id=router.id,
        device_owner=GATEWAY_OWNER,
        port_security_enabled=False,
        created_at=now,
    )


def _check_gateway_free(rows: Rows, router: Router) -> None:
    if rows.routing.floating_of_router.get(router.id):
        text = (
            f"Gateway cannot be updated for router {router.id}, since a gateway to external network "
            f"{router.external_network_id} is required by one or more floating IPs."
        )
        raise CallerError(conflict("external_gateway_info", text, "RouterExternalGatewayInUseByFloatingIp"))


# ---------------------------------------------------------------- routes


def _routes_then(request: UpdateRouter, router: Router) -> Routes:
    if request.routes is not None:
        return _parsed(request.routes)
    if not request.add_routes and not request.remove_routes:
        return router.routes
    gone, more = _parsed(request.remove_routes), _parsed(request.add_routes)
    return tuple(dict.fromkeys(route for route in (*router.routes, *more) if route not in gone))


def _parsed(routes: Routes) -> Routes:
    found = []
    for destination, hop in routes:
        try:
            target, address = parsed_cidr(destination), parsed(hop)
        except ValueError:
            text = f"Invalid input for routes. Reason: {destination!r} via {hop!r} is not a route."
            raise CallerError(bad_request("routes", text, "HTTPBadRequest")) from None
        if target.version != 4 or address.version != 4:
            raise _invalid(routes, "routers forward IPv4 alone")
        found.append((str(target), str(address)))
    if len(set(found)) < len(found):
        raise CallerError(bad_request("routes", "Invalid input for routes. Reason: Duplicate items.", "HTTPBadRequest"))
    return tuple(found)


def _check_routes(routes: Routes, rows: Rows, router: Router) -> None:
    """Every next hop is a neighbour. Those that were there are, so only changes are looked at."""
    if len(routes) > ROUTES_LIMIT:
        text = f"Unable to complete operation for {router.id}. The number of routes exceeds the maximum {ROUTES_LIMIT}."
        raise CallerError(bad_request("routes", text, "RoutesExhausted"))
    if set(routes) <= set(router.routes):
        return
    ports = router_ports(rows, router.id)
    own = {ip.ip_address for port in ports for ip in port.fixed_ips}
    cidrs = [ip_network(subnet.cidr) for port in ports for subnet in subnets_of(rows, port)]
    if len({destination for destination, _ in routes}) < len(routes):
        raise _invalid(routes, "a destination has more than one nexthop")
    for _, hop in routes:
        there = [cidr for cidr in cidrs if ip_address(hop) in cidr]
        if not there:
            raise _invalid(routes, "the nexthop is not connected with router")
        if hop in own:
            raise _invalid(routes, "the nexthop is used by router")
        if any(usable(str(cidr), "", hop) for cidr in there):
            raise _invalid(routes, "the nexthop is no host's address")


def _check_routes_stay(rows: Rows, router: Router, has: Port, stay: Set[str] = frozenset()) -> None:
    """A gateway that leads to a route's next hop stays in its subnet; only those that `stay` are left to it."""
    for subnet in subnets_of(rows, has):
        cidr = ip_network(subnet.cidr)
        if subnet.id in stay or not isinstance(cidr, IPv4Network):
            continue
        if any(ip_address(hop) in cidr for _, hop in router.routes):
            text = f"The gateway of router {router.id} cannot be taken away, as one or more routes lead through it."
            raise CallerError(conflict("external_gateway_info", text, "RouterInterfaceInUseByRoute"))


def _invalid(routes: Routes, why: str) -> CallerError:
    shown = [{"destination": destination, "nexthop": hop} for destination, hop in routes]
    return CallerError(bad_request("routes", f"Invalid format for routes: {shown}, {why}", "InvalidRoutes"))

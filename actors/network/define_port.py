"""Ports as users ask for them, and as they change them, checked and completed as Neutron does. Pure.

Called by `administration.py` and `editing.py`. Every refusal is a `CallerError` that names the request's field.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Set

from msgspec.structs import replace

from actors.cluster.names import node_of
from actors.errors import CallerError, CallerFault, bad_request, conflict
from actors.ids import random_id
from actors.messages import AuthContext
from actors.network import access, groups
from actors.network.define import check_description, check_host_name, check_name, check_prefix, no_network
from actors.network.ipam import normal
from actors.network.mac import normal_mac
from actors.network.messages import CreatePort, FixedIpRequest, UpdatePort
from actors.network.naming import COMPUTE_OWNER, INTERFACE_OWNER, NETWORK_OWNER, default_group_id, tap_device
from actors.network.plan import Reservation, is_by_mac
from actors.network.rows import Rows
from actors.records import AddressPair, Change, FixedIp, Network, Port

SECURED = "PortSecurityAndIPRequiredForSecurityGroups"
FIXED_IPS_LIMIT = 5  # of one port, as Neutron's max_fixed_ips_per_port
PAIRS_LIMIT = 10  # of one port, as Neutron's max_allowed_address_pair
VNIC_TYPES = frozenset({"normal", "direct", "macvtap", "direct-physical", "vdpa"})


def port_from(
    request: CreatePort,
    context: AuthContext,
    rows: Rows,
    now: float,
    random: random.Random,
    allowed: Callable[[str], None],
) -> list[Change]:
    """The port, and before it what it needs: its project's default group.

    `allowed` raises where the project may have no more; it is asked before any address is taken."""
    network = rows.networks.get(request.network_id)
    if network is None or not access.sees_network(context, network):
        raise CallerError(no_network(request.network_id))
    if not access.uses_network(context, network):
        text = f"only its owner may have ports in the external network {network.id}"
        raise CallerError(CallerFault(403, text, "network_id"))
    check_name(request.name)
    check_description(request.description)
    check_host_name(request.dns_name, "dns_name")
    project_id = access.check_project(context, request.project_id)
    secured = network.port_security_enabled if request.port_security_enabled is None else request.port_security_enabled
    check_rights(request, context, network, secured == network.port_security_enabled)
    if not access.owns(context, network):
        _check_choices(request)
    check_device_owner(request.device_owner, context)
    _check_host(request.host, "", context, rows)
    group_ids = _groups(request, rows, project_id, secured)
    pairs = address_pairs(request.allowed_address_pairs)
    port_id = new_port_id(rows, random)
    mac = own_mac(request.mac_address, rows)
    allowed(project_id)
    reservation = Reservation(rows)
    try:
        mac = mac or reservation.mac(port_id, random)
        addresses = fixed_ips(request.fixed_ips, network, reservation, mac, gateway_too=True)
    except CallerError:
        reservation.cancel()
        raise
    port = Port(
        id=port_id,
        network_id=network.id,
        project_id=project_id,
        mac_address=mac,
        fixed_ips=addresses,
        name=request.name,
        admin_state_up=request.admin_state_up,
        security_groups=group_ids,
        port_security_enabled=secured,
        allowed_address_pairs=pairs,
        vnic_type=request.vnic_type,
        profile=request.profile,
        dns_name=request.dns_name,
        description=request.description,
        device_id=request.device_id,
        device_owner=request.device_owner,
        host=request.host,
        created_at=now,
    )
    needed = groups.default_group(rows, project_id) if default_group_id(project_id) in group_ids else []
    return [*needed, port]


def new_port_id(rows: Rows, random: random.Random) -> str:
    """One whose tap is called like no other's."""
    port_id = random_id(random)
    while tap_device(port_id) in rows.taps:
        port_id = random_id(random)
    return port_id


def check_device_owner(owner: str, context: AuthContext) -> None:
    """Owners that mean something here are given by whom they name: a boot, the DHCP agent."""
    if owner.startswith((COMPUTE_OWNER, NETWORK_OWNER)):
        text = f"{owner!r} is given to a port by booting, or by the network"
        raise CallerError(CallerFault(403, text, "device_owner"))


def _check_host(asked: str, has: str, context: AuthContext, rows: Rows) -> None:
    """A port that no server has may be bound, by an administrator, to a host of a node that is here."""
    if asked == has:
        return
    access.check_admin(context, "host", "choose the host of a port")
    if asked and node_of(asked) not in rows.agents:
        raise CallerError(bad_request("host", f"Host {asked} could not be found.", "HostNotFound"))


def check_rights(request: CreatePort | UpdatePort, context: AuthContext, network: Network, as_given: bool) -> None:
    """`as_given`: port security is what the network gives, or the port has."""
    if not access.owns(context, network):
        if not as_given:
            text = "only the network's owner may choose port security"
            raise CallerError(CallerFault(403, text, "port_security_enabled"))
        if request.allowed_address_pairs:
            text = "only the network's owner may allow address pairs"
            raise CallerError(CallerFault(403, text, "allowed_address_pairs"))
    if request.profile:
        access.check_admin(context, "profile", "set a port's binding profile")
    if request.vnic_type is not None and request.vnic_type not in VNIC_TYPES:
        raise CallerError(bad_request("vnic_type", f"{request.vnic_type!r} is none of {', '.join(sorted(VNIC_TYPES))}"))


def _check_choices(request: CreatePort | UpdatePort, mac: str = "", addresses: Set[str] = frozenset()) -> None:
    """Who doesn't own the network takes what it gives, but may name again what the port has."""
    if any(normal(want.ip_address) not in ("", *addresses) for want in request.fixed_ips or ()):
        raise CallerError(CallerFault(403, "only the network's owner may choose an address", "fixed_ips"))
    if request.mac_address and normal_mac(request.mac_address) != mac:
        raise CallerError(CallerFault(403, "only the network's owner may choose a MAC address", "mac_address"))


def _groups(request: CreatePort, rows: Rows, project_id: str, secured: bool) -> tuple[str, ...]:
    if not secured:
        if request.security_groups or request.allowed_address_pairs:
            text = "a port without port security has no security groups and no allowed address pairs"
            raise CallerError(conflict("port_security_enabled", text, SECURED))
        return ()
    if request.security_groups is None:
        return (default_group_id(project_id),)
    return _resolved(rows, project_id, request.security_groups)


def _resolved(rows: Rows, project_id: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """As for a boot, but what is not there is a 404 here, as in Neutron."""
    try:
        return groups.resolve(rows, project_id, names, "security_groups")
    except CallerError as error:
        raise CallerError(replace(error.fault, status=404 if error.fault.status == 400 else 409)) from None


def own_mac(asked: str, rows: Rows, has: str = "") -> str:
    """In its normal form; refused where another port than that which `has` it does."""
    if not asked:
        return ""
    mac = normal_mac(asked)
    if mac is None:
        raise CallerError(bad_request("mac_address", f"{asked!r} is not the MAC address of one interface"))
    if mac != has and mac in rows.macs:
        raise CallerError(conflict("mac_address", f"MAC address {mac} is in use already", "MacAddressInUse"))
    return mac


def fixed_ips(
    asked: tuple[FixedIpRequest, ...] | None,
    network: Network,
    reservation: Reservation,
    mac: str,
    kept: dict[int, FixedIp] | None = None,
    has: Iterable[FixedIp] = (),
    gateway_too: bool = False,
) -> tuple[FixedIp, ...]:
    """An address for each wish; those of `kept`, by the wish's index, the port has already.

    And one in each subnet where a guest with this MAC makes its address itself, whatever else is wished; of these it
    `has` some.
    """
    subnets = reservation.rows.subnets_of.get(network.id, {})
    if not subnets:
        asked = asked or ()
    if asked is None:
        ips = reservation.one_of_each(network.id, "fixed_ips")
        return (*ips, *reservation.by_mac(network.id, mac, ips, "fixed_ips"))
    if len(asked) > FIXED_IPS_LIMIT:
        raise CallerError(bad_request("fixed_ips", f"a port has at most {FIXED_IPS_LIMIT} fixed addresses"))
    found = []
    for index, want in enumerate(asked):
        where = f"fixed_ips[{index}]"
        if kept and index in kept:
            found.append(kept[index])
            continue
        if want.subnet_id and want.subnet_id not in subnets:
            text = f"subnet {want.subnet_id} is not one of network {network.id}"
            raise CallerError(bad_request(f"{where}.subnet_id", text))
        if want.ip_address:
            place = f"{where}.ip_address"
            found.append(reservation.fixed(network.id, want.ip_address, place, want.subnet_id, mac, gateway_too))
        elif want.subnet_id and is_by_mac(subnets[want.subnet_id]):
            found += reservation.by_mac(network.id, mac, found, where, want.subnet_id)
        else:
            ids = (want.subnet_id,) if want.subnet_id else [i for i, one in subnets.items() if not is_by_mac(one)]
            found.append(reservation.next_free(network.id, where, ids))
    if subnets and asked:
        found += [ip for ip in has if is_by_mac(subnets[ip.subnet_id])]
        found += reservation.by_mac(network.id, mac, found, "fixed_ips")
    return tuple(found)


def address_pairs(asked: tuple[AddressPair, ...]) -> tuple[AddressPair, ...]:
    if len(asked) > PAIRS_LIMIT:
        text = f"a port has at most {PAIRS_LIMIT} allowed address pairs"
        raise CallerError(bad_request("allowed_address_pairs", text))
    pairs = []
    for index, pair in enumerate(asked):
        where = f"allowed_address_pairs[{index}]"
        check_prefix(pair.ip_address, f"{where}.ip_address")
        mac = normal_mac(pair.mac_address) if pair.mac_address else ""
        if mac is None:
            raise CallerError(bad_request(f"{where}.mac_address", f"{pair.mac_address!r} is not a MAC address"))
        if (wanted := AddressPair(pair.ip_address, mac)) in pairs:
            text = f"Request contains duplicate address pair: mac_address {mac or None} ip_address {pair.ip_address}."
            raise CallerError(bad_request(where, text, "DuplicateAddressPairInRequest"))
        pairs.append(wanted)
    return tuple(pairs)


# ---------------------------------------------------------------- changes


def port_changed(
    request: UpdatePort, context: AuthContext, port: Port, rows: Rows, random: random.Random
) -> list[Change]:
    """The port as it is then, and before it what it needs. What a live port has changes where it runs."""
    network = rows.networks[port.network_id]
    _check_change(request, context, port)
    _check_host(port.host if request.host is None else request.host, port.host, context, rows)
    secured = port.port_security_enabled if request.port_security_enabled is None else request.port_security_enabled
    check_rights(request, context, network, secured == port.port_security_enabled)
    if not access.owns(context, network):
        _check_choices(request, port.mac_address, {ip.ip_address for ip in port.fixed_ips})
    if request.mac_address and normal_mac(request.mac_address) not in (None, port.mac_address):
        access.check_manager(context, "mac_address", "change the MAC address of a port")
    group_ids = _groups_then(request, rows, port, secured)
    pairs = port.allowed_address_pairs if request.allowed_address_pairs is None else request.allowed_address_pairs
    mac = own_mac(request.mac_address or "", rows, port.mac_address)
    given = {
        "name": request.name,
        "description": request.description,
        "admin_state_up": request.admin_state_up,
        "dns_name": request.dns_name,
        "device_id": request.device_id,
        "device_owner": request.device_owner,
        "vnic_type": request.vnic_type,
        "profile": request.profile,
        "mac_address": mac or None,
        "host": request.host,
        "status": "DOWN" if request.host not in (None, port.host) else None,
    }
    changed = replace(
        port,
        security_groups=group_ids,
        port_security_enabled=secured,
        allowed_address_pairs=address_pairs(pairs),
        fixed_ips=_fixed_ips_then(request.fixed_ips, port, network, Reservation(rows), mac or port.mac_address),
        **{field: value for field, value in given.items() if value is not None},
    )
    needed = groups.default_group(rows, port.project_id) if default_group_id(port.project_id) in group_ids else []
    return [*needed, changed]


def _check_change(request: UpdatePort, context: AuthContext, port: Port) -> None:
    check_name(request.name or "")
    check_description(request.description or "")
    check_host_name(request.dns_name or "", "dns_name")
    if request.device_owner is not None and request.device_owner != port.device_owner:
        check_device_owner(request.device_owner, context)
    if not port.host and not port.device_owner.startswith(NETWORK_OWNER):
        owner = port.device_owner if request.device_owner is None else request.device_owner
        if request.device_id not in (None, "", port.device_id) and owner.startswith(COMPUTE_OWNER):
            text = "a port is given to an instance by booting"  # whose metadata who has its addresses is told
            raise CallerError(CallerFault(403, text, "device_id"))
        return
    fixed = {"mac_address": port.mac_address, "vnic_type": port.vnic_type}
    if port.device_owner.startswith((COMPUTE_OWNER, NETWORK_OWNER)):
        fixed |= {"device_id": port.device_id, "device_owner": port.device_owner, "dns_name": port.dns_name}
        fixed |= {"host": port.host}
    for field, has in fixed.items():
        wanted = getattr(request, field)
        if wanted is not None and wanted != has:
            text = f"Unable to complete operation on port {port.id}, port is already bound; its {field} stays."
            raise CallerError(conflict(field, text, "PortBound"))


def _groups_then(request: UpdatePort, rows: Rows, port: Port, secured: bool) -> tuple[str, ...]:
    names = port.security_groups if request.security_groups is None else request.security_groups
    pairs = port.allowed_address_pairs if request.allowed_address_pairs is None else request.allowed_address_pairs
    if not secured and (names or pairs):
        text = "a port without port security has no security groups and no allowed address pairs"
        raise CallerError(conflict("port_security_enabled", text, SECURED))
    if request.security_groups is None:
        return port.security_groups
    return _resolved(rows, port.project_id, names)


def _fixed_ips_then(
    asked: tuple[FixedIpRequest, ...] | None, port: Port, network: Network, reservation: Reservation, mac: str
) -> tuple[FixedIp, ...]:
    """What is named again stays; a subnet without an address keeps the one that the port has there.

    With another MAC, so do the addresses change that a guest makes of it.
    """
    held = list(port.fixed_ips)
    if mac != port.mac_address:
        held = [ip for ip in held if not is_by_mac(reservation.rows.subnets[ip.subnet_id])]
    kept: dict[int, FixedIp] = {}
    try:
        if asked is None:
            lost = len(held) < len(port.fixed_ips)
            return (*held, *(reservation.by_mac(network.id, mac, held, "mac_address") if lost else ()))
        for index, want in sorted(enumerate(asked), key=lambda each: not each[1].ip_address):
            address = normal(want.ip_address)
            same = [ip for ip in held if address in ("", ip.ip_address) and want.subnet_id in ("", ip.subnet_id)]
            if same and (want.ip_address or want.subnet_id):
                kept[index] = same[0]
                held.remove(same[0])
        return fixed_ips(asked, network, reservation, mac, kept, held, port.device_owner == INTERFACE_OWNER)
    except CallerError:
        reservation.cancel()
        raise

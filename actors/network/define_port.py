"""Ports, security groups and rules as users ask for them, checked and completed as Neutron does. Pure.

Called by `administration.py`. Every refusal is a `CallerError` that names the request's field.
"""

from __future__ import annotations

import random
from ipaddress import ip_network

from actors.errors import CallerError, CallerFault, bad_request, conflict
from actors.messages import AuthContext
from actors.network import access, groups
from actors.network.define import check_host_name, check_name
from actors.network.mac import normal_mac
from actors.network.messages import CreatePort, CreateSecurityGroup, CreateSecurityGroupRule, FixedIpRequest
from actors.network.naming import DEFAULT_GROUP, default_group_id, random_id, tap_device
from actors.network.plan import Reservation
from actors.network.rows import Rows
from actors.records import AddressPair, Change, FixedIp, Network, Port, SecurityGroup, SecurityGroupRule

FIXED_IPS_LIMIT = 5  # of one port, as Neutron's max_fixed_ips_per_port
PAIRS_LIMIT = 10  # of one port, as Neutron's max_allowed_address_pair
RULES_LIMIT = 100  # of one security group
PROTOCOLS = frozenset({
    "ah", "dccp", "egp", "esp", "gre", "icmp", "icmpv6", "igmp", "ipip", "ipv6-icmp", "ospf", "pgm", "rsvp", "sctp",
    "tcp", "udp", "udplite", "vrrp",
})  # fmt: skip
PROTOCOLS_WITH_PORTS = frozenset({"tcp", "udp", "sctp", "dccp", "udplite", "6", "17", "132", "33", "136"})
ICMP = frozenset({"icmp", "icmpv6", "ipv6-icmp", "1", "58"})
VNIC_TYPES = frozenset({"normal", "direct", "macvtap", "direct-physical", "vdpa"})


# ---------------------------------------------------------------- ports


def port_from(request: CreatePort, context: AuthContext, rows: Rows, now: float, random: random.Random) -> list[Change]:
    """The port, and before it what it needs: its project's default group."""
    network = rows.networks.get(request.network_id)
    if network is None or not access.sees_network(context, network):
        raise CallerError(CallerFault(404, f"Network {request.network_id!r} could not be found.", "network_id"))
    check_name(request.name)
    check_host_name(request.dns_name, "dns_name")
    project_id = access.check_project(context, request.project_id)
    secured = network.port_security_enabled if request.port_security_enabled is None else request.port_security_enabled
    _check_rights(request, context, network, secured)
    group_ids = _groups(request, rows, project_id, secured)
    pairs = _pairs(request.allowed_address_pairs)
    port_id = random_id(random)
    while tap_device(port_id) in rows.taps:
        port_id = random_id(random)
    mac = _own_mac(request.mac_address, rows)
    reservation = Reservation(rows)
    try:
        fixed_ips = _fixed_ips(request.fixed_ips, network, reservation)
    except CallerError:
        reservation.cancel()
        raise
    port = Port(
        id=port_id,
        network_id=network.id,
        project_id=project_id,
        mac_address=mac or reservation.mac(port_id, random),
        fixed_ips=fixed_ips,
        name=request.name,
        admin_state_up=request.admin_state_up,
        security_groups=group_ids,
        port_security_enabled=secured,
        allowed_address_pairs=pairs,
        vnic_type=request.vnic_type,
        profile=request.profile,
        dns_name=request.dns_name,
        created_at=now,
    )
    needed = groups.default_group(rows, project_id) if default_group_id(project_id) in group_ids else []
    return [*needed, port]


def _check_rights(request: CreatePort, context: AuthContext, network: Network, secured: bool) -> None:
    if not access.owns(context, network):
        if secured != network.port_security_enabled:
            text = "only the network's owner may choose port security"
            raise CallerError(CallerFault(403, text, "port_security_enabled"))
        if request.allowed_address_pairs:
            text = "only the network's owner may allow address pairs"
            raise CallerError(CallerFault(403, text, "allowed_address_pairs"))
    if request.profile:
        access.check_admin(context, "profile", "set a port's binding profile")
    if request.vnic_type not in VNIC_TYPES:
        raise CallerError(bad_request("vnic_type", f"{request.vnic_type!r} is none of {', '.join(sorted(VNIC_TYPES))}"))


def _groups(request: CreatePort, rows: Rows, project_id: str, secured: bool) -> tuple[str, ...]:
    if not secured:
        if request.security_groups or request.allowed_address_pairs:
            text = "a port without port security has no security groups and no allowed address pairs"
            raise CallerError(conflict("port_security_enabled", text))
        return ()
    if request.security_groups is None:
        return (default_group_id(project_id),)
    return groups.resolve(rows, project_id, request.security_groups, "security_groups")


def _own_mac(asked: str, rows: Rows) -> str:
    if not asked:
        return ""
    mac = normal_mac(asked)
    if mac is None:
        raise CallerError(bad_request("mac_address", f"{asked!r} is not the MAC address of one interface"))
    if mac in rows.macs:
        raise CallerError(conflict("mac_address", f"MAC address {mac} is in use already"))
    return mac


def _fixed_ips(asked: tuple[FixedIpRequest, ...], network: Network, reservation: Reservation) -> tuple[FixedIp, ...]:
    if len(asked) > FIXED_IPS_LIMIT:
        raise CallerError(bad_request("fixed_ips", f"a port has at most {FIXED_IPS_LIMIT} fixed addresses"))
    if not asked:
        has_subnet = bool(reservation.rows.subnets_of.get(network.id))
        return (reservation.next_free(network.id, "fixed_ips"),) if has_subnet else ()
    found = []
    for index, want in enumerate(asked):
        where = f"fixed_ips[{index}]"
        if want.subnet_id and want.subnet_id not in reservation.rows.subnets_of.get(network.id, {}):
            text = f"subnet {want.subnet_id} is not one of network {network.id}"
            raise CallerError(bad_request(f"{where}.subnet_id", text))
        if want.ip_address:
            ip = reservation.fixed(network.id, want.ip_address, f"{where}.ip_address", want.subnet_id)
        else:
            ip = reservation.next_free(network.id, where, want.subnet_id)
        found.append(ip)
    return tuple(found)


def _pairs(asked: tuple[AddressPair, ...]) -> tuple[AddressPair, ...]:
    if len(asked) > PAIRS_LIMIT:
        text = f"a port has at most {PAIRS_LIMIT} allowed address pairs"
        raise CallerError(bad_request("allowed_address_pairs", text))
    pairs = []
    for index, pair in enumerate(asked):
        where = f"allowed_address_pairs[{index}]"
        _check_prefix(pair.ip_address, f"{where}.ip_address")
        mac = normal_mac(pair.mac_address) if pair.mac_address else ""
        if mac is None:
            raise CallerError(bad_request(f"{where}.mac_address", f"{pair.mac_address!r} is not a MAC address"))
        pairs.append(AddressPair(pair.ip_address, mac))
    return tuple(pairs)


def _check_prefix(text: str, where: str, ethertype: str = "") -> str:
    try:
        prefix = ip_network(text, strict=False)
    except ValueError:
        raise CallerError(bad_request(where, f"{text!r} is neither an address nor a network")) from None
    if ethertype and ethertype != f"IPv{prefix.version}":
        raise CallerError(bad_request(where, f"{text} is not an {ethertype} network"))
    return str(prefix)


# ---------------------------------------------------------------- security groups


def group_from(request: CreateSecurityGroup, context: AuthContext, random: random.Random) -> list[Change]:
    """The group and the rules that it starts with."""
    if request.name == DEFAULT_GROUP:
        raise CallerError(conflict("name", "every project has its default security group already"))
    group = SecurityGroup(
        id=random_id(random),
        name=check_name(request.name),
        project_id=access.check_project(context, request.project_id),
        description=request.description,
    )
    return [group, *groups.egress_rules(group)]


def rule_from(
    request: CreateSecurityGroupRule, context: AuthContext, rows: Rows, random: random.Random
) -> SecurityGroupRule:
    group = _own_group(request.security_group_id, context, rows, "security_group_id")
    if request.direction not in ("ingress", "egress"):
        raise CallerError(bad_request("direction", f"{request.direction!r} is neither ingress nor egress"))
    if request.ethertype not in ("IPv4", "IPv6"):
        raise CallerError(bad_request("ethertype", f"{request.ethertype!r} is neither IPv4 nor IPv6"))
    if request.remote_ip_prefix and request.remote_group_id:
        raise CallerError(bad_request("remote_group_id", "a rule has a remote prefix or a remote group, not both"))
    if request.remote_group_id:
        _own_group(request.remote_group_id, context, rows, "remote_group_id")
    prefix = request.remote_ip_prefix
    rule = SecurityGroupRule(
        id=random_id(random),
        security_group_id=group.id,
        project_id=group.project_id,
        direction=request.direction,
        ethertype=request.ethertype,
        protocol=_protocol(request),
        port_min=request.port_min,
        port_max=request.port_max,
        remote_ip_prefix=_check_prefix(prefix, "remote_ip_prefix", request.ethertype) if prefix else "",
        remote_group_id=request.remote_group_id,
    )
    _check_new(rule, rows)
    return rule


def _own_group(group_id: str, context: AuthContext, rows: Rows, where: str) -> SecurityGroup:
    group = rows.groups.get(group_id)
    if group is None or not access.owns(context, group):
        raise CallerError(CallerFault(404, f"Security group {group_id!r} could not be found.", where))
    return group


def _protocol(request: CreateSecurityGroupRule) -> str:
    protocol = request.protocol.lower()
    if protocol in ("any", "-1"):
        protocol = ""
    numeric = protocol.isascii() and protocol.isdigit() and int(protocol) <= 255
    if protocol and protocol not in PROTOCOLS and not numeric:
        raise CallerError(bad_request("protocol", f"{request.protocol!r} is neither a protocol's name nor its number"))
    low, high = request.port_min, request.port_max
    if not low and not high:
        return protocol
    if protocol in ICMP:
        if not (0 <= low <= 255 and 0 <= high <= 255):
            raise CallerError(bad_request("port_min", "an ICMP type and code are between 0 and 255"))
        return protocol
    if protocol not in PROTOCOLS_WITH_PORTS:
        raise CallerError(bad_request("port_min", f"protocol {protocol or 'any'!r} has no ports"))
    if not 1 <= low <= high <= 65_535:
        raise CallerError(bad_request("port_min", f"{low}-{high} is not a range of ports"))
    return protocol


def _check_new(rule: SecurityGroupRule, rows: Rows) -> None:
    others = rows.rules_of.get(rule.security_group_id, {})
    if len(others) >= RULES_LIMIT:
        text = f"a security group has at most {RULES_LIMIT} rules"
        raise CallerError(conflict("security_group_id", text))
    for other in others.values():
        if _meaning(other) == _meaning(rule):
            raise CallerError(conflict("security_group_id", f"Security group rule already exists: {other.id}"))


def _meaning(rule: SecurityGroupRule) -> tuple[str | int, ...]:
    ports = rule.port_min, rule.port_max
    return rule.direction, rule.ethertype, rule.protocol, *ports, rule.remote_ip_prefix, rule.remote_group_id

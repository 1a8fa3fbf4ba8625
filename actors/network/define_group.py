"""Security groups and rules as users ask for them, and as they change them, checked as Neutron does. Pure.

Called by `administration.py` and `editing.py`. Every refusal is a `CallerError` that names the request's field.
"""

from __future__ import annotations

import random
from ipaddress import ip_interface

from msgspec.structs import replace

from actors.errors import CallerError, CallerFault, bad_request, conflict
from actors.ids import random_id
from actors.messages import AuthContext
from actors.network import access, groups
from actors.network.define import check_description, check_name, check_prefix
from actors.network.messages import CreateSecurityGroup, CreateSecurityGroupRule, UpdateSecurityGroup
from actors.network.naming import DEFAULT_GROUP
from actors.network.rows import Rows
from actors.records import Change, SecurityGroup, SecurityGroupRule

RULES_LIMIT = 100  # of one security group
PROTOCOLS = frozenset({
    "ah", "dccp", "egp", "esp", "gre", "icmp", "icmpv6", "igmp", "ipip", "ipv6-icmp", "ospf", "pgm", "rsvp", "sctp",
    "tcp", "udp", "udplite", "vrrp",
})  # fmt: skip
PROTOCOLS_WITH_PORTS = frozenset({"tcp", "udp", "sctp", "dccp", "udplite", "6", "17", "132", "33", "136"})
ICMP = frozenset({"icmp", "icmpv6", "ipv6-icmp", "1", "58"})
ICMP6 = frozenset({"icmpv6", "ipv6-icmp", "58"})
PORT_MAX = 65_535
ICMP_MAX = 255  # of types and codes


def group_from(request: CreateSecurityGroup, context: AuthContext, random: random.Random) -> list[Change]:
    """The group and the rules that it starts with."""
    if request.name == DEFAULT_GROUP:
        text = "every project has its default security group already"
        raise CallerError(conflict("name", text, "SecurityGroupDefaultAlreadyExists"))
    group = SecurityGroup(
        id=random_id(random),
        name=check_name(request.name),
        project_id=access.check_project(context, request.project_id),
        description=check_description(request.description),
    )
    return [group, *groups.egress_rules(group)]


def group_changed(request: UpdateSecurityGroup, context: AuthContext, group: SecurityGroup) -> SecurityGroup:
    access.check_owner(context, group, "security group")
    name = group.name if request.name is None else check_name(request.name)
    if name != group.name and DEFAULT_GROUP in (name, group.name):
        text = "the default security group keeps its name, and no other has it"
        raise CallerError(conflict("name", text, "SecurityGroupCannotUpdateDefault"))
    description = group.description if request.description is None else check_description(request.description)
    return replace(group, name=name, description=description)


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
    if request.remote_ip_prefix:
        check_prefix(request.remote_ip_prefix, "remote_ip_prefix", request.ethertype)
    rule = SecurityGroupRule(
        id=random_id(random),
        security_group_id=group.id,
        project_id=group.project_id,
        direction=request.direction,
        ethertype=request.ethertype,
        protocol=_protocol(request),
        port_min=request.port_min,
        port_max=request.port_max,
        remote_ip_prefix=_as_given(request.remote_ip_prefix),
        remote_group_id=request.remote_group_id,
        description=check_description(request.description),
    )
    _check_new(rule, rows)
    return rule


def _as_given(prefix: str) -> str:
    """With its length, and with its host's bits if it has any: what it means is `groups.network_of` it. '' stays."""
    return str(ip_interface(prefix)) if prefix else ""


def _own_group(group_id: str, context: AuthContext, rows: Rows, where: str) -> SecurityGroup:
    group = rows.groups.get(group_id)
    if group is None or not access.owns(context, group):
        text = f"Security group {group_id} does not exist"
        raise CallerError(CallerFault(404, text, where, "SecurityGroupNotFound"))
    return group


def _protocol(request: CreateSecurityGroupRule) -> str:
    protocol = request.protocol.lower()
    if protocol in ("any", "-1"):
        protocol = ""
    numeric = protocol.isascii() and protocol.isdigit() and int(protocol) <= 255
    if protocol and protocol not in PROTOCOLS and not numeric:
        raise CallerError(bad_request("protocol", f"{request.protocol!r} is neither a protocol's name nor its number"))
    if request.ethertype == "IPv4" and protocol in ICMP6:
        text = f"Invalid ethertype IPv4 for protocol {request.protocol}."
        raise CallerError(bad_request("ethertype", text, "SecurityGroupEthertypeConflictWithProtocol"))
    low, high = request.port_min, request.port_max
    if (low, high) == (-1, -1):
        return protocol
    if protocol in ICMP:
        _check_icmp(low, high)
        return protocol
    if protocol not in PROTOCOLS_WITH_PORTS:
        raise CallerError(bad_request("port_min", f"protocol {protocol or 'any'!r} has no ports"))
    for port in (low, high):
        if port == 0 or port > PORT_MAX:
            raise CallerError(
                bad_request("port_min", f"Invalid value for port {port}", "SecurityGroupInvalidPortValue")
            )
    if not 1 <= low <= high:
        text = "For TCP/UDP protocols, port_range_min must be <= port_range_max"
        raise CallerError(bad_request("port_min", text, "SecurityGroupInvalidPortRange"))
    return protocol


def _check_icmp(kind: int, code: int) -> None:
    """A type alone, or with a code; -1 = not given."""
    if kind < 0 <= code:
        text = f"ICMP code (port-range-max) {code} is provided but ICMP type (port-range-min) is missing."
        raise CallerError(bad_request("port_min", text, "SecurityGroupMissingIcmpType"))
    for value, word, attribute in ((kind, "type", "port_range_min"), (code, "code", "port_range_max")):
        if value > ICMP_MAX:
            text = f"Invalid value for ICMP {word} ({attribute}) {value}. It must be 0 to {ICMP_MAX}."
            raise CallerError(bad_request("port_min", text, "SecurityGroupInvalidIcmpValue"))


def _check_new(rule: SecurityGroupRule, rows: Rows) -> None:
    others = rows.rules_of.get(rule.security_group_id, {})
    if len(others) >= RULES_LIMIT:
        text = f"a security group has at most {RULES_LIMIT} rules"
        raise CallerError(conflict("security_group_id", text))
    for other in others.values():
        if _meaning(other) == _meaning(rule):
            text = f"Security group rule already exists. Rule id is {other.id}."
            raise CallerError(conflict("security_group_id", text, "SecurityGroupRuleExists"))


def _meaning(rule: SecurityGroupRule) -> tuple[str | int, ...]:
    ports = rule.port_min, rule.port_max
    return rule.direction, rule.ethertype, rule.protocol, *ports, groups.network_of(rule), rule.remote_group_id

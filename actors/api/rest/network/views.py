"""Rows of the network room as Neutron's bodies. Pure.

What only administrators see is left out for others; nothing is there that this cloud does not have. The names of the
fields, for filters and sorting, are the bodies' own.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from actors.network.groups import network_of
from actors.network.ipam import version_of
from actors.network.messages import AgentView, Allowance
from actors.network.naming import FLOATING_OWNER, ZONE
from actors.network.router_messages import FloatingEnd, RouterInterface
from actors.network.rows import Revised
from actors.records import FloatingIp, Network, Port, Router, SecurityGroup, SecurityGroupRule, Subnet, SubnetPool

Body = dict[str, Any]

AGENTS = UUID("53a7e9d4-90a1-4c68-8f43-1f0f5b7f7b37")  # the namespace of agents' ids
L3_AGENT = "L3 agent"
AGENT_KINDS = {  # what a node's agent is -> its topic
    "DHCP agent": "dhcp_agent",
    L3_AGENT: "l3_agent",
    "Linux bridge agent": "N/A",
}
ROW_TIME = "%Y-%m-%dT%H:%M:%SZ"
AGENT_TIME = "%Y-%m-%d %H:%M:%S"  # as Neutron has it of agents alone; Gophercloud reads nothing else
ICMP = frozenset({"icmp", "icmpv6", "ipv6-icmp", "1", "58"})


def network(row: Network, subnet_ids: Collection[str], admin: bool) -> Body:
    body = {
        "id": row.id,
        "name": row.name,
        **_owned(row.project_id),
        "admin_state_up": row.admin_state_up,
        "status": "ACTIVE",
        "subnets": list(subnet_ids),
        "shared": row.shared,
        "router:external": row.external,
        "mtu": row.mtu,
        "port_security_enabled": row.port_security_enabled,
        "dns_domain": row.dns_domain,
        "availability_zone_hints": list(row.zone_hints),
        "availability_zones": [ZONE] if row.dhcp_host else [],
        **_standard(row),
    }
    if admin:
        body |= {
            "provider:network_type": row.network_type,
            "provider:physical_network": row.physical_network or None,
            "provider:segmentation_id": row.segmentation_id or None,
        }
    return body


def subnet(row: Subnet) -> Body:
    return {
        "id": row.id,
        "name": row.name,
        **_owned(row.project_id),
        "network_id": row.network_id,
        "ip_version": version_of(row.cidr),
        "cidr": row.cidr,
        "gateway_ip": row.gateway_ip or None,
        "enable_dhcp": row.enable_dhcp,
        "allocation_pools": [{"start": first, "end": last} for first, last in row.pools],
        "dns_nameservers": list(row.dns_servers),
        "host_routes": [{"destination": destination, "nexthop": hop} for destination, hop in row.host_routes],
        "subnetpool_id": row.subnetpool_id or None,
        "ipv6_ra_mode": row.ipv6_ra_mode or None,
        "ipv6_address_mode": row.ipv6_address_mode or None,
        **_standard(row),
    }


def subnet_pool(row: SubnetPool) -> Body:
    return {
        "id": row.id,
        "name": row.name,
        **_owned(row.project_id),
        "prefixes": list(row.prefixes),
        "default_prefixlen": row.default_prefixlen,
        "min_prefixlen": row.min_prefixlen,
        "max_prefixlen": row.max_prefixlen,
        "ip_version": version_of("".join(row.prefixes)),
        "shared": row.shared,
        "is_default": row.is_default,
        "default_quota": None if row.default_quota < 0 else row.default_quota,
        "address_scope_id": None,
        **_standard(row),
    }


def port(row: Port, dns_domain: str, admin: bool) -> Body:
    body = {
        "id": row.id,
        "name": row.name,
        **_owned(row.project_id),
        "network_id": row.network_id,
        "mac_address": row.mac_address,
        "fixed_ips": _addresses(row),
        "admin_state_up": row.admin_state_up,
        "status": _port_status(row),
        "device_id": row.device_id,
        "device_owner": row.device_owner,
        "security_groups": list(row.security_groups),
        "port_security_enabled": row.port_security_enabled,
        "allowed_address_pairs": [
            {"ip_address": pair.ip_address, "mac_address": pair.mac_address or row.mac_address}
            for pair in row.allowed_address_pairs
        ],
        "binding:vnic_type": row.vnic_type,
        "dns_name": row.dns_name,
        "dns_assignment": [_dns(row, ip.ip_address, dns_domain) for ip in row.fixed_ips],
        **_standard(row),
    }
    if admin:
        body |= {
            "binding:host_id": row.host,
            "binding:profile": row.profile,
            "binding:vif_type": "bridge" if row.host else "unbound",
            "binding:vif_details": {"port_filter": True} if row.host else {},
        }
    return body


def router(row: Router, gateway: Port | None) -> Body:
    outside = {
        "network_id": row.external_network_id,
        "enable_snat": row.enable_snat,
        "external_fixed_ips": _addresses(gateway) if gateway else [],
    }
    return {
        "id": row.id,
        "name": row.name,
        **_owned(row.project_id),
        "admin_state_up": row.admin_state_up,
        "status": "ACTIVE",
        "external_gateway_info": outside if row.external_network_id else None,
        "routes": [{"destination": destination, "nexthop": hop} for destination, hop in row.routes],
        "availability_zone_hints": list(row.zone_hints),
        "availability_zones": [ZONE] if row.host else [],
        **_standard(row),
    }


def router_interface(done: RouterInterface) -> Body:
    return {
        "id": done.router_id,
        **_owned(done.project_id),
        "network_id": done.network_id,
        "port_id": done.port_id,
        "subnet_id": done.subnet_ids[0],
        "subnet_ids": list(done.subnet_ids),
    }


def floating_ip(row: FloatingIp, end: FloatingEnd | None) -> Body:
    return {
        "id": row.id,
        **_owned(row.project_id),
        "floating_ip_address": row.address,
        "floating_network_id": row.network_id,
        "port_id": row.port_id or None,
        "fixed_ip_address": row.fixed_ip or None,
        "router_id": row.router_id or None,
        "status": "ACTIVE" if end is not None and end.runs else "DOWN",
        "port_details": _port_details(end.port) if end is not None else None,
        "dns_name": "",
        "dns_domain": "",
        **_standard(row),
    }


def _port_details(row: Port) -> Body:
    return {
        "name": row.name,
        "network_id": row.network_id,
        "mac_address": row.mac_address,
        "admin_state_up": row.admin_state_up,
        "status": _port_status(row),
        "device_id": row.device_id,
        "device_owner": row.device_owner,
    }


def _port_status(row: Port) -> str:
    if row.device_owner == FLOATING_OWNER:
        return "N/A"  # no device has it
    return row.status if row.admin_state_up else "DOWN"


def _addresses(row: Port) -> list[Body]:
    return [{"subnet_id": ip.subnet_id, "ip_address": ip.ip_address} for ip in row.fixed_ips]


def security_group(row: SecurityGroup, rules: Collection[SecurityGroupRule]) -> Body:
    return {
        "id": row.id,
        "name": row.name,
        **_owned(row.project_id),
        "security_group_rules": [security_group_rule(rule) for rule in rules],
        "shared": False,
        **_standard(row),
    }


def security_group_rule(row: SecurityGroupRule) -> Body:
    return {
        "id": row.id,
        **_owned(row.project_id),
        "security_group_id": row.security_group_id,
        "direction": row.direction,
        "ethertype": row.ethertype,
        "protocol": row.protocol or None,
        "port_range_min": row.port_min if row.port_min >= 0 else None,
        "port_range_max": row.port_max if row.port_max >= 0 else None,
        "remote_ip_prefix": row.remote_ip_prefix or None,
        "normalized_cidr": network_of(row) or None,
        "remote_group_id": row.remote_group_id or None,
        "description": row.description,
        **_dated(row),
    }


def agents(view: AgentView) -> list[Body]:
    """A node's one agent does the work of three of Neutron's."""
    started = _time(view.started_at, AGENT_TIME)
    serves = {
        "DHCP agent": {"networks": view.networks},
        L3_AGENT: {"routers": view.routers},
        "Linux bridge agent": {"devices": view.ports},
    }
    return [
        {
            "id": str(uuid5(AGENTS, f"{view.host}/{kind}")),
            "agent_type": kind,
            "binary": "novaray-agent",
            "host": view.host,
            "topic": topic,
            "admin_state_up": True,
            "alive": view.alive,
            "availability_zone": None if kind == "Linux bridge agent" else ZONE,
            "configurations": {"tunneling_ip": view.underlay_ip, **serves[kind]},
            "created_at": started,
            "started_at": started,
            "heartbeat_timestamp": started,
            "description": None,
            "resources_synced": None,
        }
        for kind, topic in AGENT_KINDS.items()
    ]


def allowances(quota: dict[str, Allowance]) -> Body:
    return {name: {"limit": each.limit, "used": each.used, "reserved": 0} for name, each in quota.items()}


def limits(quota: dict[str, Allowance]) -> Body:
    return {name: each.limit for name, each in quota.items()}


def _dns(row: Port, address: str, domain: str) -> Body:
    host = row.dns_name or f"host-{address.replace('.', '-')}"
    return {"ip_address": address, "hostname": host, "fqdn": f"{host}.{domain}."}


def _owned(project_id: str) -> Body:
    return {"project_id": project_id, "tenant_id": project_id}


def _standard(row: Network | Subnet | SubnetPool | Port | Router | FloatingIp | SecurityGroup) -> Body:
    return {"description": row.description, "tags": list(row.tags), **_dated(row)}


def _dated(row: Revised) -> Body:
    return {
        "created_at": _time(row.created_at),
        "updated_at": _time(row.updated_at or row.created_at),
        "revision_number": row.revision,
    }


def _time(at: float, shape: str = ROW_TIME) -> str:
    return datetime.fromtimestamp(at, UTC).strftime(shape)


# ---------------------------------------------------------------- the names of the fields

NETWORK = frozenset(network(Network(id="", name="", project_id="", network_type=""), (), True))
SUBNET = frozenset(subnet(Subnet(id="", name="", network_id="", project_id="", cidr="")))
SUBNET_POOL = frozenset(
    subnet_pool(
        SubnetPool(id="", name="", project_id="", prefixes=(), default_prefixlen=0, min_prefixlen=0, max_prefixlen=0)
    )
)
ROUTER = frozenset(router(Router(id="", name="", project_id=""), None))
FLOATING_IP = frozenset(floating_ip(FloatingIp(id="", project_id="", network_id="", address=""), None))
PORT = frozenset(port(Port(id="", network_id="", project_id="", mac_address=""), "", True))
RULE = frozenset(security_group_rule(SecurityGroupRule(id="", security_group_id="", project_id="", direction="")))
GROUP = frozenset(security_group(SecurityGroup(id="", name="", project_id=""), ()))
_AGENT = AgentView(host="", alive=True, started_at=0, underlay_ip="", networks=0, routers=0, ports=0)
AGENT = frozenset(agents(_AGENT)[0])

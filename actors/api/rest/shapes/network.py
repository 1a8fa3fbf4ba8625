"""What the network service answers with, by route, and what its lists may be asked for.

A client may ask for some fields alone (`fields`), so nothing is required of a row that is listed or shown.
"""

from __future__ import annotations

from actors.api.rest.shapes.terms import (
    COUNT,
    FLAG,
    LINKS,
    NULL,
    PAGES,
    SORT,
    TEXT,
    TEXT_OR_NULL,
    TEXTS,
    TIME,
    WHOLE_OR_NULL,
    Schema,
    exactly,
    rows,
)

DATED = {"created_at": TIME, "updated_at": TIME, "revision_number": COUNT}
STANDARD = {
    "id": TEXT,
    "name": TEXT,
    "project_id": TEXT,
    "tenant_id": TEXT,
    "description": TEXT,
    "tags": TEXTS,
    **DATED,
}
NETWORK: Schema = {
    **STANDARD,
    **dict.fromkeys(("admin_state_up", "shared", "router:external", "port_security_enabled"), FLAG),
    "status": TEXT,
    "subnets": TEXTS,
    "mtu": COUNT,
    "dns_domain": TEXT,
    "availability_zone_hints": TEXTS,
    "availability_zones": TEXTS,
}
OF_ADMINISTRATORS = {
    "network": {
        "provider:network_type": TEXT,
        "provider:physical_network": TEXT_OR_NULL,
        "provider:segmentation_id": WHOLE_OR_NULL,
    },
    "port": {
        "binding:host_id": TEXT,
        "binding:profile": {"type": "object"},
        "binding:vif_type": {"enum": ["bridge", "unbound"]},
        "binding:vif_details": {"type": "object"},
    },
}
IPV6_MODE: Schema = {"enum": ["dhcpv6-stateful", "dhcpv6-stateless", "slaac", None]}
SUBNET: Schema = {
    **STANDARD,
    "network_id": TEXT,
    "ip_version": {"enum": [4, 6]},
    "cidr": TEXT,
    "gateway_ip": TEXT_OR_NULL,
    "enable_dhcp": FLAG,
    "allocation_pools": rows(exactly({"start": TEXT, "end": TEXT})),
    "dns_nameservers": TEXTS,
    "host_routes": rows(exactly({"destination": TEXT, "nexthop": TEXT})),
    "subnetpool_id": TEXT_OR_NULL,
    "ipv6_ra_mode": IPV6_MODE,
    "ipv6_address_mode": IPV6_MODE,
}
POOL: Schema = {
    **STANDARD,
    "prefixes": TEXTS,
    **dict.fromkeys(("default_prefixlen", "min_prefixlen", "max_prefixlen"), COUNT),
    "ip_version": {"enum": [4, 6]},
    "shared": FLAG,
    "is_default": FLAG,
    "default_quota": WHOLE_OR_NULL,
    "address_scope_id": NULL,
}
PORT_STATUS: Schema = {"enum": ["ACTIVE", "DOWN", "BUILD", "ERROR", "N/A"]}
FIXED_IPS = rows(exactly({"subnet_id": TEXT, "ip_address": TEXT}))
PORT: Schema = {
    **STANDARD,
    **dict.fromkeys(("network_id", "mac_address", "device_id", "device_owner", "dns_name"), TEXT),
    "fixed_ips": FIXED_IPS,
    "admin_state_up": FLAG,
    "status": PORT_STATUS,
    "security_groups": TEXTS,
    "port_security_enabled": FLAG,
    "allowed_address_pairs": rows(exactly({"ip_address": TEXT, "mac_address": TEXT})),
    "binding:vnic_type": TEXT,
    "dns_assignment": rows(exactly({"ip_address": TEXT, "hostname": TEXT, "fqdn": TEXT})),
}
RULE: Schema = {
    **dict.fromkeys(("id", "project_id", "tenant_id", "security_group_id", "description"), TEXT),
    "direction": {"enum": ["ingress", "egress"]},
    "ethertype": {"enum": ["IPv4", "IPv6"]},
    "protocol": TEXT_OR_NULL,
    "port_range_min": WHOLE_OR_NULL,
    "port_range_max": WHOLE_OR_NULL,
    **dict.fromkeys(("remote_ip_prefix", "normalized_cidr", "remote_group_id"), TEXT_OR_NULL),
    **DATED,
}
GROUP: Schema = {**STANDARD, "security_group_rules": rows(exactly(RULE)), "shared": FLAG}
ROUTE = exactly({"destination": TEXT, "nexthop": TEXT})
GATEWAY = exactly({"network_id": TEXT, "enable_snat": FLAG, "external_fixed_ips": FIXED_IPS})
ROUTER: Schema = {
    **STANDARD,
    "admin_state_up": FLAG,
    "status": {"enum": ["ACTIVE"]},
    "external_gateway_info": {"anyOf": [GATEWAY, NULL]},
    "routes": rows(ROUTE),
    "availability_zone_hints": TEXTS,
    "availability_zones": TEXTS,
}
LED_TO = exactly(
    {
        **dict.fromkeys(("name", "network_id", "mac_address", "device_id", "device_owner"), TEXT),
        "admin_state_up": FLAG,
        "status": PORT_STATUS,
    }
)
FLOATING_IP: Schema = {
    **{name: shape for name, shape in STANDARD.items() if name != "name"},
    **dict.fromkeys(("floating_ip_address", "floating_network_id", "dns_name", "dns_domain"), TEXT),
    **dict.fromkeys(("port_id", "fixed_ip_address", "router_id"), TEXT_OR_NULL),
    "status": {"enum": ["ACTIVE", "DOWN"]},
    "port_details": {"anyOf": [LED_TO, NULL]},
}
NOUNS = {  # path → the noun, its fields, the name of its id in paths
    "networks": ("network", NETWORK, "network_id"),
    "subnets": ("subnet", SUBNET, "subnet_id"),
    "subnetpools": ("subnetpool", POOL, "pool_id"),
    "ports": ("port", PORT, "port_id"),
    "routers": ("router", ROUTER, "router_id"),
    "floatingips": ("floatingip", FLOATING_IP, "floating_id"),
    "security-groups": ("security_group", GROUP, "group_id"),
    "security-group-rules": ("security_group_rule", RULE, "rule_id"),
}


def _bodies(path: str) -> dict[str, Schema]:
    noun, fields, key = NOUNS[path]
    collection = path.replace("-", "_")
    more = OF_ADMINISTRATORS.get(noun, {})
    some, whole = exactly({}, {**fields, **more}), exactly(fields, more)
    made = {"oneOf": [exactly({noun: whole}), exactly({collection: rows(whole)})]}
    return {
        f"GET /v2.0/{path}": exactly({collection: rows(some)}, {f"{collection}_links": LINKS}),
        f"POST /v2.0/{path}": made,
        f"GET /v2.0/{path}/{{{key}}}": exactly({noun: some}),
        f"PUT /v2.0/{path}/{{{key}}}": exactly({noun: whole}),
    }


BODIES = {route: shape for path in NOUNS for route, shape in _bodies(path).items()}
BODIES.pop("PUT /v2.0/security-group-rules/{rule_id}")  # a rule is never changed
OF_INTERFACES = ("id", "project_id", "tenant_id", "network_id", "port_id", "subnet_id")
INTERFACE = exactly({**dict.fromkeys(OF_INTERFACES, TEXT), "subnet_ids": TEXTS})
BODIES |= {f"PUT /v2.0/routers/{{router_id}}/{act}_router_interface": INTERFACE for act in ("add", "remove")}
BODIES |= {
    f"PUT /v2.0/routers/{{router_id}}/{act}_extraroutes": exactly({"router": exactly(ROUTER)})
    for act in ("add", "remove")
}
BODIES["GET /v2.0/agents/{agent_id}/l3-routers"] = exactly({"routers": rows(exactly(ROUTER))})
FILTERS = ("id", "project_id", "fields", "description")
TAGGED = {"tags": TEXT, "not-tags": TEXT}
MORE: dict[str, Schema] = {"security-group-rules": {}, "floatingips": TAGGED}  # others have a name as well
QUERIES: dict[str, Schema] = {
    f"GET /v2.0/{path}": {
        **dict.fromkeys(FILTERS, TEXT),
        **MORE.get(path, {"name": TEXT, **TAGGED}),
        "page_reverse": FLAG,
        **PAGES,
        **SORT,
    }
    for path in NOUNS
}

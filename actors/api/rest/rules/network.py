"""Neutron's rules: docs.openstack.org/neutron, «Policy reference»."""

from __future__ import annotations

from actors.api.rest.rules.table import ByNoun, Rule, Table

ROWS = {  # path → the word in the rules, the parameter
    "networks": ("network", "network_id"),
    "subnets": ("subnet", "subnet_id"),
    "subnetpools": ("subnetpool", "pool_id"),
    "ports": ("port", "port_id"),
    "routers": ("router", "router_id"),
    "floatingips": ("floatingip", "floating_id"),
    "security-groups": ("security_group", "group_id"),
    "security-group-rules": ("security_group_rule", "rule_id"),
}
VERBS = {"GET": "get", "PUT": "update", "DELETE": "delete"}
ROUTER_ACTS = ("add_router_interface", "remove_router_interface", "add_extraroutes", "remove_extraroutes")
TAGS, QUOTA = "/v2.0/{noun}/{row_id}/tags", "/v2.0/quotas/{project_id}"


def _tags(verb: str) -> ByNoun:
    return ByNoun({noun: f"{verb}_{noun.replace('-', '_')}_tags" for noun in ROWS})


ROUTES: dict[str, Rule] = {
    **{f"GET /v2.0/{noun}": f"get_{word}" for noun, (word, _) in ROWS.items()},
    **{f"POST /v2.0/{noun}": f"create_{word}" for noun, (word, _) in ROWS.items()},
    **{
        f"{verb} /v2.0/{noun}/{{{key}}}": f"{act}_{word}"
        for noun, (word, key) in ROWS.items()
        for verb, act in VERBS.items()
        if (verb, word) != ("PUT", "security_group_rule")
    },
    **{f"{verb} {TAGS}": _tags(act) for verb, act in VERBS.items()},
    **{f"{verb} {TAGS}/{{tag}}": _tags(act) for verb, act in VERBS.items()},
    **{f"PUT /v2.0/routers/{{router_id}}/{act}": act for act in ROUTER_ACTS},
    "GET /v2.0/routers/{router_id}/l3-agents": "get_l3-agents",
    "GET /v2.0/agents/{agent_id}/l3-routers": "get_l3-routers",
    "GET /v2.0/agents": "get_agent",
    "GET /v2.0/agents/{agent_id}": "get_agent",
    "GET /v2.0/availability_zones": "get_availability_zone",
    "GET /v2.0/quotas": "get_quota",
    **{f"{verb} {QUOTA}": f"{act}_quota" for verb, act in VERBS.items()},
    f"GET {QUOTA}/default": "get_quota",
    f"GET {QUOTA}/details": "get_quota",
    f"GET {QUOTA}/details.json": "get_quota",
    "GET /v2.0/extensions": "network:read",
    "GET /v2.0/extensions/{alias}": "network:read",
}
SPECIAL = {
    "update_quota": "rule:admin_only",
    "delete_quota": "rule:admin_only",
    "get_l3-agents": "rule:admin_only",
    "get_l3-routers": "rule:admin_only",
}
OWNED = ("shared", "router:external", "is_default", "port_security_enabled")
PROVIDER = ("provider:network_type", "provider:physical_network", "provider:segmentation_id")
OF_PORTS = (
    *("device_owner", "mac_address", "fixed_ips", "port_security_enabled", "allowed_address_pairs"),
    *("binding:host_id", "binding:profile", "binding:vnic_type", "security_groups"),
)
OF_POOLS = ("shared", "is_default")
GATEWAY = "external_gateway_info"
OF_ROUTERS = (GATEWAY, *(f"{GATEWAY}:{name}" for name in ("network_id", "enable_snat", "external_fixed_ips")))
FIELDS = {
    "networks": (*OWNED, *PROVIDER),
    "ports": OF_PORTS,
    "subnetpools": OF_POOLS,
    "routers": OF_ROUTERS,
}
FLOATING_ADDRESS = {"floating_ip_address": "create_floatingip:floating_ip_address"}


def _attributes(act: str, noun: str) -> dict[str, str]:
    return {name: f"{act}_{ROWS[noun][0]}:{name}" for name in FIELDS[noun]}


ATTRIBUTES: dict[str, dict[str, str]] = {
    "POST /v2.0/floatingips": FLOATING_ADDRESS,
    **{f"POST /v2.0/{noun}": _attributes("create", noun) for noun in FIELDS},
    **{f"PUT /v2.0/{noun}/{{{ROWS[noun][1]}}}": _attributes("update", noun) for noun in FIELDS},
}
TABLE = Table("network", ROUTES, SPECIAL, ATTRIBUTES, has_targets=True)

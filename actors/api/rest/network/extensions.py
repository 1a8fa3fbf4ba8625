"""/v2.0/extensions: exactly what there is beyond the networks, subnets and ports of the first Neutron.

Clients look here before they use something, and do without what is not named.
"""

from __future__ import annotations

from fastapi import APIRouter

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking
from actors.api.rest.network.listing import Body
from actors.api.rest.versions import UPDATED
from actors.errors import CallerError, not_found

router = APIRouter(prefix="/extensions")

EXTENSIONS = {  # alias → (name, what it is)
    "agent": ("agent", "The agents of the nodes."),
    "allowed-address-pairs": ("Allowed Address Pairs", "Further addresses that a port may use."),
    "availability_zone": ("Availability Zone", "Availability zones of agents."),
    "binding": ("Port Binding", "Where and how a port is bound."),
    "default-subnetpools": ("Default Subnetpools", "A subnet pool that is used where none is named."),
    "dns-integration": ("DNS Integration", "Host names of ports."),
    "ext-gw-mode": ("Neutron L3 Configurable external gateway mode", "Whether a router's gateway hides who sends."),
    "external-net": ("Neutron external network", "Networks that lead out of the cloud."),
    "extraroute": ("Neutron Extra Route", "Routes of a router."),
    "extraroute-atomic": ("Atomically add/remove extra routes", "Some routes of a router alone."),
    "filter-validation": ("Filter parameters validation", "A filter that is not known is refused."),
    "fip-port-details": ("Floating IP Port Details Extension", "The port that a floating IP leads to."),
    "ip-substring-filtering": ("IP address substring filtering", "Ports by a part of an address."),
    "net-mtu": ("Network MTU", "The MTU of a network."),
    "net-mtu-writable": ("Network MTU (writable)", "The MTU of a network can be changed."),
    "network_availability_zone": ("Network Availability Zone", "Availability zones of networks."),
    "pagination": ("Pagination support", "Lists in pages."),
    "port-security": ("Port Security", "Ports that nothing is filtered on."),
    "project-id": ("project_id field enabled", "Resources say their project."),
    "provider": ("Provider Network", "How a network is made, for administrators."),
    "quota-check-limit": ("Quota engine limit check", "A limit below what is in use can be refused."),
    "quota_details": ("Quota details management support", "Limits with what is in use."),
    "quotas": ("Quota management support", "Limits of a project."),
    "router": ("Neutron L3 Router", "Routers and floating IPs."),
    "router_availability_zone": ("Router Availability Zone", "Availability zones of routers."),
    "revision-if-match": ("If-Match constraints based on revision_number", "Changes for one revision only."),
    "security-group": ("security-group", "Security groups and their rules."),
    "security-groups-normalized-cidr": ("Normalized CIDR in rules", "The network that a rule's prefix means."),
    "security-groups-shared-filtering": ("Security group filtering on shared", "Whether a group is shared."),
    "sorting": ("Sorting support", "Lists in an order."),
    "standard-attr-description": ("standard-attr-description", "Resources have a description."),
    "standard-attr-revisions": ("Resource revision numbers", "Resources count their changes."),
    "standard-attr-tag": ("Tag support for resources with standard attribute", "Resources have tags."),
    "standard-attr-timestamp": ("Resource timestamps", "When a resource was made and last changed."),
    "subnet_allocation": ("Subnet Allocation", "Subnet pools."),
}


@router.get("")
async def list_extensions(caller: Asking) -> Json:
    return Json({"extensions": [_body(alias) for alias in EXTENSIONS]})


@router.get("/{alias}")
async def show_extension(alias: str, caller: Asking) -> Json:
    if alias not in EXTENSIONS:
        raise CallerError(not_found("", f"Extension with alias {alias} does not exist", "HTTPNotFound"))
    return Json({"extension": _body(alias)})


def _body(alias: str) -> Body:
    name, description = EXTENSIONS[alias]
    return {"alias": alias, "name": name, "description": description, "updated": UPDATED, "links": []}

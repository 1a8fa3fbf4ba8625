"""Placement's rules: docs.openstack.org/placement, «Placement policies»."""

from __future__ import annotations

from actors.api.rest.rules.table import Rule, Table

PROVIDERS, PROVIDER = "/resource_providers", "/resource_providers/{provider_id}"
INVENTORIES, INVENTORY = f"{PROVIDER}/inventories", f"{PROVIDER}/inventories/{{resource_class}}"
OF_PROVIDERS = "placement:resource_providers"

ROUTES: dict[str, Rule] = {
    f"GET {PROVIDERS}": f"{OF_PROVIDERS}:list",
    f"POST {PROVIDERS}": f"{OF_PROVIDERS}:create",
    f"GET {PROVIDER}": f"{OF_PROVIDERS}:show",
    f"PUT {PROVIDER}": f"{OF_PROVIDERS}:update",
    f"DELETE {PROVIDER}": f"{OF_PROVIDERS}:delete",
    f"GET {INVENTORIES}": f"{OF_PROVIDERS}:inventories:list",
    f"POST {INVENTORIES}": f"{OF_PROVIDERS}:inventories:create",
    f"PUT {INVENTORIES}": f"{OF_PROVIDERS}:inventories:update",
    f"DELETE {INVENTORIES}": f"{OF_PROVIDERS}:inventories:delete",
    f"GET {INVENTORY}": f"{OF_PROVIDERS}:inventories:show",
    f"PUT {INVENTORY}": f"{OF_PROVIDERS}:inventories:update",
    f"DELETE {INVENTORY}": f"{OF_PROVIDERS}:inventories:delete",
    f"GET {PROVIDER}/usages": f"{OF_PROVIDERS}:usages",
    f"GET {PROVIDER}/traits": f"{OF_PROVIDERS}:traits:list",
    f"PUT {PROVIDER}/traits": f"{OF_PROVIDERS}:traits:update",
    f"DELETE {PROVIDER}/traits": f"{OF_PROVIDERS}:traits:delete",
    f"GET {PROVIDER}/aggregates": f"{OF_PROVIDERS}:aggregates:list",
    f"PUT {PROVIDER}/aggregates": f"{OF_PROVIDERS}:aggregates:update",
    f"GET {PROVIDER}/allocations": f"{OF_PROVIDERS}:allocations:list",
    "GET /allocations/{consumer_id}": "placement:allocations:list",
    "PUT /allocations/{consumer_id}": "placement:allocations:update",
    "DELETE /allocations/{consumer_id}": "placement:allocations:delete",
    "POST /allocations": "placement:allocations:manage",
    "POST /reshaper": "placement:reshaper:reshape",
    "GET /usages": "placement:usages",
    "GET /allocation_candidates": "placement:allocation_candidates:list",
    "GET /resource_classes": "placement:resource_classes:list",
    "POST /resource_classes": "placement:resource_classes:create",
    "GET /resource_classes/{name}": "placement:resource_classes:show",
    "PUT /resource_classes/{name}": "placement:resource_classes:update",
    "DELETE /resource_classes/{name}": "placement:resource_classes:delete",
    "GET /traits": "placement:traits:list",
    "GET /traits/{name}": "placement:traits:show",
    "PUT /traits/{name}": "placement:traits:update",
    "DELETE /traits/{name}": "placement:traits:delete",
}
TABLE = Table(
    "placement",
    ROUTES,
    {"placement:usages": "rule:reader"},
    read="rule:admin_or_service",
    write="rule:admin_or_service",
)

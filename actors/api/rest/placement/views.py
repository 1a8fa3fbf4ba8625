"""Resource providers, inventories and allocations as Placement's bodies, each with the fields of the version. Pure."""

from __future__ import annotations

from typing import Any

from actors.api.rest.microversions import Version
from actors.scheduler.messages import AllocationView, InventoryView, ProviderView

Body = dict[str, Any]

RELATIONS = {"inventories": 0, "usages": 0, "aggregates": 1, "traits": 6, "allocations": 11}  # → since which minor


def provider(each: ProviderView, spoken: Version) -> Body:
    path = f"/placement/resource_providers/{each.id}"
    related = [relation for relation, minor in RELATIONS.items() if spoken >= (1, minor)]
    body: Body = {
        "uuid": each.id,
        "name": each.name,
        "generation": each.generation,
        "links": [
            {"rel": "self", "href": path},
            *({"rel": relation, "href": f"{path}/{relation}"} for relation in related),
        ],
    }
    if spoken >= (1, 14):
        body |= {"parent_provider_uuid": None, "root_provider_uuid": each.id}
    return body


def inventory(each: InventoryView) -> Body:
    return {
        "total": each.total,
        "reserved": each.reserved,
        "min_unit": each.min_unit,
        "max_unit": each.max_unit,
        "step_size": each.step_size,
        "allocation_ratio": each.allocation_ratio,
    }


def usages(each: ProviderView) -> Body:
    used = {name: inventory.used for name, inventory in each.inventories.items()}
    return {"resource_provider_generation": each.generation, "usages": used}


def consumer_allocations(held: list[tuple[AllocationView, int]]) -> Body:
    """By provider, each with the generation that it has."""
    return {each.provider_id: {"generation": generation, "resources": each.resources} for each, generation in held}


def allocation_request(each: ProviderView, resources: dict[str, int], suffixes: list[str], spoken: Version) -> Body:
    if spoken < (1, 12):
        return {"allocations": [{"resource_provider": {"uuid": each.id}, "resources": resources}]}
    body: Body = {"allocations": {each.id: {"resources": resources}}}
    if spoken >= (1, 34):
        body["mappings"] = {suffix: [each.id] for suffix in suffixes}
    return body


def provider_summary(each: ProviderView, wanted: set[str], spoken: Version) -> Body:
    shown = {
        name: {"capacity": inventory.capacity, "used": inventory.used}
        for name, inventory in each.inventories.items()
        if spoken >= (1, 27) or name in wanted
    }
    body: Body = {"resources": shown}
    if spoken >= (1, 17):
        body["traits"] = sorted(each.traits)
    if spoken >= (1, 29):
        body |= {"parent_provider_uuid": None, "root_provider_uuid": each.id}
    return body

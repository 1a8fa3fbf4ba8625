"""Resource providers, inventories and allocations as Placement's bodies, each with the fields of the version. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actors.api.rest.microversions import Version
from actors.api.rest.placement.trees import Candidate
from actors.scheduler.messages import InventoryView, ProviderView

Body = dict[str, Any]

GENERATION = 1  # of a server as a consumer: its claim is made once, and given back whole
UNKNOWN_TYPE = "unknown"  # of consumers whose allocations were written before 1.38
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
        body |= tree(each)
    return body


def tree(each: ProviderView) -> Body:
    return {"parent_provider_uuid": each.parent_id or None, "root_provider_uuid": each.root}


def inventories(each: ProviderView) -> Body:
    shown = {name: inventory(one) for name, one in each.inventories.items()}
    return {"resource_provider_generation": each.generation, "inventories": shown}


def one_inventory(each: ProviderView, resource_class: str) -> Body:
    return {"resource_provider_generation": each.generation, **inventory(each.inventories[resource_class])}


def traits(each: ProviderView) -> Body:
    return {"resource_provider_generation": each.generation, "traits": sorted(each.traits)}


def aggregates(each: ProviderView, spoken: Version) -> Body:
    body: Body = {"aggregates": sorted(each.aggregates)}
    if spoken >= (1, 19):
        body["resource_provider_generation"] = each.generation
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


def held(resources: dict[str, int], generation: int, spoken: Version) -> Body:
    """What one consumer holds of a provider; the generation is the consumer's."""
    body: Body = {"resources": resources}
    if spoken >= (1, 28):
        body["consumer_generation"] = generation
    return body


def usages(each: ProviderView) -> Body:
    used = {name: inventory.used for name, inventory in each.inventories.items()}
    return {"resource_provider_generation": each.generation, "usages": used}


def consumer_allocations(held: dict[str, dict[str, int]], generations: Mapping[str, int]) -> Body:
    """By provider, each with the generation that it has."""
    return {
        provider_id: {"generation": generations.get(provider_id, 0), "resources": resources}
        for provider_id, resources in held.items()
    }


def consumer(project_id: str, user_id: str, generation: int, kind: str, spoken: Version) -> Body:
    body: Body = {}
    if spoken >= (1, 12):
        body |= {"project_id": project_id, "user_id": user_id}
    if spoken >= (1, 28):
        body["consumer_generation"] = generation
    if spoken >= (1, 38):
        body["consumer_type"] = kind or UNKNOWN_TYPE
    return body


def allocation_request(candidate: Candidate, spoken: Version) -> Body:
    taken = candidate.allocations
    if spoken < (1, 12):
        listed = [{"resource_provider": {"uuid": each}, "resources": resources} for each, resources in taken.items()]
        return {"allocations": listed}
    body: Body = {"allocations": {each: {"resources": resources} for each, resources in taken.items()}}
    if spoken >= (1, 34):
        body["mappings"] = candidate.mappings
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
        body |= tree(each)
    return body

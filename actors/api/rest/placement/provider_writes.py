"""What changes resource providers and what they have, where they are no hosts of this cloud."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request

from actors.api.placement_messages import ChangeProvider, CreateProvider, SetInventories, SetInventory, SetNames
from actors.api.rest.answers import Json
from actors.api.rest.context import Rooms
from actors.api.rest.microversions import Spoken, Version
from actors.api.rest.placement import bodies, views
from actors.api.rest.placement.asked import Administrator, Sent, location, since
from actors.errors import CallerError, CallerFault
from actors.records import Inventory

router = APIRouter(prefix="/resource_providers")

EMPTY_SINCE, MOVES_SINCE, COUNTED_SINCE = (1, 26), (1, 37), (1, 19)
DELETES_ALL_SINCE, TREES_SINCE, SHOWN_SINCE = (1, 5), (1, 14), (1, 20)


@router.post("")
async def create_provider(request: Request, sent: Sent, rooms: Rooms, caller: Administrator, spoken: Spoken) -> Json:
    """From 1.20 on the answer shows it."""
    model = bodies.TreeProviderBody if spoken >= TREES_SINCE else bodies.ProviderBody
    body = bodies.parsed(model, sent)
    parent = getattr(body, "parent_provider_uuid", None) or ""
    asked = CreateProvider(token=caller.token, name=body.name, id=body.uuid or "", parent_id=parent)
    made = await rooms.api.create_provider(asked)
    headers = location(request, f"/resource_providers/{made.id}")
    if spoken < SHOWN_SINCE:
        return Json(None, status_code=201, headers=headers)
    return Json(views.provider(made, spoken), headers=headers)


@router.put("/{provider_id}")
async def change_provider(provider_id: str, sent: Sent, rooms: Rooms, caller: Administrator, spoken: Spoken) -> Json:
    model = bodies.TreeProviderChangeBody if spoken >= TREES_SINCE else bodies.ProviderChangeBody
    body = bodies.parsed(model, sent)
    parent = None
    if "parent_provider_uuid" in body.model_fields_set:
        parent = getattr(body, "parent_provider_uuid", None) or ""
    asked = ChangeProvider(
        token=caller.token, provider_id=provider_id, name=body.name, parent_id=parent, moves=spoken >= MOVES_SINCE
    )
    return Json(views.provider(await rooms.api.change_provider(asked), spoken))


@router.delete("/{provider_id}")
async def delete_provider(provider_id: str, rooms: Rooms, caller: Administrator) -> Json:
    await rooms.api.delete_provider(caller.token, provider_id)
    return Json(None, status_code=204)


# ---------------------------------------------------------------- inventories


@router.put("/{provider_id}/inventories")
async def set_inventories(provider_id: str, sent: Sent, rooms: Rooms, caller: Administrator, spoken: Spoken) -> Json:
    body = bodies.parsed(bodies.InventoriesBody, sent)
    asked = SetInventories(
        token=caller.token,
        provider_id=provider_id,
        inventories={name: inventory_of(one) for name, one in body.inventories.items()},
        generation=body.resource_provider_generation,
        may_be_empty=spoken >= EMPTY_SINCE,
    )
    return Json(views.inventories(await rooms.api.set_inventories(asked)))


@router.post("/{provider_id}/inventories")
async def add_inventory(
    request: Request, provider_id: str, sent: Sent, rooms: Rooms, caller: Administrator, spoken: Spoken
) -> Json:
    body = bodies.parsed(bodies.NewInventoryBody, sent)
    asked = _one(caller.token, provider_id, body.resource_class, body, spoken, is_new=True)
    shown = views.one_inventory(await rooms.api.set_inventory(asked), body.resource_class)
    where = f"/resource_providers/{provider_id}/inventories/{body.resource_class}"
    return Json(shown, status_code=201, headers=location(request, where))


@router.put("/{provider_id}/inventories/{resource_class}")
async def set_inventory(
    provider_id: str, resource_class: str, sent: Sent, rooms: Rooms, caller: Administrator, spoken: Spoken
) -> Json:
    body = bodies.parsed(bodies.InventoryBody, sent)
    asked = _one(caller.token, provider_id, resource_class, body, spoken, is_new=False)
    return Json(views.one_inventory(await rooms.api.set_inventory(asked), resource_class))


@router.delete("/{provider_id}/inventories")
async def delete_inventories(provider_id: str, rooms: Rooms, caller: Administrator, spoken: Spoken) -> Json:
    if spoken < DELETES_ALL_SINCE:
        raise CallerError(CallerFault(405, "The method DELETE is not allowed for this resource."))
    asked = SetInventories(
        token=caller.token, provider_id=provider_id, inventories={}, generation=None, may_be_empty=True
    )
    await rooms.api.set_inventories(asked)
    return Json(None, status_code=204)


@router.delete("/{provider_id}/inventories/{resource_class}")
async def delete_inventory(provider_id: str, resource_class: str, rooms: Rooms, caller: Administrator) -> Json:
    await rooms.api.delete_inventory(caller.token, provider_id, resource_class)
    return Json(None, status_code=204)


def _one(
    token: str, provider_id: str, resource_class: str, body: bodies.InventoryRecord, spoken: Version, *, is_new: bool
) -> SetInventory:
    return SetInventory(
        token=token,
        provider_id=provider_id,
        resource_class=resource_class,
        inventory=inventory_of(body),
        generation=body.resource_provider_generation,
        may_be_empty=spoken >= EMPTY_SINCE,
        is_new=is_new,
    )


def inventory_of(record: bodies.InventoryRecord) -> Inventory:
    return Inventory(
        total=record.total,
        reserved=record.reserved,
        min_unit=record.min_unit,
        max_unit=record.max_unit,
        step_size=record.step_size,
        allocation_ratio=record.allocation_ratio,
    )


# ---------------------------------------------------------------- traits and aggregates


@router.put("/{provider_id}/traits", dependencies=[Depends(since(6))])
async def set_traits(provider_id: str, sent: Sent, rooms: Rooms, caller: Administrator) -> Json:
    body = bodies.parsed(bodies.TraitsBody, sent)
    asked = SetNames(
        token=caller.token,
        provider_id=provider_id,
        names=tuple(body.traits),
        generation=body.resource_provider_generation,
    )
    return Json(views.traits(await rooms.api.set_traits(asked)))


@router.delete("/{provider_id}/traits", dependencies=[Depends(since(6))])
async def delete_traits(provider_id: str, rooms: Rooms, caller: Administrator) -> Json:
    await rooms.api.set_traits(SetNames(token=caller.token, provider_id=provider_id, names=(), generation=None))
    return Json(None, status_code=204)


@router.put("/{provider_id}/aggregates", dependencies=[Depends(since(1))])
async def set_aggregates(provider_id: str, sent: Sent, rooms: Rooms, caller: Administrator, spoken: Spoken) -> Json:
    """Before 1.19 the body is the list, and the provider's generation stays as it is."""
    generation = None
    if spoken >= COUNTED_SINCE:
        counted = bodies.parsed(bodies.CountedAggregatesBody, sent)
        names, generation = counted.aggregates, counted.resource_provider_generation
    else:
        names = bodies.parsed(bodies.AggregatesBody, {"aggregates": sent}).aggregates
    asked = SetNames(
        token=caller.token,
        provider_id=provider_id,
        names=tuple(names),
        generation=generation,
        grows=spoken >= COUNTED_SINCE,
    )
    return Json(views.aggregates(await rooms.api.set_provider_aggregates(asked), spoken))

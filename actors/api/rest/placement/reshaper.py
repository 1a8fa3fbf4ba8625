"""POST /reshaper: inventories of several providers and what is held of them, all at once or not at all."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from actors.api.placement_messages import Reshape, SetInventories
from actors.api.rest.answers import Json
from actors.api.rest.context import Rooms
from actors.api.rest.microversions import Spoken
from actors.api.rest.placement import bodies
from actors.api.rest.placement.allocations import allocation_of
from actors.api.rest.placement.asked import Administrator, Sent, since
from actors.api.rest.placement.provider_writes import inventory_of

router = APIRouter()

BODIES: tuple[tuple[int, type[bodies.ReshapeBody]], ...] = (  # since which minor
    (38, bodies.TypedReshapeBody),
    (34, bodies.MappedReshapeBody),
    (30, bodies.ReshapeBody),
)


@router.post("/reshaper", dependencies=[Depends(since(30))])
async def reshape(sent: Sent, rooms: Rooms, caller: Administrator, spoken: Spoken) -> Json:
    model = next(model for minor, model in BODIES if spoken >= (1, minor))
    body = bodies.parsed(model, sent)
    inventories = tuple(
        SetInventories(
            token=caller.token,
            provider_id=provider_id,
            inventories={name: inventory_of(one) for name, one in stock.inventories.items()},
            generation=stock.resource_provider_generation,
            may_be_empty=True,
        )
        for provider_id, stock in body.inventories.items()
    )
    allocations = tuple(allocation_of(consumer_id, one) for consumer_id, one in body.allocations.items())
    await rooms.api.reshape(Reshape(token=caller.token, inventories=inventories, allocations=allocations))
    return Json(None, status_code=204)

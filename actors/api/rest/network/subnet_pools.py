"""/v2.0/subnetpools"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Rooms
from actors.api.rest.network import views
from actors.api.rest.network.asked import Expected, all_made, deleted, listing
from actors.api.rest.network.bodies import EditedSubnetPool, NewSubnetPool, SubnetPoolEdit
from actors.api.rest.network.listing import only
from actors.network.messages import CreateSubnetPool, Reference, UpdateSubnetPool

router = APIRouter(prefix="/subnetpools")

NO_QUOTA = -1


@router.get("")
async def list_subnet_pools(request: Request, rooms: Rooms, caller: Asking) -> Json:
    bodies = [views.subnet_pool(row) for row in await rooms.network.list_subnet_pools(caller.token)]
    return Json(listing(request, views.SUBNET_POOL).answer("subnetpools", bodies))


@router.post("")
async def create_subnet_pool(body: NewSubnetPool, rooms: Rooms, caller: Asking) -> Json:
    item = body.subnetpool
    fields = {"prefixes": ()} | _fields(item)
    wanted = CreateSubnetPool(token=caller.token, project_id=item.owner, **fields)
    [row] = all_made(await rooms.network.create_subnet_pools([wanted]))
    return Json({"subnetpool": views.subnet_pool(row)}, status_code=201)


@router.get("/{pool_id}")
async def show_subnet_pool(pool_id: str, request: Request, rooms: Rooms, caller: Asking) -> Json:
    [row] = all_made(await rooms.network.show_subnet_pools([Reference(token=caller.token, id=pool_id)]))
    return Json({"subnetpool": only(views.subnet_pool(row), request.query_params.getlist("fields"))})


@router.put("/{pool_id}")
async def update_subnet_pool(
    pool_id: str, body: EditedSubnetPool, rooms: Rooms, caller: Asking, revision: Expected
) -> Json:
    wanted = UpdateSubnetPool(token=caller.token, id=pool_id, revision=revision, **_fields(body.subnetpool))
    [row] = all_made(await rooms.network.update_subnet_pools([wanted]))
    return Json({"subnetpool": views.subnet_pool(row)})


@router.delete("/{pool_id}")
async def delete_subnet_pool(pool_id: str, rooms: Rooms, caller: Asking, revision: Expected) -> Json:
    reference = Reference(token=caller.token, id=pool_id, revision=revision)
    return deleted(await rooms.network.delete_subnet_pools([reference]))


def _fields(item: SubnetPoolEdit) -> dict[str, Any]:
    fields = item.given("address_scope_id", "project_id", "tenant_id", "prefixes")
    if "prefixes" in item.model_fields_set:
        fields["prefixes"] = tuple(item.prefixes)
    if "default_quota" in fields and item.default_quota is None:
        fields["default_quota"] = NO_QUOTA
    return {name: value for name, value in fields.items() if value is not None}

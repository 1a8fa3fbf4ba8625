"""/v2.0/floatingips"""

from __future__ import annotations

from fastapi import APIRouter, Request

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.network import views
from actors.api.rest.network.asked import Expected, all_made, created, deleted, items, listing
from actors.api.rest.network.bodies import EditedFloatingIp, FloatingIpNew, NewFloatingIps
from actors.api.rest.network.listing import Body, only
from actors.api.rest.rooms import EdgeRooms
from actors.network.messages import Reference
from actors.network.router_messages import CreateFloatingIp, UpdateFloatingIp
from actors.records import FloatingIp

router = APIRouter(prefix="/floatingips")


@router.get("")
async def list_floating_ips(request: Request, rooms: Rooms, caller: Asking) -> Json:
    rows = await rooms.network.list_floating_ips(caller.token)
    return Json(listing(request, views.FLOATING_IP).answer("floatingips", await _bodies(rooms, rows)))


@router.post("")
async def create_floating_ips(body: NewFloatingIps, rooms: Rooms, caller: Asking) -> Json:
    wanted = [_new(item, caller) for item in items(body.floatingip, body.floatingips, "floatingip")]
    rows = all_made(await rooms.network.create_floating_ips(wanted, True))
    return created("floatingip", "floatingips", await _bodies(rooms, rows), body.floatingip is not None)


@router.get("/{floating_id}")
async def show_floating_ip(floating_id: str, request: Request, rooms: Rooms, caller: Asking) -> Json:
    rows = all_made(await rooms.network.show_floating_ips([Reference(token=caller.token, id=floating_id)]))
    [body] = await _bodies(rooms, rows)
    return Json({"floatingip": only(body, request.query_params.getlist("fields"))})


@router.put("/{floating_id}")
async def update_floating_ip(
    floating_id: str, body: EditedFloatingIp, rooms: Rooms, caller: Asking, revision: Expected
) -> Json:
    item, written = body.floatingip, body.floatingip.model_fields_set
    wanted = UpdateFloatingIp(
        token=caller.token,
        id=floating_id,
        revision=revision,
        description=item.description if "description" in written else None,
        port_id=item.port_id or "" if "port_id" in written else None,
        fixed_ip=item.fixed_ip_address or "",
    )
    [answer] = await _bodies(rooms, all_made(await rooms.network.update_floating_ips([wanted])))
    return Json({"floatingip": answer})


@router.delete("/{floating_id}")
async def delete_floating_ip(floating_id: str, rooms: Rooms, caller: Asking, revision: Expected) -> Json:
    reference = Reference(token=caller.token, id=floating_id, revision=revision)
    return deleted(await rooms.network.delete_floating_ips([reference]))


def _new(item: FloatingIpNew, caller: Caller) -> CreateFloatingIp:
    return CreateFloatingIp(
        token=caller.token,
        network_id=item.floating_network_id,
        project_id=item.owner,
        description=item.description,
        address=item.floating_ip_address or "",
        subnet_id=item.subnet_id or "",
        port_id=item.port_id or "",
        fixed_ip=item.fixed_ip_address or "",
    )


async def _bodies(rooms: EdgeRooms, rows: list[FloatingIp]) -> list[Body]:
    ends = await rooms.network.where_they_lead(rows)
    return [views.floating_ip(row, ends.get(row.id)) for row in rows]

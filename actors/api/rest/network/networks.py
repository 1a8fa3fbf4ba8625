"""/v2.0/networks"""

from __future__ import annotations

from collections import defaultdict

from fastapi import APIRouter, Request

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.network import views
from actors.api.rest.network.asked import Expected, all_made, created, deleted, items, listing
from actors.api.rest.network.bodies import EditedNetwork, NetworkNew, NewNetworks
from actors.api.rest.network.listing import Body, only
from actors.api.rest.rooms import EdgeRooms
from actors.network.messages import CreateNetwork, Reference, UpdateNetwork
from actors.records import Network

router = APIRouter(prefix="/networks")


@router.get("")
async def list_networks(request: Request, rooms: Rooms, caller: Asking) -> Json:
    rows = await rooms.network.list_networks(caller.token)
    return Json(listing(request, views.NETWORK).answer("networks", await _bodies(rooms, caller, rows)))


@router.post("")
async def create_networks(body: NewNetworks, rooms: Rooms, caller: Asking) -> Json:
    wanted = [_new(item, caller) for item in items(body.network, body.networks, "network")]
    rows = all_made(await rooms.network.create_networks(wanted, True))
    bodies = [views.network(row, (), caller.context.is_admin) for row in rows]
    return created("network", "networks", bodies, body.network is not None)


@router.get("/{network_id}")
async def show_network(network_id: str, request: Request, rooms: Rooms, caller: Asking) -> Json:
    rows = all_made(await rooms.network.show_networks([Reference(token=caller.token, id=network_id)]))
    [body] = await _bodies(rooms, caller, rows)
    return Json({"network": only(body, request.query_params.getlist("fields"))})


@router.put("/{network_id}")
async def update_network(
    network_id: str, body: EditedNetwork, rooms: Rooms, caller: Asking, revision: Expected
) -> Json:
    fields = body.network.given()
    wanted = UpdateNetwork(token=caller.token, id=network_id, revision=revision, **fields)
    [answer] = await _bodies(rooms, caller, all_made(await rooms.network.update_networks([wanted])))
    return Json({"network": answer})


@router.delete("/{network_id}")
async def delete_network(network_id: str, rooms: Rooms, caller: Asking, revision: Expected) -> Json:
    reference = Reference(token=caller.token, id=network_id, revision=revision)
    return deleted(await rooms.network.delete_networks([reference]))


def _new(item: NetworkNew, caller: Caller) -> CreateNetwork:
    return CreateNetwork(
        token=caller.token,
        name=item.name,
        project_id=item.owner,
        network_type=item.network_type or "",
        segmentation_id=item.segmentation_id or 0,
        physical_network=item.physical_network or "",
        mtu=item.mtu,
        shared=item.shared,
        external=item.external,
        admin_state_up=item.admin_state_up,
        port_security_enabled=item.port_security_enabled,
        description=item.description,
        zone_hints=tuple(item.availability_zone_hints),
        dns_domain=item.dns_domain,
    )


async def _bodies(rooms: EdgeRooms, caller: Caller, rows: list[Network]) -> list[Body]:
    subnet_ids = defaultdict(list)
    for subnet in await rooms.network.list_subnets(caller.token):
        subnet_ids[subnet.network_id].append(subnet.id)
    return [views.network(row, subnet_ids[row.id], caller.context.is_admin) for row in rows]

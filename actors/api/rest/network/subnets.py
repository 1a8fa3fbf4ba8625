"""/v2.0/subnets"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.network import views
from actors.api.rest.network.asked import Expected, all_made, created, deleted, items, listing
from actors.api.rest.network.bodies import EditedSubnet, NewSubnets, SubnetEdit, SubnetNew
from actors.api.rest.network.listing import only
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, bad_request
from actors.network.ipam import version_of
from actors.network.messages import CreateSubnet, Reference, UpdateSubnet

router = APIRouter(prefix="/subnets")


@router.get("")
async def list_subnets(request: Request, rooms: Rooms, caller: Asking) -> Json:
    bodies = [views.subnet(row) for row in await rooms.network.list_subnets(caller.token)]
    return Json(listing(request, views.SUBNET).answer("subnets", bodies))


@router.post("")
async def create_subnets(body: NewSubnets, rooms: Rooms, caller: Asking) -> Json:
    wanted = [await _new(item, rooms, caller) for item in items(body.subnet, body.subnets, "subnet")]
    rows = all_made(await rooms.network.create_subnets(wanted, True))
    return created("subnet", "subnets", [views.subnet(row) for row in rows], body.subnet is not None)


@router.get("/{subnet_id}")
async def show_subnet(subnet_id: str, request: Request, rooms: Rooms, caller: Asking) -> Json:
    [row] = all_made(await rooms.network.show_subnets([Reference(token=caller.token, id=subnet_id)]))
    return Json({"subnet": only(views.subnet(row), request.query_params.getlist("fields"))})


@router.put("/{subnet_id}")
async def update_subnet(subnet_id: str, body: EditedSubnet, rooms: Rooms, caller: Asking, revision: Expected) -> Json:
    wanted = UpdateSubnet(token=caller.token, id=subnet_id, revision=revision, **_fields(body.subnet))
    [row] = all_made(await rooms.network.update_subnets([wanted]))
    return Json({"subnet": views.subnet(row)})


@router.delete("/{subnet_id}")
async def delete_subnet(subnet_id: str, rooms: Rooms, caller: Asking, revision: Expected) -> Json:
    reference = Reference(token=caller.token, id=subnet_id, revision=revision)
    return deleted(await rooms.network.delete_subnets([reference]))


def _fields(item: SubnetEdit) -> dict[str, Any]:
    """What was written, as the room calls it."""
    fields = item.given("allocation_pools", "dns_nameservers", "host_routes", "gateway_ip")
    written = item.model_fields_set
    if "gateway_ip" in written:
        fields["gateway_ip"] = item.gateway_ip or ""
    if "allocation_pools" in written:
        fields["pools"] = tuple((pool.start, pool.end) for pool in item.allocation_pools or ())
    if "dns_nameservers" in written:
        fields["dns_servers"] = tuple(item.dns_nameservers or ())
    if "host_routes" in written:
        fields["host_routes"] = tuple((route.destination, route.nexthop) for route in item.host_routes or ())
    return fields


async def _new(item: SubnetNew, rooms: EdgeRooms, caller: Caller) -> CreateSubnet:
    version = int(item.ip_version)
    pool = item.subnetpool_id or (await _default_pool(rooms, caller, version) if item.use_default_subnetpool else "")
    if not pool and not item.cidr:
        text = "a subnetpool must be specified in the absence of a cidr"
        raise CallerError(bad_request("subnets", f"Bad subnets request: {text}.", "BadRequest"))
    own = {name: value for name, value in _fields(item).items() if name in CreateSubnet.__struct_fields__}
    own |= {"project_id": item.owner, "cidr": item.cidr or "", "prefixlen": item.prefixlen or 0, "subnetpool_id": pool}
    own["ip_version"] = version if "ip_version" in item.model_fields_set or not pool else 0
    own |= {"ipv6_ra_mode": item.ipv6_ra_mode or "", "ipv6_address_mode": item.ipv6_address_mode or ""}
    return CreateSubnet(token=caller.token, **own)


async def _default_pool(rooms: EdgeRooms, caller: Caller, version: int) -> str:
    for pool in await rooms.network.list_subnet_pools(caller.token):
        if pool.is_default and version_of(pool.prefixes[0]) == version:
            return pool.id
    text = f"No default subnetpool found for IPv{version}."
    raise CallerError(bad_request("use_default_subnetpool", text, "BadRequest"))

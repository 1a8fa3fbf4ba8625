"""/os-networks and /os-tenant-networks, until 2.35: the networks that the caller may use, by id and name.

What else an answer has is null, as it was in Nova where networks were another service's.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.microversions import gone_since
from actors.api.rest.rooms import EdgeRooms
from actors.errors import value_of
from actors.network.messages import Reference
from actors.records import Network

GONE = [gone_since(2, 36)]
router = APIRouter(prefix="/os-networks", dependencies=GONE)
tenant_router = APIRouter(prefix="/os-tenant-networks", dependencies=GONE)

FIELDS = (
    "cidr", "netmask", "gateway", "broadcast", "dns1", "dns2", "cidr_v6", "gateway_v6", "netmask_v6",
)  # fmt: skip
FOR_ADMINISTRATORS = (
    "created_at", "updated_at", "deleted_at", "deleted", "injected", "bridge", "vlan", "vpn_public_address",
    "vpn_public_port", "vpn_private_address", "dhcp_start", "project_id", "host", "bridge_interface", "multi_host",
    "priority", "rxtx_base", "mtu", "dhcp_server", "enable_dhcp", "share_address",
)  # fmt: skip


def network_body(network: Network, is_admin: bool) -> dict[str, Any]:
    fields = FIELDS + (FOR_ADMINISTRATORS if is_admin else ())
    return {"id": network.id, "label": network.name, **dict.fromkeys(fields)}


def tenant_body(network: Network) -> dict[str, Any]:
    return {"id": network.id, "label": network.name, "cidr": "None"}  # the word, which old clients print


@router.get("")
async def list_networks(rooms: Rooms, caller: Asking) -> Json:
    found = await rooms.network.list_networks(caller.token)
    return Json({"networks": [network_body(one, caller.context.is_admin) for one in found]})


@router.get("/{network_id}")
async def show_network(network_id: str, rooms: Rooms, caller: Asking) -> Json:
    return Json({"network": network_body(await _network(rooms, caller, network_id), caller.context.is_admin)})


@tenant_router.get("")
async def list_tenant_networks(rooms: Rooms, caller: Asking) -> Json:
    return Json({"networks": [tenant_body(one) for one in await rooms.network.list_networks(caller.token)]})


@tenant_router.get("/{network_id}")
async def show_tenant_network(network_id: str, rooms: Rooms, caller: Asking) -> Json:
    return Json({"network": tenant_body(await _network(rooms, caller, network_id))})


async def _network(rooms: EdgeRooms, caller: Caller, network_id: str) -> Network:
    return value_of((await rooms.network.show_networks([Reference(token=caller.token, id=network_id)]))[0])

"""/os-floating-ips and /os-floating-ip-pools, until 2.35, and the actions on a server, until 2.43: the network room's
floating IPs. A pool is an external network."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import StringConstraints
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.bodies import Strict
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.microversions import gone_since
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, CallerFault, bad_request, conflict, not_found, value_of
from actors.network.ipam import version_of
from actors.network.messages import PortQuery, Reference
from actors.network.router_messages import CreateFloatingIp, FloatingEnd, UpdateFloatingIp
from actors.records import FloatingIp, Network, Port

GONE = [gone_since(2, 36)]
router = APIRouter(prefix="/os-floating-ips", dependencies=GONE)
pools_router = APIRouter(prefix="/os-floating-ip-pools", dependencies=GONE)

ACCEPTED = 202
Text = Annotated[str, StringConstraints(max_length=255)]


class PoolIn(Strict):
    pool: Text | None = None


class Association(Strict):
    address: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    fixed_address: Annotated[str, StringConstraints(max_length=64)] | None = None


class Address(Strict):
    address: Annotated[str, StringConstraints(min_length=1, max_length=64)]


@router.get("")
async def list_floating_ips(rooms: Rooms, caller: Asking) -> Json:
    return Json({"floating_ips": await _bodies(rooms, caller, await _own(rooms, caller))})


@router.post("")
async def create_floating_ip(rooms: Rooms, caller: Asking, body: PoolIn | None = None) -> Json:
    """Of the pool that is named, or of the only one that there is."""
    wanted = body.pool if body else None
    pools = [one for one in await _pools(rooms, caller) if wanted in (None, one.id, one.name)]
    if not pools or (wanted is None and len(pools) > 1):
        raise CallerError(not_found("pool", "Floating IP pool not found."))
    asked = CreateFloatingIp(token=caller.token, network_id=pools[0].id)
    [made] = await rooms.network.create_floating_ips([asked])
    if isinstance(made, CallerFault) and made.kind == "OverQuota":
        raise CallerError(CallerFault(403, "Maximum number of floating IPs exceeded"))
    if isinstance(made, CallerFault) and made.kind == "IpAddressGenerationFailure":
        raise CallerError(not_found("pool", f"No more floating IPs in pool {pools[0].name}."))
    [answer] = await _bodies(rooms, caller, [value_of(made)])
    return Json({"floating_ip": answer})


@router.get("/{floating_id}")
async def show_floating_ip(floating_id: str, rooms: Rooms, caller: Asking) -> Json:
    [found] = await rooms.network.show_floating_ips([Reference(token=caller.token, id=floating_id)])
    [answer] = await _bodies(rooms, caller, [value_of(found)])
    return Json({"floating_ip": answer})


@router.delete("/{floating_id}")
async def delete_floating_ip(floating_id: str, rooms: Rooms, caller: Asking) -> Response:
    [fault] = await rooms.network.delete_floating_ips([Reference(token=caller.token, id=floating_id)])
    if fault is not None:
        raise CallerError(fault)
    return Response(status_code=ACCEPTED)


@pools_router.get("")
async def list_pools(rooms: Rooms, caller: Asking) -> Json:
    return Json({"floating_ip_pools": [{"name": pool.name or pool.id} for pool in await _pools(rooms, caller)]})


# ---------------------------------------------------------------- actions on a server


async def associate(rooms: EdgeRooms, caller: Caller, server_id: str, wanted: Association) -> None:
    """Also where it led elsewhere until now. Raises `CallerError`: what the network refuses is a 400, as in Nova."""
    floating = await _by_address(rooms, caller, wanted.address)
    port, fixed = await _end(rooms, caller, server_id, wanted.fixed_address or "")
    asked = UpdateFloatingIp(token=caller.token, id=floating.id, port_id=port.id, fixed_ip=fixed)
    [done] = await rooms.network.update_floating_ips([asked])
    if isinstance(done, CallerFault):
        text = (
            f"Unable to associate floating IP {wanted.address} to fixed IP {fixed} for instance {server_id}. "
            f"Error: {done.message}"
        )
        raise CallerError(bad_request("address", text))


async def disassociate(rooms: EdgeRooms, caller: Caller, server_id: str, wanted: Address) -> None:
    """Raises `CallerError` 409 where it does not lead to this server."""
    floating = await _by_address(rooms, caller, wanted.address)
    ports = await rooms.network.list_ports(PortQuery(token=caller.token, device_id=server_id))
    if floating.port_id not in {port.id for port in ports}:
        text = f"Floating IP {wanted.address} is not associated with instance {server_id}."
        raise CallerError(conflict("address", text))
    [done] = await rooms.network.update_floating_ips([UpdateFloatingIp(token=caller.token, id=floating.id, port_id="")])
    value_of(done)


async def _by_address(rooms: EdgeRooms, caller: Caller, address: str) -> FloatingIp:
    for floating in await rooms.network.list_floating_ips(caller.token):
        if floating.address == address:
            return floating
    raise CallerError(not_found("address", "floating IP not found"))


async def _end(rooms: EdgeRooms, caller: Caller, server_id: str, fixed: str) -> tuple[Port, str]:
    """The server's port that has the fixed address, or its first of IPv4."""
    ports = await rooms.network.list_ports(PortQuery(token=caller.token, device_id=server_id))
    ends = [(port, ip.ip_address) for port in ports for ip in port.fixed_ips if version_of(ip.ip_address) == 4]
    if not ends:
        raise CallerError(bad_request("address", "No fixed IPs associated to instance"))
    for port, address in ends:
        if fixed in ("", address):
            return port, address
    raise CallerError(bad_request("fixed_address", "Specified fixed address not assigned to instance"))


# ---------------------------------------------------------------- bodies


async def _own(rooms: EdgeRooms, caller: Caller) -> list[FloatingIp]:
    """The caller's project's, also where an administrator could see those of all."""
    rows = await rooms.network.list_floating_ips(caller.token)
    return [row for row in rows if row.project_id == caller.context.project_id]


async def _pools(rooms: EdgeRooms, caller: Caller) -> list[Network]:
    return [network for network in await rooms.network.list_networks(caller.token) if network.external]


async def _bodies(rooms: EdgeRooms, caller: Caller, rows: list[FloatingIp]) -> list[dict[str, Any]]:
    pools = {pool.id: pool.name or pool.id for pool in await _pools(rooms, caller)}
    ends = await rooms.network.where_they_lead(rows)
    return [_body(row, pools.get(row.network_id), ends.get(row.id)) for row in rows]


def _body(row: FloatingIp, pool: str | None, end: FloatingEnd | None) -> dict[str, Any]:
    return {
        "id": row.id,
        "ip": row.address,
        "fixed_ip": row.fixed_ip or None,
        "instance_id": (end.port.device_id or None) if end is not None else None,
        "pool": pool,
    }

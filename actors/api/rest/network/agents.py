"""/v2.0/agents and /v2.0/availability_zones: who serves the networks, as far as it is known."""

from __future__ import annotations

from fastapi import APIRouter, Request

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.network import views
from actors.api.rest.network.asked import listing
from actors.api.rest.network.listing import Body
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, not_found
from actors.network.naming import ZONE

router = APIRouter(prefix="/agents")
zones_router = APIRouter(prefix="/availability_zones")

ZONE_FIELDS = frozenset({"name", "resource", "state"})


@router.get("")
async def list_agents(request: Request, rooms: Rooms, caller: Asking) -> Json:
    return Json(listing(request, views.AGENT).answer("agents", await _agents(rooms, caller)))


@router.get("/{agent_id}")
async def show_agent(agent_id: str, rooms: Rooms, caller: Asking) -> Json:
    for body in await _agents(rooms, caller):
        if body["id"] == agent_id:
            return Json({"agent": body})
    raise CallerError(not_found("id", f"Agent {agent_id} could not be found.", "AgentNotFound"))


@router.get("/{agent_id}/l3-routers")
async def list_routers_of_agent(agent_id: str, rooms: Rooms, caller: Asking) -> Json:
    hosts = [body["host"] for body in await _agents(rooms, caller) if body["id"] == agent_id]
    if not hosts:
        raise CallerError(not_found("id", f"Agent {agent_id} could not be found.", "AgentNotFound"))
    rows = [row for row in await rooms.network.list_routers(caller.token) if row.host in hosts]
    gateways = await rooms.network.gateways([row.id for row in rows])
    return Json({"routers": [views.router(row, gateways.get(row.id)) for row in rows]})


@zones_router.get("")
async def list_zones(request: Request, rooms: Rooms, caller: Asking) -> Json:
    """A zone is there as soon as any node could serve a network or run a router."""
    served = await rooms.network.has_agents(caller.token)
    what = ("network", "router") if served else ()
    zones: list[Body] = [{"name": ZONE, "resource": resource, "state": "available"} for resource in what]
    return Json(listing(request, ZONE_FIELDS).answer("availability_zones", zones))


async def _agents(rooms: EdgeRooms, caller: Caller) -> list[Body]:
    """None but for administrators, as Neutron has it: what one may not see is not there."""
    if not caller.context.is_admin:
        return []
    return [body for view in await rooms.network.list_agents(caller.token) for body in views.agents(view)]

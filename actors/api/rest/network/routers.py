"""/v2.0/routers"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.network import views
from actors.api.rest.network.asked import Expected, all_made, created, deleted, items, listing
from actors.api.rest.network.bodies import (
    EditedRouter,
    EditedRoutes,
    Gateway,
    InterfaceWanted,
    NewRouters,
    Route,
    RouterNew,
)
from actors.api.rest.network.listing import Body, only
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, bad_request
from actors.network.messages import FixedIpRequest, Reference
from actors.network.router_messages import CreateRouter, ExternalGateway, InterfaceRequest, UpdateRouter
from actors.records import Router

router = APIRouter(prefix="/routers")


@router.get("")
async def list_routers(request: Request, rooms: Rooms, caller: Asking) -> Json:
    rows = await rooms.network.list_routers(caller.token)
    return Json(listing(request, views.ROUTER).answer("routers", await _bodies(rooms, rows)))


@router.post("")
async def create_routers(body: NewRouters, rooms: Rooms, caller: Asking) -> Json:
    wanted = [_new(item, caller) for item in items(body.router, body.routers, "router")]
    rows = all_made(await rooms.network.create_routers(wanted, True))
    return created("router", "routers", await _bodies(rooms, rows), body.router is not None)


@router.get("/{router_id}")
async def show_router(router_id: str, request: Request, rooms: Rooms, caller: Asking) -> Json:
    rows = all_made(await rooms.network.show_routers([Reference(token=caller.token, id=router_id)]))
    [body] = await _bodies(rooms, rows)
    return Json({"router": only(body, request.query_params.getlist("fields"))})


@router.put("/{router_id}")
async def update_router(router_id: str, body: EditedRouter, rooms: Rooms, caller: Asking, revision: Expected) -> Json:
    item = body.router
    fields = item.given("external_gateway_info", "routes")
    if "external_gateway_info" in item.model_fields_set:
        fields["gateway"] = _gateway(item.external_gateway_info)
    if "routes" in item.model_fields_set:
        fields["routes"] = _routes(item.routes)
    return await _updated(rooms, UpdateRouter(token=caller.token, id=router_id, revision=revision, **fields))


@router.delete("/{router_id}")
async def delete_router(router_id: str, rooms: Rooms, caller: Asking, revision: Expected) -> Json:
    reference = Reference(token=caller.token, id=router_id, revision=revision)
    return deleted(await rooms.network.delete_routers([reference]))


# ---------------------------------------------------------------- acts


@router.put("/{router_id}/add_router_interface")
async def add_interface(router_id: str, body: InterfaceWanted, rooms: Rooms, caller: Asking) -> Json:
    [done] = all_made(await rooms.network.add_router_interfaces([_interface(router_id, body, caller)]))
    return Json(views.router_interface(done))


@router.put("/{router_id}/remove_router_interface")
async def remove_interface(router_id: str, body: InterfaceWanted, rooms: Rooms, caller: Asking) -> Json:
    [done] = all_made(await rooms.network.remove_router_interfaces([_interface(router_id, body, caller)]))
    return Json(views.router_interface(done))


@router.put("/{router_id}/add_extraroutes")
async def add_routes(router_id: str, body: EditedRoutes, rooms: Rooms, caller: Asking) -> Json:
    wanted = UpdateRouter(token=caller.token, id=router_id, add_routes=_routes(body.router.routes))
    return await _updated(rooms, wanted)


@router.put("/{router_id}/remove_extraroutes")
async def remove_routes(router_id: str, body: EditedRoutes, rooms: Rooms, caller: Asking) -> Json:
    wanted = UpdateRouter(token=caller.token, id=router_id, remove_routes=_routes(body.router.routes))
    return await _updated(rooms, wanted)


@router.get("/{router_id}/l3-agents")
async def list_agents_of_router(router_id: str, rooms: Rooms, caller: Asking) -> Json:
    """The one that runs it, if it runs."""
    [row] = all_made(await rooms.network.show_routers([Reference(token=caller.token, id=router_id)]))
    running = [view for view in await rooms.network.list_agents(caller.token) if view.host == row.host]
    bodies = [body for view in running for body in views.agents(view) if body["agent_type"] == views.L3_AGENT]
    return Json({"agents": [body | {"ha_state": None} for body in bodies]})


# ---------------------------------------------------------------- bodies


async def _updated(rooms: EdgeRooms, wanted: UpdateRouter) -> Json:
    [body] = await _bodies(rooms, all_made(await rooms.network.update_routers([wanted])))
    return Json({"router": body})


async def _bodies(rooms: EdgeRooms, rows: list[Router]) -> list[Body]:
    gateways = await rooms.network.gateways([row.id for row in rows])
    return [views.router(row, gateways.get(row.id)) for row in rows]


def _new(item: RouterNew, caller: Caller) -> CreateRouter:
    gateway = item.external_gateway_info
    return CreateRouter(
        token=caller.token,
        name=item.name,
        project_id=item.owner,
        description=item.description,
        admin_state_up=item.admin_state_up,
        gateway=_gateway(gateway) if gateway is not None and gateway.model_fields_set else None,
        zone_hints=tuple(item.availability_zone_hints),
    )


def _gateway(item: Gateway | None) -> ExternalGateway:
    """null and {} are none; raises `CallerError` 400 for all else that names no network."""
    if item is None or not item.model_fields_set:
        return ExternalGateway(network_id="")
    if not item.network_id:
        provided = sorted(item.model_fields_set)
        text = (
            "Invalid input for external_gateway_info. Reason: Validation of dictionary's keys failed. "
            f"Expected keys: ['network_id'] Provided keys: {provided}."
        )
        raise CallerError(bad_request("external_gateway_info", text, "HTTPBadRequest"))
    more: dict[str, Any] = {"enable_snat": item.enable_snat}
    if item.external_fixed_ips is not None:
        more["fixed_ips"] = tuple(
            FixedIpRequest(subnet_id=ip.subnet_id or "", ip_address=ip.ip_address or "")
            for ip in item.external_fixed_ips
        )
    return ExternalGateway(network_id=item.network_id, **more)


def _routes(routes: list[Route] | None) -> tuple[tuple[str, str], ...]:
    return tuple((route.destination, route.nexthop) for route in routes or ())


def _interface(router_id: str, body: InterfaceWanted, caller: Caller) -> InterfaceRequest:
    subnet_id, port_id = body.subnet_id or "", body.port_id or ""
    return InterfaceRequest(token=caller.token, id=router_id, subnet_id=subnet_id, port_id=port_id)

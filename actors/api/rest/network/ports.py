"""/v2.0/ports"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.network import views
from actors.api.rest.network.asked import Expected, all_made, created, deleted, items, listing
from actors.api.rest.network.bodies import EditedPort, NewPorts, PortEdit, PortNew
from actors.api.rest.network.listing import Body, only
from actors.api.rest.rooms import EdgeRooms
from actors.network.messages import CreatePort, FixedIpRequest, PortQuery, Reference, UpdatePort
from actors.records import AddressPair, Port

router = APIRouter(prefix="/ports")

SHOWN_BY_SERVERS = {"security_groups", "fixed_ips"}
TEXTS = ("device_id", "device_owner", "dns_name", "mac_address", "host")  # null means that there is none


@router.get("")
async def list_ports(request: Request, rooms: Rooms, caller: Asking) -> Json:
    asked = listing(request, views.PORT)
    query = PortQuery(token=caller.token, network_id=asked.single("network_id"), device_id=asked.single("device_id"))
    rows = await rooms.network.list_ports(query)
    return Json(asked.answer("ports", [_body(rooms, caller, row) for row in rows]))


@router.post("")
async def create_ports(body: NewPorts, rooms: Rooms, caller: Asking) -> Json:
    wanted = [_new(item, caller) for item in items(body.port, body.ports, "port")]
    rows = all_made(await rooms.network.create_ports(wanted, True))
    return created("port", "ports", [_body(rooms, caller, row) for row in rows], body.port is not None)


@router.get("/{port_id}")
async def show_port(port_id: str, request: Request, rooms: Rooms, caller: Asking) -> Json:
    [row] = all_made(await rooms.network.show_ports([Reference(token=caller.token, id=port_id)]))
    return Json({"port": only(_body(rooms, caller, row), request.query_params.getlist("fields"))})


@router.put("/{port_id}")
async def update_port(port_id: str, body: EditedPort, rooms: Rooms, caller: Asking, revision: Expected) -> Json:
    wanted = UpdatePort(token=caller.token, id=port_id, revision=revision, **_fields(body.port))
    [row] = all_made(await rooms.network.update_ports([wanted]))
    if SHOWN_BY_SERVERS & body.port.model_fields_set:
        await rooms.api.ports_changed([row])
    return Json({"port": _body(rooms, caller, row)})


@router.delete("/{port_id}")
async def delete_port(port_id: str, rooms: Rooms, caller: Asking, revision: Expected) -> Json:
    reference = Reference(token=caller.token, id=port_id, revision=revision)
    return deleted(await rooms.network.delete_ports([reference]))


def _body(rooms: EdgeRooms, caller: Caller, row: Port) -> Body:
    return views.port(row, rooms.config.dns_domain, caller.context.is_admin)


def _new(item: PortNew, caller: Caller) -> CreatePort:
    fields = {name: value for name, value in _fields(item).items() if name not in ("project_id", "tenant_id")}
    return CreatePort(token=caller.token, project_id=item.owner, **fields)


def _fields(item: PortEdit) -> dict[str, Any]:
    """What was written, as the room calls it."""
    fields = item.given("fixed_ips", "security_groups", "allowed_address_pairs")
    fields |= {name: fields[name] or "" for name in TEXTS if name in fields}
    written = item.model_fields_set
    if "profile" in written:
        fields["profile"] = item.profile or {}
    if item.fixed_ips is not None:
        fields["fixed_ips"] = tuple(
            FixedIpRequest(subnet_id=ip.subnet_id or "", ip_address=ip.ip_address or "") for ip in item.fixed_ips
        )
    if "security_groups" in written:
        fields["security_groups"] = tuple(item.security_groups or ())
    if "allowed_address_pairs" in written:
        fields["allowed_address_pairs"] = tuple(
            AddressPair(pair.ip_address, pair.mac_address or "") for pair in item.allowed_address_pairs or ()
        )
    return fields

"""The interfaces of a server: its ports as Nova shows them, attach one, detach one."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field, IPvAnyAddress
from starlette.responses import Response

from actors.api.act_messages import AttachPort
from actors.api.messages import ServersRequest
from actors.api.rest.bodies import Strict
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.microversions import Spoken, Version
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, bad_request, not_found, value_of
from actors.messages import Vif
from actors.network.messages import PortQuery

router = APIRouter(prefix="/v2.1/servers/{server_id}/os-interface")

TAG_ASKED, TAG_SHOWN = (2, 49), (2, 70)
NOT_ENOUGH = ("NetworkAmbiguous", "IpAddressGenerationFailure")
NOT_THERE = ("PortNotFound", "NetworkNotFound")


class Address(Strict):
    ip_address: IPvAnyAddress


class Wanted(Strict):
    net_id: UUID | None = None
    port_id: UUID | None = None
    fixed_ips: Annotated[list[Address], Field(min_length=1, max_length=1)] | None = None
    tag: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^,/]*$")] | None = None


class Body(Strict):
    interfaceAttachment: Wanted = Wanted()


def interface(vif: Vif, state: str, version: Version) -> dict[str, Any]:
    shown = {
        "port_state": state,
        "fixed_ips": [{"subnet_id": ip.subnet_id, "ip_address": ip.ip_address} for ip in vif.fixed_ips],
        "net_id": vif.network_id,
        "port_id": vif.port_id,
        "mac_addr": vif.mac_address,
    }
    return shown | ({"tag": vif.tag or None} if version >= TAG_SHOWN else {})


@router.get("")
async def list_interfaces(server_id: str, rooms: Rooms, caller: Asking, version: Spoken) -> dict[str, Any]:
    return {"interfaceAttachments": await _interfaces(rooms, caller, server_id, version)}


@router.get("/{port_id}")
async def show_interface(server_id: str, port_id: str, rooms: Rooms, caller: Asking, version: Spoken) -> dict[str, Any]:
    for shown in await _interfaces(rooms, caller, server_id, version):
        if shown["port_id"] == port_id:
            return {"interfaceAttachment": shown}
    raise CallerError(not_found("", f"Instance {server_id} does not have a port with id {port_id[:64]}"))


@router.post("")
async def attach_interface(
    server_id: str, rooms: Rooms, caller: Asking, version: Spoken, body: Body | None = None
) -> dict[str, Any]:
    wanted = body.interfaceAttachment if body else Wanted()
    _check(wanted, version)
    asked = AttachPort(
        token=caller.token,
        server_id=server_id,
        port_id=str(wanted.port_id or ""),
        network_id=str(wanted.net_id or ""),
        fixed_ip=str(wanted.fixed_ips[0].ip_address) if wanted.fixed_ips else "",
        tag=wanted.tag or "",
        request_id=caller.request_id,
    )
    try:
        vif = await rooms.api.attach_interface(asked)
    except CallerError as error:
        if error.fault.kind in NOT_THERE:  # a bad body of a boot, but here it is what is asked for
            raise CallerError(not_found("", error.fault.message)) from None
        if error.fault.kind in NOT_ENOUGH:  # a conflict of a boot; here Nova calls it a bad request
            raise CallerError(bad_request("", error.fault.message)) from None
        raise
    return {"interfaceAttachment": interface(vif, "ACTIVE", version)}


def _check(wanted: Wanted, version: Version) -> None:
    if wanted.net_id and wanted.port_id:
        raise CallerError(bad_request("", "Must not input both network_id and port_id"))
    if wanted.fixed_ips and not wanted.net_id:
        raise CallerError(bad_request("", "Must input network_id when request IP address"))
    if wanted.tag is not None and version < TAG_ASKED:
        text = "Additional properties are not allowed ('tag' was unexpected)"
        raise CallerError(bad_request("", f"Invalid input for field/attribute interfaceAttachment: {text}"))


@router.delete("/{port_id}", status_code=202)
async def detach_interface(server_id: str, port_id: str, rooms: Rooms, caller: Asking) -> Response:
    await rooms.api.detach_interface(caller.token, server_id, port_id, caller.request_id)
    return Response(status_code=202)


async def _interfaces(rooms: EdgeRooms, caller: Caller, server_id: str, version: Version) -> list[dict[str, Any]]:
    [server] = await rooms.api.show(ServersRequest(token=caller.token, server_ids=(server_id,)))
    vifs = value_of(server).addresses
    ports = await rooms.network.list_ports(PortQuery(token=caller.token, device_id=server_id)) if vifs else []
    states = {port.id: port.status for port in ports}
    return [interface(vif, states.get(vif.port_id, "DOWN"), version) for vif in vifs]

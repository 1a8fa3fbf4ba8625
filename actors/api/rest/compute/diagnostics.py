"""What the hypervisor knows of a server, for administrators; and what no server here has: NUMA cells, a password."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from actors.api.messages import ServersRequest
from actors.api.rest.context import Asking, Rooms
from actors.api.rest.microversions import Spoken
from actors.errors import CallerError, forbidden, not_found, value_of

router = APIRouter(prefix="/v2.1/servers/{server_id}")

SHAPED, TOPOLOGIES_SINCE = (2, 48), (2, 78)


@router.get("/diagnostics")
async def show_diagnostics(server_id: str, rooms: Rooms, caller: Asking, version: Spoken) -> dict[str, Any]:
    """In one shape for all hypervisors from the version that has it; else what the hypervisor says."""
    [server] = await rooms.api.show(ServersRequest(token=caller.token, server_ids=(server_id,)))
    value_of(server)  # who may not see it learns nothing of it
    if not caller.context.is_admin:
        raise CallerError(forbidden("Policy doesn't allow os_compute_api:os-server-diagnostics to be performed."))
    found = await rooms.api.diagnostics(caller.token, server_id)
    if version >= SHAPED:
        return found
    return {name: value for name, value in found.items() if not isinstance(value, list)}


@router.get("/topology")
async def show_topology(server_id: str, rooms: Rooms, caller: Asking, version: Spoken) -> dict[str, Any]:
    """No guest here has NUMA cells or huge pages of its own."""
    if version < TOPOLOGIES_SINCE:
        raise CallerError(not_found("", "The resource could not be found."))
    [server] = await rooms.api.show(ServersRequest(token=caller.token, server_ids=(server_id,)))
    value_of(server)
    return {"nodes": [], "pagesize_kb": None}


@router.get("/os-server-password")
async def show_password(server_id: str, rooms: Rooms, caller: Asking) -> dict[str, str]:
    """No guest agent posts one to this cloud."""
    [server] = await rooms.api.show(ServersRequest(token=caller.token, server_ids=(server_id,)))
    value_of(server)
    return {"password": ""}


@router.delete("/os-server-password", status_code=204)
async def forget_password(server_id: str, rooms: Rooms, caller: Asking) -> Response:
    [server] = await rooms.api.show(ServersRequest(token=caller.token, server_ids=(server_id,)))
    value_of(server)
    return Response(status_code=204)

"""What the hypervisor knows of a server, for administrators; and what no server here has: NUMA cells, a password."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from actors.api.messages import ServersRequest
from actors.api.rest.context import Asking, Rooms
from actors.api.rest.microversions import Spoken
from actors.errors import CallerError, forbidden, not_found, value_of
from actors.messages import ServerView

router = APIRouter(prefix="/v2.1/servers/{server_id}")

SHAPED, TOPOLOGIES_SINCE = (2, 48), (2, 78)
DRIVER = "libvirt"  # of those that the interface has names for the one here; `hypervisor` says where guests are none
NIC = (
    "mac_address", "rx_octets", "rx_errors", "rx_drop", "rx_packets", "rx_rate", "tx_octets", "tx_errors", "tx_drop",
    "tx_packets", "tx_rate",
)  # fmt: skip
DISK = ("read_bytes", "read_requests", "write_bytes", "write_requests", "errors_count")


@router.get("/diagnostics")
async def show_diagnostics(server_id: str, rooms: Rooms, caller: Asking, version: Spoken) -> dict[str, Any]:
    """In one shape for all hypervisors from the version that has it; else what the hypervisor says."""
    [found] = await rooms.api.show(ServersRequest(token=caller.token, server_ids=(server_id,)))
    server = value_of(found)  # who may not see it learns nothing of it
    if not caller.context.is_admin:
        raise CallerError(forbidden("Policy doesn't allow os_compute_api:os-server-diagnostics to be performed."))
    said = await rooms.api.diagnostics(caller.token, server_id)
    if version >= SHAPED:
        return shaped(said, server, rooms.clock.now())
    return {name: value for name, value in said.items() if not isinstance(value, list)}


def shaped(said: dict[str, Any], server: ServerView, now: float) -> dict[str, Any]:
    """Every field: what the hypervisor says, else what the cloud knows of the server, else null."""
    vcpus, ram_mib = (known.vcpus, known.ram_mib) if (known := server.embedded_flavor) else (0, None)
    cpus = said.get("cpu_details") or [{"id": number, "time": None, "utilisation": None} for number in range(vcpus)]
    nics = said.get("nic_details") or [dict.fromkeys(NIC) | {"mac_address": v.mac_address} for v in server.addresses]
    local = server.image_id and not any(volume.boot_index == 0 for volume in server.volumes)
    disks = said.get("disk_details") or [dict.fromkeys(DISK) for _ in range(len(server.volumes) + bool(local))]
    return {
        "state": said.get("state", "running"),  # others are refused
        "driver": DRIVER,
        "hypervisor": said.get("hypervisor"),
        "hypervisor_os": said.get("hypervisor_os"),
        "uptime": int(now - server.launched_at),  # in seconds since it was launched, as Nova's libvirt driver counts
        "config_drive": server.config_drive,
        "num_cpus": len(cpus),
        "num_nics": len(nics),
        "num_disks": len(disks),
        "memory_details": {"maximum": ram_mib, "used": None} | said.get("memory_details", {}),
        "cpu_details": cpus,
        "nic_details": nics,
        "disk_details": disks,
    }


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

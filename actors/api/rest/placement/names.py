"""/resource_classes and /traits: the names by which hosts are described."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request

from actors.api.rest.answers import Json
from actors.api.rest.context import Rooms
from actors.api.rest.microversions import Spoken, Version
from actors.api.rest.placement.asked import BAD_VALUE, Administrator, check_parameters, since
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, bad_request, not_found

router = APIRouter()

STANDARD_CLASSES = (
    "VCPU", "MEMORY_MB", "DISK_GB", "PCI_DEVICE", "SRIOV_NET_VF", "NUMA_SOCKET", "NUMA_CORE", "NUMA_THREAD",
    "NUMA_MEMORY_MB", "IPV4_ADDRESS", "VGPU", "VGPU_DISPLAY_HEAD", "NET_BW_EGR_KILOBIT_PER_SEC",
    "NET_BW_IGR_KILOBIT_PER_SEC", "PCPU", "MEM_ENCRYPTION_CONTEXT", "FPGA", "PGPU",
    "NET_PACKET_RATE_KILOPACKET_PER_SEC",
    "NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC", "NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC",
)  # fmt: skip


@router.get("/resource_classes", dependencies=[Depends(since(2))])
async def list_classes(rooms: Rooms, caller: Administrator, spoken: Spoken) -> Json:
    names = await _classes(rooms)
    return Json({"resource_classes": [_class(name, spoken) for name in names]})


@router.get("/resource_classes/{name}", dependencies=[Depends(since(2))])
async def show_class(name: str, rooms: Rooms, caller: Administrator, spoken: Spoken) -> Json:
    if name not in await _classes(rooms):
        raise CallerError(not_found("", f"No such resource class {name[:64]}."))
    return Json(_class(name, spoken))


@router.get("/traits", dependencies=[Depends(since(6))])
async def list_traits(request: Request, rooms: Rooms, caller: Administrator, spoken: Spoken) -> Json:
    """Every trait is one that some host has, so `associated=true` narrows nothing."""
    check_parameters(request, spoken, {"name": 6, "associated": 6})
    names = await _traits(rooms)
    how, _, text = request.query_params.get("name", "startswith:").partition(":")
    if how not in ("in", "startswith"):
        raise CallerError(bad_request("name", "Badly formatted name parameter: in:A,B or startswith:A", BAD_VALUE))
    wanted = [name for name in names if (name in text.split(",") if how == "in" else name.startswith(text))]
    associated = request.query_params.get("associated", "true").lower()
    if associated not in ("true", "false"):
        raise CallerError(bad_request("associated", "The query parameter associated is true or false", BAD_VALUE))
    return Json({"traits": wanted if associated == "true" else []})


@router.get("/traits/{name}", dependencies=[Depends(since(6))])
async def show_trait(name: str, rooms: Rooms, caller: Administrator) -> Json:
    if name not in await _traits(rooms):
        raise CallerError(not_found("", f"No such trait: {name[:64]}."))
    return Json(None, status_code=204)


def _class(name: str, spoken: Version) -> dict[str, object]:
    return {"name": name, "links": [{"rel": "self", "href": f"/placement/resource_classes/{name}"}]}


async def _classes(rooms: EdgeRooms) -> list[str]:
    told = {name for each in await rooms.scheduler.providers() for name in each.inventories}
    return [*STANDARD_CLASSES, *sorted(told.difference(STANDARD_CLASSES))]


async def _traits(rooms: EdgeRooms) -> list[str]:
    return sorted({name for each in await rooms.scheduler.providers() for name in each.traits})

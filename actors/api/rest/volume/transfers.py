"""Volumes that go to another project: /v3/os-volume-transfer, and since 3.55 /v3/volume-transfers."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.bodies import Strict
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.microversions import Spoken, Version
from actors.api.rest.volume.bodies import Flag
from actors.api.rest.volume.paths import links_of, of_own_project, since
from actors.api.rest.volume.queries import TRANSFER_FILTERS, page_parts, query_of
from actors.api.rest.volume.views import time_of
from actors.errors import CallerError, bad_request, value_of
from actors.records import VolumeTransfer
from actors.volume.messages import CreateTransfer, ListRows, TransferRequest

WITH_SNAPSHOTS, WITH_PROJECTS = (3, 55), (3, 57)
OLDER, NEWER = "os-volume-transfer", "volume-transfers"
older = APIRouter(prefix=f"/v3/{OLDER}", dependencies=[Depends(of_own_project)])
newer = APIRouter(prefix=f"/v3/{NEWER}", dependencies=[Depends(of_own_project), Depends(since(55))])


class NewTransfer(Strict):
    volume_id: str
    name: str | None = None
    no_snapshots: Flag | None = None


class CreateTransferBody(Strict):
    transfer: NewTransfer


class Acceptance(Strict):
    auth_key: str


class AcceptBody(Strict):
    accept: Acceptance


async def create(request: Request, body: CreateTransferBody, caller: Asking, rooms: Rooms, spoken: Spoken) -> Json:
    """The one answer that has the key."""
    asked = body.transfer
    if asked.no_snapshots is not None and spoken < WITH_SNAPSHOTS:
        raise CallerError(bad_request("no_snapshots", "is there since 3.55"))
    wanted = CreateTransfer(
        token=caller.token,
        volume_id=asked.volume_id,
        name=asked.name or "",
        no_snapshots=bool(asked.no_snapshots),
    )
    offer = value_of((await rooms.volume.create_transfer([wanted]))[0])
    said = _detailed(request, caller, offer, spoken) | {"auth_key": wanted.auth_key}
    return Json({"transfer": said}, status_code=202)


async def list_transfers(request: Request, caller: Asking, rooms: Rooms, spoken: Spoken) -> Json:
    return await _list(request, caller, rooms, spoken, detailed=False)


async def list_details(request: Request, caller: Asking, rooms: Rooms, spoken: Spoken) -> Json:
    return await _list(request, caller, rooms, spoken, detailed=True)


async def _list(request: Request, caller: Caller, rooms: Rooms, spoken: Version, *, detailed: bool) -> Json:
    query = query_of(request.query_params, TRANSFER_FILTERS, spoken)
    page = value_of((await rooms.volume.page_transfers([ListRows(token=caller.token, query=query)]))[0])
    rows = [_detailed(request, caller, row, spoken) if detailed else _brief(request, caller, row) for row in page.rows]
    beside = page_parts(request, caller, _noun(request), ([row.id for row in page.rows], page.total, page.more), spoken)
    links = beside.pop(f"{_noun(request)}_links", None)
    return Json({"transfers": rows} | ({"transfers_links": links} if links else {}) | beside)


async def show(request: Request, transfer_id: str, caller: Asking, rooms: Rooms, spoken: Spoken) -> Json:
    asked = TransferRequest(token=caller.token, transfer_id=transfer_id)
    offer = value_of((await rooms.volume.show_transfer([asked]))[0])
    return Json({"transfer": _detailed(request, caller, offer, spoken)})


async def delete(transfer_id: str, caller: Asking, rooms: Rooms) -> Response:
    asked = TransferRequest(token=caller.token, transfer_id=transfer_id)
    value_of((await rooms.volume.delete_transfer([asked]))[0])
    return Response(status_code=202)


async def accept(request: Request, transfer_id: str, body: AcceptBody, caller: Asking, rooms: Rooms) -> Json:
    asked = TransferRequest(token=caller.token, transfer_id=transfer_id, auth_key=body.accept.auth_key)
    offer = value_of((await rooms.volume.accept_transfer([asked]))[0])
    return Json({"transfer": _brief(request, caller, offer)}, status_code=202)


for _router in (older, newer):
    _router.add_api_route("", create, methods=["POST"], status_code=202)
    _router.add_api_route("", list_transfers, methods=["GET"])
    _router.add_api_route("/detail", list_details, methods=["GET"])
    _router.add_api_route("/{transfer_id}", show, methods=["GET"])
    _router.add_api_route("/{transfer_id}", delete, methods=["DELETE"], status_code=202)
    _router.add_api_route("/{transfer_id}/accept", accept, methods=["POST"], status_code=202)


def _noun(request: Request) -> str:
    return NEWER if f"/{NEWER}" in request.url.path else OLDER


def _brief(request: Request, caller: Caller, offer: VolumeTransfer) -> dict[str, Any]:
    return {
        "id": offer.id,
        "volume_id": offer.volume_id,
        "name": offer.name or None,
        "links": links_of(request, caller, f"{_noun(request)}/{offer.id}"),
    }


def _detailed(request: Request, caller: Caller, offer: VolumeTransfer, spoken: Version) -> dict[str, Any]:
    body = _brief(request, caller, offer) | {"created_at": time_of(offer.created_at)}
    if spoken >= WITH_SNAPSHOTS:
        body["no_snapshots"] = offer.no_snapshots
    if spoken >= WITH_PROJECTS:
        body |= {"source_project_id": offer.project_id, "destination_project_id": None, "accepted": False}
    return body

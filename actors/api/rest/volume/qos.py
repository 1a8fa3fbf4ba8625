"""QoS specs, and the volume types that have them: /v3/qos-specs. For administrators."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import Field, StringConstraints
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.bodies import Strict
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.volume.bodies import KEY_LIMIT, Open
from actors.api.rest.volume.paths import links_of, of_own_project
from actors.api.rest.volume.queries import flag
from actors.errors import CallerError, bad_request, value_of
from actors.records import QosSpecs
from actors.volume.messages import AssociateQos, CreateQos, QosRequest, UpdateQos

router = APIRouter(prefix="/v3/qos-specs", dependencies=[Depends(of_own_project)])
Spec = Annotated[str, StringConstraints(max_length=KEY_LIMIT)]
KEYS_LIMIT = 1_000  # that one request takes away


class New(Open):
    """All but its name and consumer are its specs."""

    __pydantic_extra__: dict[str, Spec]
    name: str
    consumer: str = "back-end"


class NewBody(Strict):
    qos_specs: New


class ChangesBody(Strict):
    qos_specs: dict[Spec, Spec]


class KeysBody(Strict):
    keys: Annotated[list[Spec], Field(max_length=KEYS_LIMIT)]


@router.get("")
async def list_specs(caller: Asking, rooms: Rooms) -> Json:
    return Json({"qos_specs": [_body(row) for row in value_of(await rooms.volume.list_qos(caller.token))]})


@router.post("")
async def create(request: Request, body: NewBody, caller: Asking, rooms: Rooms) -> Json:
    asked = body.qos_specs
    specs = dict(asked.__pydantic_extra__ or {})
    wanted = CreateQos(token=caller.token, name=asked.name, consumer=asked.consumer, specs=specs)
    return _shown(request, caller, value_of((await rooms.volume.create_qos([wanted]))[0]))


@router.get("/{qos_id}")
async def show(request: Request, qos_id: str, caller: Asking, rooms: Rooms) -> Json:
    return _shown(request, caller, value_of((await rooms.volume.show_qos([_named(caller, qos_id)]))[0]))


@router.put("/{qos_id}")
async def update(qos_id: str, body: ChangesBody, caller: Asking, rooms: Rooms) -> Json:
    specs = dict(body.qos_specs)
    wanted = UpdateQos(token=caller.token, qos_id=qos_id, consumer=specs.pop("consumer", ""), put=specs)
    value_of((await rooms.volume.update_qos([wanted]))[0])
    return Json({"qos_specs": body.qos_specs})


@router.put("/{qos_id}/delete_keys", status_code=202)
async def delete_keys(qos_id: str, body: KeysBody, caller: Asking, rooms: Rooms) -> Response:
    value_of((await rooms.volume.update_qos([UpdateQos(token=caller.token, qos_id=qos_id, drop=tuple(body.keys))]))[0])
    return Response(status_code=202)


@router.delete("/{qos_id}", status_code=202)
async def delete(request: Request, qos_id: str, caller: Asking, rooms: Rooms) -> Response:
    force = flag("force", request.query_params.get("force", "false"))
    value_of((await rooms.volume.delete_qos([QosRequest(token=caller.token, qos_id=qos_id, force=force)]))[0])
    return Response(status_code=202)


@router.get("/{qos_id}/associations")
async def associations(qos_id: str, caller: Asking, rooms: Rooms) -> Json:
    types = value_of((await rooms.volume.qos_types([_named(caller, qos_id)]))[0])
    rows = [{"association_type": "volume_type", "name": kind.name, "id": kind.id} for kind in types]
    return Json({"qos_associations": rows})


@router.get("/{qos_id}/associate", status_code=202)
async def associate(request: Request, qos_id: str, caller: Asking, rooms: Rooms) -> Response:
    """A change by a GET, as Cinder has it; so are the two below."""
    return await _associated(rooms, _association(request, caller, qos_id, add=True))


@router.get("/{qos_id}/disassociate", status_code=202)
async def disassociate(request: Request, qos_id: str, caller: Asking, rooms: Rooms) -> Response:
    return await _associated(rooms, _association(request, caller, qos_id, add=False))


@router.get("/{qos_id}/disassociate_all", status_code=202)
async def disassociate_all(qos_id: str, caller: Asking, rooms: Rooms) -> Response:
    return await _associated(rooms, AssociateQos(token=caller.token, qos_id=qos_id))


async def _associated(rooms: Rooms, wanted: AssociateQos) -> Response:
    value_of((await rooms.volume.associate_qos([wanted]))[0])
    return Response(status_code=202)


def _association(request: Request, caller: Caller, qos_id: str, *, add: bool) -> AssociateQos:
    type_id = request.query_params.get("vol_type_id", "")
    if not type_id:
        raise CallerError(bad_request("vol_type_id", "Volume Type id must not be None."))
    return AssociateQos(token=caller.token, qos_id=qos_id, type_id=type_id, add=add)


def _named(caller: Caller, qos_id: str) -> QosRequest:
    return QosRequest(token=caller.token, qos_id=qos_id)


def _shown(request: Request, caller: Caller, row: QosSpecs) -> Json:
    return Json({"qos_specs": _body(row), "links": links_of(request, caller, f"qos-specs/{row.id}")})


def _body(row: QosSpecs) -> dict[str, Any]:
    return {"id": row.id, "name": row.name, "consumer": row.consumer, "specs": row.specs}

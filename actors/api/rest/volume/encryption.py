"""How volumes of a type are to be encrypted: /v3/types/{type_id}/encryption. For administrators."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.bodies import Strict
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.rooms import EdgeRooms
from actors.api.rest.volume.bodies import Size
from actors.api.rest.volume.paths import of_own_project
from actors.api.rest.volume.views import time_of
from actors.errors import CallerError, not_found, value_of
from actors.records import TypeEncryption
from actors.volume.messages import CreateEncryption, EncryptionRequest, VolumeTypeRequest

router = APIRouter(prefix="/v3/types/{type_id}/encryption", dependencies=[Depends(of_own_project)])


class Changes(Strict):
    provider: str | None = None
    control_location: str | None = None
    cipher: str | None = None
    key_size: Size | None = None


class New(Changes):
    provider: str
    control_location: str


class NewBody(Strict):
    encryption: New


class ChangesBody(Strict):
    encryption: Changes


@router.get("")
async def show(type_id: str, caller: Asking, rooms: Rooms) -> Json:
    """Nothing for a type whose volumes are not encrypted."""
    return Json(_whole(type_id, await _encryption(type_id, caller, rooms)))


@router.get("/{key}")
async def show_one(type_id: str, key: str, caller: Asking, rooms: Rooms) -> Json:
    whole = _whole(type_id, await _encryption(type_id, caller, rooms))
    if whole.get(key) is None:
        raise CallerError(not_found("key", f"Volume type encryption for type {type_id} has no {key[:64]!r}."))
    return Json({key: whole[key]})


@router.post("")
async def create(type_id: str, body: NewBody, caller: Asking, rooms: Rooms) -> Json:
    asked = body.encryption
    wanted = CreateEncryption(
        token=caller.token,
        type_id=type_id,
        provider=asked.provider,
        control_location=asked.control_location,
        cipher=asked.cipher or "",
        key_size=asked.key_size or 0,
    )
    [made] = value_of((await rooms.volume.create_encryption([wanted]))[0]).encryption
    return Json({"encryption": {"volume_type_id": type_id, "encryption_id": made.id, **_said(made)}})


@router.put("/{encryption_id}")
async def update(type_id: str, encryption_id: str, body: ChangesBody, caller: Asking, rooms: Rooms) -> Json:
    given = body.encryption.model_dump(exclude_unset=True)
    named = EncryptionRequest(token=caller.token, type_id=type_id, encryption_id=encryption_id, **given)
    [made] = value_of((await rooms.volume.update_encryption([named]))[0]).encryption
    return Json({"encryption": {name: value for name, value in _said(made).items() if name in given}})


@router.delete("/{encryption_id}", status_code=202)
async def delete(type_id: str, encryption_id: str, caller: Asking, rooms: Rooms) -> Response:
    named = EncryptionRequest(token=caller.token, type_id=type_id, encryption_id=encryption_id)
    value_of((await rooms.volume.delete_encryption([named]))[0])
    return Response(status_code=202)


async def _encryption(type_id: str, caller: Caller, rooms: EdgeRooms) -> TypeEncryption | None:
    kind = value_of((await rooms.volume.show_type([VolumeTypeRequest(token=caller.token, type_id=type_id)]))[0])
    return kind.encryption[0] if kind.encryption else None


def _whole(type_id: str, row: TypeEncryption | None) -> dict[str, Any]:
    if row is None:
        return {}
    return {
        "volume_type_id": type_id,
        "encryption_id": row.id,
        **_said(row),
        "created_at": time_of(row.created_at),
        "updated_at": time_of(row.updated_at),
        "deleted": False,
        "deleted_at": None,
    }


def _said(row: TypeEncryption) -> dict[str, Any]:
    return {
        "provider": row.provider,
        "control_location": row.control_location,
        "cipher": row.cipher or None,
        "key_size": row.key_size or None,
    }

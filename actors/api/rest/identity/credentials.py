"""`/v3/credentials`: what identity keeps for a user and shows again, and `OS-EC2`, the pairs of keys among it.

Facts: docs.openstack.org/api-ref/identity, «Credentials», «OS-EC2». The id of a pair is the SHA-256 of its access key.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.bodies import Lenient, Name
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.identity.row_bodies import Id
from actors.api.rest.identity.rows import matches, v3_url
from actors.api.rest.identity.views import linked, listed, row_view
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, CallerFault, bad_request, not_found, value_of
from actors.identity.messages import Create, CredentialView, Find, Remove, Update, new_id

router = APIRouter(prefix="/v3", tags=["credential"])
BLOB_LIMIT = 32_768  # characters
EC2 = "ec2"
Blob = Annotated[str, StringConstraints(min_length=1, max_length=BLOB_LIMIT)]


class Credential(Lenient):
    user_id: Id
    type: Name
    blob: Blob
    project_id: Id | None = None


class CredentialBody(Lenient):
    credential: Credential


class Changes(Lenient):
    """Of what is more than the blob, the room says that it stays."""

    user_id: Id | None = None
    type: Name | None = None
    blob: Blob | None = None
    project_id: Id | None = None


class ChangesBody(Lenient):
    credential: Changes


class PairBody(Lenient):
    tenant_id: Annotated[str, Field(min_length=1, max_length=64)]


@router.post("/credentials", status_code=201)
async def create_credential(body: CredentialBody, asking: Asking, rooms: Rooms, request: Request) -> Response:
    wanted = body.credential
    fields = {"user_id": wanted.user_id, "type": wanted.type, "project_id": wanted.project_id or ""}
    return _one(await _created(asking, rooms, fields, wanted.blob), request, 201)


@router.get("/credentials")
async def list_credentials(asking: Asking, rooms: Rooms, request: Request) -> Response:
    shown = [row_view(row, v3_url(request)) for row in await _all(asking, rooms)]
    wanted = [body for body in shown if matches(body, request.query_params, ("user_id", "type"))]
    return Json(listed("credentials", wanted, str(request.url)))


@router.get("/credentials/{credential_id}")
async def show_credential(credential_id: str, asking: Asking, rooms: Rooms, request: Request) -> Response:
    [reply] = await rooms.identity.find([Find(token=asking.token, kind="credential", id=credential_id)])
    [row] = value_of(reply)
    return _one(row, request, 200)


@router.patch("/credentials/{credential_id}")
async def update_credential(
    credential_id: str, body: ChangesBody, asking: Asking, rooms: Rooms, request: Request
) -> Response:
    said = body.credential.model_dump(exclude_none=True)
    blob = said.pop("blob", "")
    wanted = Update(token=asking.token, kind="credential", id=credential_id, fields=said, secret=blob)
    [reply] = await rooms.identity.update([wanted])
    return _one(value_of(reply), request, 200)


@router.delete("/credentials/{credential_id}", status_code=204)
async def delete_credential(credential_id: str, asking: Asking, rooms: Rooms) -> Response:
    await _remove(asking, rooms, credential_id)
    return Response(status_code=204)


# ---------------------------------------------------------------- pairs of keys


@router.post("/users/{user_id}/credentials/OS-EC2", status_code=201)
async def create_pair(user_id: str, body: PairBody, asking: Asking, rooms: Rooms, request: Request) -> Response:
    blob = json.dumps({"access": new_id(), "secret": new_id(), "trust_id": None})
    fields = {"user_id": user_id, "type": EC2, "project_id": body.tenant_id}
    return Json({"credential": _pair(await _created(asking, rooms, fields, blob), request)}, status_code=201)


@router.get("/users/{user_id}/credentials/OS-EC2")
async def list_pairs(user_id: str, asking: Asking, rooms: Rooms, request: Request) -> Response:
    [reply] = await rooms.identity.find([Find(token=asking.token, kind="user", id=user_id)])
    value_of(reply)
    rows = [row for row in await _all(asking, rooms) if row.user_id == user_id and row.type == EC2]
    return Json(listed("credentials", [_pair(row, request) for row in rows], str(request.url)))


@router.get("/users/{user_id}/credentials/OS-EC2/{access}")
async def show_pair(user_id: str, access: str, asking: Asking, rooms: Rooms, request: Request) -> Response:
    return Json({"credential": _pair(await _pair_of(user_id, access, asking, rooms), request)})


@router.delete("/users/{user_id}/credentials/OS-EC2/{access}", status_code=204)
async def delete_pair(user_id: str, access: str, asking: Asking, rooms: Rooms) -> Response:
    await _remove(asking, rooms, (await _pair_of(user_id, access, asking, rooms)).id)
    return Response(status_code=204)


def pair_id(access: str) -> str:
    return hashlib.sha256(access.encode("utf-8", "replace")).hexdigest()


async def _created(asking: Caller, rooms: EdgeRooms, fields: dict[str, str], blob: str) -> CredentialView:
    row_id = new_id()
    if fields["type"] == EC2:
        row_id = pair_id(_required_access(blob))
        if not fields["project_id"]:
            raise CallerError(bad_request("project_id", "a pair of keys is for a project"))
    wanted = Create(token=asking.token, kind="credential", id=row_id, fields=dict(fields), secret=blob)
    [reply] = await rooms.identity.create([wanted])
    row = value_of(reply)
    assert isinstance(row, CredentialView)
    return row


async def _all(asking: Caller, rooms: EdgeRooms) -> list[CredentialView]:
    [reply] = await rooms.identity.find([Find(token=asking.token, kind="credential")])
    return [row for row in value_of(reply) if isinstance(row, CredentialView)]


async def _pair_of(user_id: str, access: str, asking: Caller, rooms: EdgeRooms) -> CredentialView:
    wanted = [
        Find(token=asking.token, kind="user", id=user_id),
        Find(token=asking.token, kind="credential", id=pair_id(access)),
    ]
    user, found = await rooms.identity.find(wanted)
    value_of(user)  # whoever may see the user learns whether it has this pair
    if isinstance(found, CallerFault) and found.status not in (403, 404):
        raise CallerError(found)
    row = found[0] if isinstance(found, list) else None
    if not isinstance(row, CredentialView) or row.user_id != user_id or row.type != EC2:
        raise CallerError(not_found("credential", f"Could not find credential: {access}."))
    return row


async def _remove(asking: Caller, rooms: EdgeRooms, row_id: str) -> None:
    [fault] = await rooms.identity.remove([Remove(token=asking.token, kind="credential", id=row_id)])
    value_of(fault)


def _required_access(blob: str) -> str:
    access = _keys(blob).get("access")
    if not isinstance(access, str) or not access:
        raise CallerError(bad_request("blob", "the blob of a pair of keys is an object in JSON with its access key"))
    return access


def _keys(blob: str) -> dict[str, Any]:
    """{} where it is no object in JSON, which one that was changed need not be."""
    try:
        said = json.loads(blob)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _pair(row: CredentialView, request: Request) -> dict[str, Any]:
    keys = _keys(row.blob)
    body = {"access": keys.get("access"), "secret": keys.get("secret"), "trust_id": keys.get("trust_id")}
    url = f"{v3_url(request)}/users/{row.user_id}/credentials/OS-EC2/{body['access']}"
    return linked(body | {"user_id": row.user_id, "tenant_id": row.project_id}, url)


def _one(row: Any, request: Request, status: int) -> Response:
    return Json({"credential": row_view(row, v3_url(request))}, status_code=status)

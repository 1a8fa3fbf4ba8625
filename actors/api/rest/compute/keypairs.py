"""Key pairs over HTTP. Since 2.10 an administrator may ask for another user's."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import StringConstraints
from starlette.responses import Response

from actors.api.keypairs import fingerprint
from actors.api.messages import CreateKeypair
from actors.api.rest.answers import Json
from actors.api.rest.bodies import Strict
from actors.api.rest.compute.dates import micro
from actors.api.rest.compute.queries import in_order, known_only, missing, unexpected
from actors.api.rest.context import Asking, Rooms
from actors.api.rest.microversions import Spoken, Version
from actors.api.rest.paging import next_link, page_of
from actors.errors import CallerError, bad_request, value_of
from actors.records import Keypair

router = APIRouter()

KeyName = Annotated[str, StringConstraints(min_length=1, max_length=255)]
OLD_NAME = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _-")
NEW_NAME = OLD_NAME | set("@.")
FIELDS_SINCE = {"type": (2, 2), "user_id": (2, 10)}


class KeypairIn(Strict):
    name: KeyName
    public_key: Annotated[str, StringConstraints(min_length=1, max_length=65_535)] | None = None
    type: Literal["ssh", "x509"] = "ssh"
    user_id: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None


class CreateKeypairBody(Strict):
    keypair: KeypairIn


@router.get("/os-keypairs", dependencies=[known_only("user_id", "limit", "marker")])
async def index(request: Request, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    keypairs = await rooms.api.keypairs(asking.token, _user(request, version))
    more = ""
    if version >= (2, 35):
        keypairs, more = page_of(
            keypairs, in_order(request.query_params), lambda one: one.name, lambda one, _: one.name
        )
    body: dict[str, Any] = {"keypairs": [{"keypair": _short(one, version)} for one in keypairs]}
    if more:
        body["keypairs_links"] = [{"rel": "next", "href": next_link(request.url, more)}]
    return Json(body)


@router.post("/os-keypairs")
async def create(body: CreateKeypairBody, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    given = body.keypair
    _check(given, version)
    request = CreateKeypair(
        token=asking.token,
        name=given.name,
        public_key=given.public_key or "",  # as it is: clients compare it with their file, line's end and all
        type=given.type,
        user_id=given.user_id or "",
        repeatable=False,
    )
    made = value_of(await rooms.api.make_keypair(request))
    shown = _short(made.keypair, version) | {"user_id": made.keypair.user_id}
    if made.private_key:
        shown["private_key"] = made.private_key
    return Json({"keypair": shown}, status_code=201 if version >= (2, 2) else 200)


def _check(given: KeypairIn, version: Version) -> None:
    for field in given.model_fields_set:
        if version < FIELDS_SINCE.get(field, version):
            raise unexpected(field)
    if version >= (2, 92) and given.public_key is None:
        raise missing("keypair", "public_key")
    if not set(given.name) <= (NEW_NAME if version >= (2, 92) else OLD_NAME) or given.name != given.name.strip():
        raise CallerError(bad_request("", "Keypair data is invalid: Keypair name contains unsafe characters"))


@router.get("/os-keypairs/{name}", dependencies=[known_only("user_id")])
async def show(name: str, request: Request, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    keypair = await rooms.api.keypair(asking.token, name, _user(request, version))
    body = _short(keypair, version) | {
        "user_id": keypair.user_id,
        "id": _number(keypair),
        "created_at": micro(keypair.created_at),
        "updated_at": None,
        "deleted_at": None,
        "deleted": False,
    }
    return Json({"keypair": body})


@router.delete("/os-keypairs/{name}")
async def delete(name: str, request: Request, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    fault = await rooms.api.delete_keypair(asking.token, name, _user(request, version))
    if fault is not None:
        raise CallerError(fault)
    return Response(status_code=204 if version >= (2, 2) else 202)


def _user(request: Request, version: Version) -> str:
    return request.query_params.get("user_id", "") if version >= (2, 10) else ""


def _short(keypair: Keypair, version: Version) -> dict[str, Any]:
    body = {"name": keypair.name, "public_key": keypair.public_key, "fingerprint": fingerprint(keypair)}
    return body | ({"type": keypair.type} if version >= (2, 2) else {})


def _name(keypair: Keypair) -> str:
    return keypair.name


def _number(keypair: Keypair) -> int:
    """Clients show one; pairs are known by their user and name."""
    return int(fingerprint(keypair).replace(":", "")[:7], 16)

"""`/v3/OS-TRUST/trusts`: who lets whom act for itself.

Facts: docs.openstack.org/api-ref/identity/v3-ext, «OS-TRUST API».
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import ConfigDict, Field, StrictBool, StrictInt, StringConstraints
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.bodies import Lenient
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.identity.row_bodies import Id
from actors.api.rest.identity.rows import v3_url
from actors.api.rest.identity.users import roles_of, until
from actors.api.rest.identity.views import listed, row_view
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, bad_request, forbidden, not_found, value_of
from actors.identity.may import sees_all
from actors.identity.messages import Create, Find, Remove
from actors.identity.trusts import WITHOUT_END
from actors.records import Role, Trust

router = APIRouter(prefix="/v3/OS-TRUST/trusts", tags=["trusts"])
READ = ["GET", "HEAD"]
COUNT_LIMIT = 2**31 - 1
ROLES_LIMIT = 100  # of one trust


class RoleName(Lenient):
    """Either of the two."""

    model_config = ConfigDict(extra="forbid")

    id: Id | None = None
    name: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None


class NewTrust(Lenient):
    trustor_user_id: Id
    trustee_user_id: Id
    impersonation: StrictBool
    project_id: Annotated[str, StringConstraints(max_length=64)] | None = None
    roles: list[RoleName] = Field(default=[], max_length=ROLES_LIMIT)
    expires_at: Annotated[str, StringConstraints(max_length=64)] | None = None
    remaining_uses: Annotated[StrictInt, Field(ge=1, le=COUNT_LIMIT)] | None = None
    allow_redelegation: StrictBool | None = None
    redelegation_count: Annotated[StrictInt, Field(ge=0, le=COUNT_LIMIT)] | None = None


class TrustBody(Lenient):
    trust: NewTrust


@router.post("", status_code=201)
async def create_trust(body: TrustBody, asking: Asking, rooms: Rooms, request: Request) -> Response:
    wanted, roles = body.trust, await roles_of(asking, rooms)
    fields = {
        "trustor_user_id": wanted.trustor_user_id,
        "trustee_user_id": wanted.trustee_user_id,
        "impersonation": wanted.impersonation,
        "project_id": wanted.project_id or "",
        "role_ids": tuple(dict.fromkeys(_role_id(one, roles) for one in wanted.roles)),
        "expires_at": until(_time(wanted.expires_at), rooms.clock.now()),
        "remaining_uses": WITHOUT_END if wanted.remaining_uses is None else wanted.remaining_uses,
        "allow_redelegation": bool(wanted.allow_redelegation),
        "redelegation_count": wanted.redelegation_count,
    }
    [reply] = await rooms.identity.create([Create(token=asking.token, kind="trust", fields=fields)])
    return Json({"trust": _whole(value_of(reply), roles, request)}, status_code=201)


@router.api_route("", methods=READ)
async def list_trusts(
    asking: Asking,
    rooms: Rooms,
    request: Request,
    trustor_user_id: str | None = None,
    trustee_user_id: str | None = None,
) -> Response:
    named = trustor_user_id or trustee_user_id
    if named and named != asking.context.user_id and not sees_all(asking.context):
        raise CallerError(forbidden("only an administrator may see the trusts of someone else"))
    [reply] = await rooms.identity.find([Find(token=asking.token, kind="trust")])
    shown = [
        row_view(row, v3_url(request))
        for row in value_of(reply)
        if isinstance(row, Trust)
        if not trustor_user_id or row.trustor_user_id == trustor_user_id
        if not trustee_user_id or row.trustee_user_id == trustee_user_id
    ]
    return _answer(listed("trusts", shown, str(request.url)), request)


@router.api_route("/{trust_id}", methods=READ)
async def show_trust(trust_id: str, asking: Asking, rooms: Rooms, request: Request) -> Response:
    row = await _trust(asking, rooms, trust_id)
    return _answer({"trust": _whole(row, await roles_of(asking, rooms), request)}, request)


@router.delete("/{trust_id}", status_code=204)
async def delete_trust(trust_id: str, asking: Asking, rooms: Rooms) -> Response:
    """Those that were made by passing it on go with it, and so do all of their tokens."""
    [fault] = await rooms.identity.remove([Remove(token=asking.token, kind="trust", id=trust_id)])
    value_of(fault)
    return Response(status_code=204)


@router.api_route("/{trust_id}/roles", methods=READ)
async def list_roles_of_trust(trust_id: str, asking: Asking, rooms: Rooms, request: Request) -> Response:
    row = await _trust(asking, rooms, trust_id)
    whole = _whole(row, await roles_of(asking, rooms), request)
    return _answer({"roles": whole["roles"], "links": whole["roles_links"]}, request)


@router.api_route("/{trust_id}/roles/{role_id}", methods=READ)
async def show_role_of_trust(trust_id: str, role_id: str, asking: Asking, rooms: Rooms, request: Request) -> Response:
    row = await _trust(asking, rooms, trust_id)
    for role in await roles_of(asking, rooms):
        if role.id == role_id and role_id in row.role_ids:
            return _answer({"role": row_view(role, v3_url(request))}, request)
    raise CallerError(not_found("role", f"Could not find role: {role_id}."))


async def _trust(asking: Caller, rooms: EdgeRooms, trust_id: str) -> Trust:
    [reply] = await rooms.identity.find([Find(token=asking.token, kind="trust", id=trust_id)])
    [row] = value_of(reply)
    assert isinstance(row, Trust)
    return row


def _role_id(wanted: RoleName, roles: list[Role]) -> str:
    """Names are those of roles that are good everywhere."""
    if (wanted.id is None) == (wanted.name is None):
        raise CallerError(bad_request("roles", "a role has an id or a name"))
    for role in roles:
        if wanted.id == role.id or (wanted.name == role.name and not role.domain_id):
            return role.id
    raise CallerError(not_found("role", f"Could not find role: {wanted.id or wanted.name}."))


def _time(said: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(said) if said is not None else None
    except ValueError:
        raise CallerError(bad_request("expires_at", f"{said!r} is no time as ISO 8601 writes it")) from None


def _whole(row: Any, roles: list[Role], request: Request) -> dict[str, Any]:
    """A trust with its roles."""
    v3 = v3_url(request)
    links = {"self": f"{v3}/OS-TRUST/trusts/{row.id}/roles", "next": None, "previous": None}
    held = [row_view(role, v3) for role in roles if role.id in row.role_ids]
    return row_view(row, v3) | {"roles": held, "roles_links": links}


def _answer(body: dict[str, Any], request: Request) -> Response:
    return Response(status_code=200) if request.method == "HEAD" else Json(body)

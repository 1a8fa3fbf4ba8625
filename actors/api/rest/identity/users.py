"""What belongs to users: their passwords, groups, projects and application credentials."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.bodies import Lenient, Name
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.identity.rows import matches, v3_url
from actors.api.rest.identity.views import listed, row_view
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, bad_request, forbidden, not_found, value_of
from actors.identity.messages import Access, ChangePassword, Create, Find, Membership, Remove, UserView
from actors.records import ApplicationCredential, Group, Role

router = APIRouter(prefix="/v3", tags=["users"])
Secret = Annotated[str, StringConstraints(min_length=1, max_length=1_024)]


class NewPassword(Lenient):
    password: Annotated[str, StringConstraints(max_length=4_096)]
    original_password: Annotated[str, StringConstraints(max_length=4_096)]


class PasswordBody(Lenient):
    user: NewPassword


class RoleName(Lenient):
    id: str | None = None
    name: str | None = None


class Credential(Lenient):
    name: Name
    secret: Secret | None = None
    description: Annotated[str, StringConstraints(max_length=65_535)] | None = None
    expires_at: datetime | None = None
    roles: list[RoleName] | None = Field(default=None, max_length=100)
    unrestricted: bool | None = None
    access_rules: list[Any] | None = Field(default=None, max_length=0)  # which this cloud doesn't have


class CredentialBody(Lenient):
    application_credential: Credential


@router.post("/users/{user_id}/password", status_code=204)
async def change_password(user_id: str, body: PasswordBody, rooms: Rooms) -> Response:
    """Needs no token but the old password."""
    wanted = ChangePassword(user_id=user_id, original_password=body.user.original_password, password=body.user.password)
    [fault] = await rooms.identity.change_passwords([wanted])
    value_of(fault)
    return Response(status_code=204)


@router.get("/users/{user_id}/projects")
async def list_projects_of_user(user_id: str, asking: Asking, rooms: Rooms, request: Request) -> Response:
    [reply] = await rooms.identity.projects_of([Access(token=asking.token, user=user_id)])
    shown = [row_view(row, v3_url(request)) for row in value_of(reply)]
    wanted = [body for body in shown if matches(body, request.query_params, ("name", "domain_id", "enabled"))]
    return Json(listed("projects", wanted, str(request.url)))


@router.get("/users/{user_id}/groups")
async def list_groups_of_user(user_id: str, asking: Asking, rooms: Rooms, request: Request) -> Response:
    await _user(asking, rooms, user_id)
    [reply] = await rooms.identity.find([Find(token=asking.token, kind="group")])
    groups = [row for row in value_of(reply) if isinstance(row, Group) and user_id in row.user_ids]
    return Json(listed("groups", [row_view(row, v3_url(request)) for row in groups], str(request.url)))


@router.get("/groups/{group_id}/users")
async def list_users_of_group(group_id: str, asking: Asking, rooms: Rooms, request: Request) -> Response:
    group = await _group(asking, rooms, group_id)
    [reply] = await rooms.identity.find([Find(token=asking.token, kind="user")])
    members = [row for row in value_of(reply) if isinstance(row, UserView) and row.id in group.user_ids]
    return Json(listed("users", [row_view(row, v3_url(request)) for row in members], str(request.url)))


@router.api_route("/groups/{group_id}/users/{user_id}", methods=["GET", "HEAD"], status_code=204)
async def is_member(group_id: str, user_id: str, asking: Asking, rooms: Rooms) -> Response:
    if user_id not in (await _group(asking, rooms, group_id)).user_ids:
        raise CallerError(not_found("user", f"Could not find user {user_id} in group {group_id}."))
    return Response(status_code=204)


@router.put("/groups/{group_id}/users/{user_id}", status_code=204)
async def add_member(group_id: str, user_id: str, asking: Asking, rooms: Rooms) -> Response:
    wanted = Membership(token=asking.token, group=group_id, user=user_id)
    [fault] = await rooms.identity.add_members([wanted])
    value_of(fault)
    return Response(status_code=204)


@router.delete("/groups/{group_id}/users/{user_id}", status_code=204)
async def remove_member(group_id: str, user_id: str, asking: Asking, rooms: Rooms) -> Response:
    unwanted = Membership(token=asking.token, group=group_id, user=user_id)
    [fault] = await rooms.identity.remove_members([unwanted])
    value_of(fault)
    return Response(status_code=204)


# ---------------------------------------------------------------- application credentials


@router.post("/users/{user_id}/application_credentials", status_code=201)
async def create_credential(
    user_id: str, body: CredentialBody, asking: Asking, rooms: Rooms, request: Request
) -> Response:
    """The secret is in this answer and in no other."""
    if user_id != asking.context.user_id:
        raise CallerError(forbidden("an application credential is made by its own user"))
    wanted = body.application_credential
    secret = wanted.secret or secrets.token_urlsafe(64)
    roles = await _roles(asking, rooms)
    fields = {
        "name": wanted.name,
        "description": wanted.description or "",
        "unrestricted": bool(wanted.unrestricted),
        "expires_at": until(wanted.expires_at, rooms.clock.now()),
        "role_ids": tuple(_role_id(one, roles) for one in wanted.roles or ()),
    }
    request_row = Create(token=asking.token, kind="application_credential", fields=fields, secret=secret)
    [reply] = await rooms.identity.create([request_row])
    shown = _credential_view(value_of(reply), roles, request) | {"secret": secret}
    return Json({"application_credential": shown}, status_code=201)


@router.get("/users/{user_id}/application_credentials")
async def list_credentials(user_id: str, asking: Asking, rooms: Rooms, request: Request) -> Response:
    await _user(asking, rooms, user_id)
    roles = await _roles(asking, rooms)
    [reply] = await rooms.identity.find([Find(token=asking.token, kind="application_credential")])
    rows = [row for row in value_of(reply) if isinstance(row, ApplicationCredential) and row.user_id == user_id]
    shown = [_credential_view(row, roles, request) for row in rows]
    wanted = [body for body in shown if matches(body, request.query_params, ("name",))]
    return Json(listed("application_credentials", wanted, str(request.url)))


@router.get("/users/{user_id}/application_credentials/{credential_id}")
async def show_credential(user_id: str, credential_id: str, asking: Asking, rooms: Rooms, request: Request) -> Response:
    row = await _credential(asking, rooms, user_id, credential_id)
    return Json({"application_credential": _credential_view(row, await _roles(asking, rooms), request)})


@router.delete("/users/{user_id}/application_credentials/{credential_id}", status_code=204)
async def delete_credential(user_id: str, credential_id: str, asking: Asking, rooms: Rooms) -> Response:
    row = await _credential(asking, rooms, user_id, credential_id)
    unwanted = Remove(token=asking.token, kind="application_credential", id=row.id)
    [fault] = await rooms.identity.remove([unwanted])
    value_of(fault)
    return Response(status_code=204)


async def _credential(asking: Caller, rooms: EdgeRooms, user_id: str, credential_id: str) -> ApplicationCredential:
    await _user(asking, rooms, user_id)
    wanted = Find(token=asking.token, kind="application_credential", id=credential_id)
    [reply] = await rooms.identity.find([wanted])
    [row] = value_of(reply)
    if not isinstance(row, ApplicationCredential) or row.user_id != user_id:
        raise CallerError(not_found("application_credential", f"Could not find it: {credential_id}."))
    return row


async def roles_of(asking: Caller, rooms: EdgeRooms) -> list[Role]:
    """All that there are."""
    [reply] = await rooms.identity.find([Find(token=asking.token, kind="role")])
    return [row for row in value_of(reply) if isinstance(row, Role)]


async def _roles(asking: Caller, rooms: EdgeRooms) -> list[Role]:
    return [row for row in await roles_of(asking, rooms) if not row.domain_id]


async def _user(asking: Caller, rooms: EdgeRooms, user_id: str) -> None:
    [reply] = await rooms.identity.find([Find(token=asking.token, kind="user", id=user_id)])
    value_of(reply)


async def _group(asking: Caller, rooms: EdgeRooms, group_id: str) -> Group:
    [reply] = await rooms.identity.find([Find(token=asking.token, kind="group", id=group_id)])
    [row] = value_of(reply)
    assert isinstance(row, Group)
    return row


def _role_id(wanted: RoleName, roles: list[Role]) -> str:
    for role in roles:
        if wanted.id == role.id or (wanted.id is None and wanted.name == role.name):
            return role.id
    raise CallerError(bad_request("roles", f"there is no role {wanted.id or wanted.name!r}"))


def until(at: datetime | None, now: float) -> float:
    """Seconds since the epoch, 0 = never. Raises `CallerError` 400 for a time that is over."""
    if at is None:
        return 0.0
    ends = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    if ends <= now:
        raise CallerError(bad_request("expires_at", "it has expired already"))
    return ends


def _credential_view(row: Any, roles: list[Role], request: Request) -> dict[str, Any]:
    held = [{"id": role.id, "name": role.name, "domain_id": None} for role in roles if role.id in row.role_ids]
    return row_view(row, v3_url(request)) | {"roles": held}

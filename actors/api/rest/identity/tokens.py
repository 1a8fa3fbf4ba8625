"""`/v3/auth`: getting, looking at and taking back tokens, and what one could be scoped to."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Rooms, base_url
from actors.api.rest.identity.catalog import catalog
from actors.api.rest.identity.login_bodies import LoginBody, login_of
from actors.api.rest.identity.views import listed, row_view, token_view
from actors.errors import CallerError, forbidden, not_found, value_of
from actors.identity.messages import Access, Describe, Revoke, TokenDescription

SUBJECT = "X-Subject-Token"
VARY = {"Vary": "X-Auth-Token"}

router = APIRouter(prefix="/v3/auth", tags=["tokens"])


@router.post("/tokens", status_code=201)
async def get_a_token(body: LoginBody, rooms: Rooms, request: Request, nocatalog: str | None = None) -> Response:
    [reply] = await rooms.identity.log_in([login_of(body)])
    grant = value_of(reply)
    assert grant.description is not None
    shown = token_view(grant.description, base_url(request), nocatalog is None)
    return Json({"token": shown}, status_code=201, headers={SUBJECT: grant.token, **VARY})


@router.get("/tokens")
async def look_at_a_token(asking: Asking, rooms: Rooms, request: Request, nocatalog: str | None = None) -> Response:
    described = await _described(asking, rooms, request)
    shown = token_view(described, base_url(request), nocatalog is None)
    return Json({"token": shown}, headers={SUBJECT: request.headers[SUBJECT], **VARY})


@router.head("/tokens")
async def is_a_token_good(asking: Asking, rooms: Rooms, request: Request) -> Response:
    await _described(asking, rooms, request)
    return Response(status_code=200, headers={SUBJECT: request.headers[SUBJECT], **VARY})


@router.delete("/tokens", status_code=204)
async def take_a_token_back(asking: Asking, rooms: Rooms, request: Request) -> Response:
    await _described(asking, rooms, request)
    [fault] = await rooms.identity.revoke([Revoke(token=asking.token, subject=request.headers[SUBJECT])])
    value_of(fault)
    return Response(status_code=204)


@router.get("/catalog")
async def show_catalog(asking: Asking, rooms: Rooms, request: Request) -> Response:
    [reply] = await rooms.identity.describe([Describe(token=asking.token, subject=asking.token)])
    described = value_of(reply)
    if not described.context.project_id:
        raise CallerError(forbidden("A project-scoped token is required to produce a service catalog."))
    shown = catalog(described.catalog, described.context, base_url(request))
    return Json(listed("catalog", shown, f"{base_url(request)}/identity/v3/auth/catalog"))


@router.get("/projects")
async def list_my_projects(asking: Asking, rooms: Rooms, request: Request) -> Response:
    [reply] = await rooms.identity.projects_of([Access(token=asking.token)])
    v3 = f"{base_url(request)}/identity/v3"
    return Json(listed("projects", [row_view(row, v3) for row in value_of(reply)], f"{v3}/auth/projects"))


@router.get("/domains")
async def list_my_domains(asking: Asking, rooms: Rooms, request: Request) -> Response:
    [reply] = await rooms.identity.domains_of([Access(token=asking.token)])
    v3 = f"{base_url(request)}/identity/v3"
    return Json(listed("domains", [row_view(row, v3) for row in value_of(reply)], f"{v3}/auth/domains"))


@router.get("/system")
async def list_my_system(asking: Asking, rooms: Rooms, request: Request) -> Response:
    [reply] = await rooms.identity.system_of([Access(token=asking.token)])
    links = {"self": f"{base_url(request)}/identity/v3/auth/system"}
    return Json({"system": [{"all": True}] if value_of(reply) else [], "links": links})


async def _described(asking: Asking, rooms: Rooms, request: Request) -> TokenDescription:
    subject = request.headers.get(SUBJECT, "")
    if not subject:
        raise CallerError(not_found("", "Could not find token."))
    [reply] = await rooms.identity.describe([Describe(token=asking.token, subject=subject)])
    return value_of(reply)

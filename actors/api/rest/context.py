"""Who asks: the dependency of every route that needs a token.

The edge verifies the token (by its signature, here and now) so that a bad one is answered before a body is looked at;
the room that is asked verifies it again and decides. Dependencies are `async`: others would each take a thread.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Any, cast

from fastapi import Depends, Request
from starlette.datastructures import URL
from starlette.types import Scope

from actors.api.rest.policy import Question
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, forbidden, unauthorized, value_of
from actors.identity.messages import Lend
from actors.messages import AuthContext

TOKEN = "x-auth-token"
_HOST = re.compile(rb"[a-zA-Z0-9.-]{1,255}(:[0-9]{1,5})?|\[[0-9a-fA-F:.]{2,45}\](:[0-9]{1,5})?")  # names and addresses
_CONVERTER = re.compile(r":\w+}")  # of a parameter of which a route says what it may be


@dataclass(frozen=True, slots=True)
class Caller:
    token: str
    context: AuthContext
    request_id: str
    global_request_id: str = ""


async def rooms_of(request: Request) -> EdgeRooms:
    return cast(EdgeRooms, request.app.state.rooms)


async def caller_of(request: Request) -> Caller:
    """Raises `CallerError` 401, and 403 where policy doesn't allow it.

    A token without a scope is good for identity alone.
    """
    rooms: EdgeRooms = request.app.state.rooms
    token = request.headers.get(TOKEN, "")
    if not token:
        raise CallerError(unauthorized("The request you have made requires authentication."))
    context = rooms.verifier.verify(token, rooms.clock.now())
    if not context.is_scoped and not getattr(request.app.state, "takes_unscoped", False):
        raise CallerError(forbidden("this needs a token for a project, a domain or the system"))
    caller = Caller(token, context, request.state.request_id, request.state.global_request_id)
    role = await _allowed(request, caller)
    return await _lent(rooms, caller, role) if role else caller


async def _lent(rooms: EdgeRooms, caller: Caller, role: str) -> Caller:
    """Who asks with a role that policy gives for this one request."""
    token = value_of((await rooms.identity.lend([Lend(token=caller.token, role=role)]))[0])
    return replace(caller, token=token, context=rooms.verifier.verify(token, rooms.clock.now()))


async def _allowed(request: Request, caller: Caller) -> str:
    """As `Policy.require`. Raises `CallerError` 404 where the caller must not know that there is what it may not do."""
    state, verb, path = request.app.state, request.method, route_path(request)
    body = await _body(request) if state.policy.wants_body(state.service, verb, path) else None
    noun = request.path_params.get("noun", "")
    secrets = getattr(state, "secrets", {})
    asked = Question(
        state.service,
        verb,
        path,
        noun,
        body,
        request.query_params,
        str(request.path_params.get("project_id", "")),
        not secrets.keys().isdisjoint(request.path_params),
    )
    if state.policy.wants_target(asked):
        asked = replace(asked, target=await _target(request, caller, path))
    try:
        role: str = state.policy.require(asked, caller.context)
        return role
    except CallerError:
        for name, seen in secrets.items():
            if name in request.path_params:
                await seen(state.rooms, caller, str(request.path_params[name]))
        raise


async def _target(request: Request, caller: Caller, path: str) -> dict[str, str]:
    """Whom the request is about, in the names of the service's rules."""
    sent = await _body(request) if request.method in ("POST", "PATCH", "PUT") else None
    target: dict[str, str] = await request.app.state.target_of(request, caller, path, sent)
    return target


async def _body(request: Request) -> Any:
    """What is no JSON names nothing that a rule is about; its route refuses it."""
    try:
        return await request.json()
    except ValueError:
        return None


def route_path(request: Request) -> str:
    """The route's path with its parameters' names in braces, as a rule of policy is named."""
    route = request.scope.get("route")
    path: str = request.scope["path"].removeprefix(request.scope["root_path"])
    if route is not None:
        own: str = route.path  # without the prefix under which its router was included
        prefix = path.split("/")[: path.count("/") - own.count("/") + 1]
        return _CONVERTER.sub("}", "/".join(prefix) + own)
    # a route that is not FastAPI's own
    for name, value in request.path_params.items():
        path = path.replace(f"/{value}", f"/{{{name}}}", 1)
    return path


def base_url(request: Request) -> str:
    """Where the edge answers, as this caller reaches it: scheme://host:port, without a slash at the end."""
    return edge_url(request.scope)


def edge_url(scope: Scope) -> str:
    """The same, of a request that is not read yet."""
    host = next((value for name, value in scope["headers"] if name == b"host"), b"")
    return _plain_url(scope["scheme"], host) or _careful_url(scope)


@lru_cache(maxsize=1_000)
def _plain_url(scheme: str, host: bytes) -> str:
    return f"{scheme}://{host.decode()}" if _HOST.fullmatch(host) else ""


def _careful_url(scope: Scope) -> str:
    url = URL(scope=scope)
    return f"{url.scheme}://{url.netloc}"


Rooms = Annotated[EdgeRooms, Depends(rooms_of)]
Asking = Annotated[Caller, Depends(caller_of)]

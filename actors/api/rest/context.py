"""Who asks: the dependency of every route that needs a token.

The edge verifies the token (by its signature, here and now) so that a bad one is answered before a body is looked at;
the room that is asked verifies it again and decides. Dependencies are `async`: others would each take a thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, forbidden, unauthorized
from actors.messages import AuthContext

TOKEN = "x-auth-token"


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
    state = request.app.state
    state.policy.require(state.service, request.method, route_path(request), context)
    return Caller(token, context, request.state.request_id, request.state.global_request_id)


def route_path(request: Request) -> str:
    """The route's path with its parameters' names in braces, as a rule of policy is named."""
    route = request.scope.get("route")
    path: str = request.scope["path"].removeprefix(request.scope["root_path"])
    if route is not None:
        own: str = route.path  # without the prefix under which its router was included
        prefix = path.split("/")[: path.count("/") - own.count("/") + 1]
        return "/".join(prefix) + own
    # a route that is not FastAPI's own
    for name, value in request.path_params.items():
        path = path.replace(f"/{value}", f"/{{{name}}}", 1)
    return path


def base_url(request: Request) -> str:
    """Where the edge answers, as this caller reaches it: scheme://host:port, without a slash at the end."""
    return f"{request.url.scheme}://{request.url.netloc}"


Rooms = Annotated[EdgeRooms, Depends(rooms_of)]
Asking = Annotated[Caller, Depends(caller_of)]

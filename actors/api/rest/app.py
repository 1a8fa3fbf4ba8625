"""The whole edge as one ASGI application: a service under each prefix, and what all requests have in common.

Called by `door.py`, and by tests in process. Each request gets an id, a limit for its body, and the service that its
first path segment names; a slash at the end of a path means nothing. A service is made when it is first asked, in a
thread beside the event loop: together they are a second of CPU time and 60 MiB, which an actor that was killed would
be back without.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Mapping
from functools import cache, partial

from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from actors.api.rest.answers import Json
from actors.api.rest.bodies import limited
from actors.api.rest.policy import Policy
from actors.api.rest.request_ids import OLDER, REQUEST_ID, global_request_id, new_request_id
from actors.api.rest.rooms import EdgeRooms


def _from(module: str, function: str = "application") -> Callable[[EdgeRooms], Starlette]:
    """The function of that module here, which is loaded when it is called."""

    def make(rooms: EdgeRooms) -> Starlette:
        made: Starlette = getattr(importlib.import_module(f"{__package__}.{module}"), function)(rooms)
        return made

    return make


SERVICES: dict[str, Callable[[EdgeRooms], Starlette]] = {
    "identity": _from("identity"),
    "compute": _from("compute"),
    "image": _from("image"),
    "network": _from("network"),
    "volume": _from("volume"),
    "placement": _from("placement"),
    "vnc": _from("screens", "screens"),
}


def edge(rooms: EdgeRooms) -> ASGIApp:
    """Every service over these rooms; one policy decides for all of them."""
    policy = cache(partial(Policy, rooms.config.policy, rooms.clock))
    turn = asyncio.Lock()
    return Edge({prefix: WhenAsked(partial(made, prefix, rooms, policy), turn) for prefix in SERVICES})


def made(prefix: str, rooms: EdgeRooms, policy: Callable[[], Policy], quickly: bool = True) -> ASGIApp:
    """The service of that prefix. `quickly`: what can be answered without its framework is."""
    app = SERVICES[prefix](rooms)
    app.state.service, app.state.policy = prefix, policy()
    if prefix != "compute" or not quickly:
        return app
    from actors.api.rest.compute import quick

    return quick(app)


EXACT = ("volume", "image")
"""Services in which a path that ends in a slash names an empty id, and not the list, as in Cinder and Glance."""


class WhenAsked:
    """A service that is made when somebody asks for it, one at a time of all; whoever asks meanwhile waits.

    Where that fails the request does, and the next has it tried again.
    """

    def __init__(self, make: Callable[[], ASGIApp], turn: asyncio.Lock) -> None:
        self._make = make
        self._turn = turn
        self._made: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._made is None:
            async with self._turn:
                if self._made is None:
                    self._made = await asyncio.to_thread(self._make)
        await self._made(scope, receive, send)


class Edge:
    def __init__(self, services: Mapping[str, ASGIApp]) -> None:
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        prefix, _, rest = scope["path"].lstrip("/").partition("/")
        service = self._services.get(prefix)
        inner = _inside(scope, prefix, rest)
        answer = _with_id(inner, OLDER.get(prefix, ""), send) if scope["type"] == "http" else send
        if service is None:
            await _nothing_here(inner, receive, answer)
            return
        await service(inner, limited(inner, receive) if scope["type"] == "http" else receive, answer)


def _inside(scope: Scope, prefix: str, rest: str) -> Scope:
    """The request as the service sees it: mounted under its prefix, with a state of its own."""
    state = {"request_id": new_request_id(), "global_request_id": global_request_id(scope)}
    bare = rest.rstrip("/")
    path = f"/{prefix}/{rest if prefix in EXACT and '/' in bare else bare}"
    return {**scope, "path": path, "root_path": f"/{prefix}", "state": {**scope.get("state", {}), **state}}


def _with_id(scope: Scope, older: str, send: Send) -> Send:
    """The request's id in its answer, by its name and by an older one where there is one."""
    request_id = scope["state"]["request_id"].encode()
    said = [(name.encode(), request_id) for name in (REQUEST_ID, older) if name]

    async def answering(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *said]
        await send(message)

    return answering


async def _nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    error = {
        "code": 404,
        "title": "Not Found",
        "message": f"There is no service here; there are: {', '.join(SERVICES)}",
    }
    await Json({"error": error}, status_code=404)(scope, receive, send)

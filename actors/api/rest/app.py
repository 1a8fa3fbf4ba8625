"""The whole edge as one ASGI application: a service under each prefix, and what all requests have in common.

Called by `serve.py`, and by tests in process. Each request gets an id, a limit for its body, and the service that its
first path segment names; a slash at the end of a path means nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from actors.api.rest import compute, identity, image, network, placement, volume
from actors.api.rest.answers import Json
from actors.api.rest.bodies import limited
from actors.api.rest.policy import Policy
from actors.api.rest.request_ids import REQUEST_ID, global_request_id, new_request_id
from actors.api.rest.rooms import EdgeRooms
from actors.api.rest.screens import screens

Quick = Callable[[Scope, Send], Awaitable[bool]]

SERVICES: dict[str, Callable[[EdgeRooms], ASGIApp]] = {
    "identity": identity.application,
    "compute": compute.application,
    "image": image.application,
    "network": network.application,
    "volume": volume.application,
    "placement": placement.application,
    "vnc": screens,
}


def edge(rooms: EdgeRooms) -> ASGIApp:
    """Every service over these rooms; one policy decides for all of them."""
    policy = Policy(rooms.config.policy, rooms.clock)
    services = {prefix: application(rooms) for prefix, application in SERVICES.items()}
    for prefix, service in services.items():
        if isinstance(service, FastAPI):
            service.state.service, service.state.policy = prefix, policy
    app = services["compute"]
    assert isinstance(app, FastAPI)
    return Edge(services, compute.quick(app).answer)


class Edge:
    """`quick` is asked first, of HTTP requests: it says whether it has answered."""

    def __init__(self, services: Mapping[str, ASGIApp], quick: Quick | None = None) -> None:
        self._services = services
        self._quick = quick

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        prefix, _, rest = scope["path"].lstrip("/").partition("/")
        service = self._services.get(prefix)
        inner = _inside(scope, prefix, rest)
        answer = _with_id(inner, send) if scope["type"] == "http" else send
        if service is None:
            await _nothing_here(inner, receive, answer)
            return
        if self._quick is not None and scope["type"] == "http" and await self._quick(inner, answer):
            return
        await service(inner, limited(inner, receive) if scope["type"] == "http" else receive, answer)


def _inside(scope: Scope, prefix: str, rest: str) -> Scope:
    """The request as the service sees it: mounted under its prefix, with a state of its own."""
    state = {"request_id": new_request_id(), "global_request_id": global_request_id(scope)}
    path = f"/{prefix}/{rest.rstrip('/')}"
    return {**scope, "path": path, "root_path": f"/{prefix}", "state": {**scope.get("state", {}), **state}}


def _with_id(scope: Scope, send: Send) -> Send:
    request_id = scope["state"]["request_id"].encode()

    async def answering(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (REQUEST_ID.encode(), request_id)]
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

"""`GET /servers/{id}`, which clients ask again and again, without what a framework does for each request.

Stands before the application of compute. It answers what it can show, exactly as the ordinary route would, and leaves
everything else (whoever is refused, whatever is not there) to that route: it has sent nothing then.
"""

from __future__ import annotations

import re

import msgspec
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from actors.api.rest.compute.host_status import HostStatuses
from actors.api.rest.compute.server_view import Showing, detail
from actors.api.rest.context import TOKEN, Caller, edge_url
from actors.api.rest.microversions import Microversions
from actors.api.rest.policy import Policy, Question
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, HostError

PATH = re.compile(r"/compute/v2\.1/servers/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
ASKED = Question("compute", "GET", "/v2.1/servers/{server_id}")


class QuickShow:
    def __init__(
        self,
        ordinary: ASGIApp,
        rooms: EdgeRooms,
        policy: Policy,
        microversions: Microversions,
        statuses: HostStatuses,
    ) -> None:
        self._ordinary = ordinary
        self._rooms = rooms
        self._policy = policy
        self._microversions = microversions
        self._statuses = statuses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not await self._answer(scope, send):
            await self._ordinary(scope, receive, send)

    async def _answer(self, scope: Scope, send: Send) -> bool:
        """Whether it has answered."""
        found = PATH.fullmatch(scope["path"]) if scope["method"] == "GET" else None
        if found is None:
            return False
        try:
            shown = await self._shown(scope, found[1])
        except (CallerError, HostError, ConnectionError):
            return False
        if shown is None:
            return False
        headers, body = shown
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return True

    async def _shown(self, scope: Scope, server_id: str) -> tuple[list[tuple[bytes, bytes]], bytes] | None:
        """Headers and body; None where the caller needs a role that policy gives."""
        said = Headers(scope=scope)
        version = self._microversions.negotiate(said)
        token = said.get(TOKEN, "")
        context = self._rooms.verifier.verify(token, self._rooms.clock.now())
        if self._policy.require(ASKED, context):
            return None
        view = await self._rooms.api.server(token, server_id)
        showing = Showing(version, f"{edge_url(scope)}/compute", context.is_admin)
        status = ""
        if showing.is_admin and version >= (2, 16):
            status = await self._statuses.of(Caller(token, context, scope["state"]["request_id"]), view)
        body = msgspec.json.encode({"server": detail(view, showing, status)})
        length = (b"content-length", str(len(body)).encode())
        return [length, (b"content-type", b"application/json"), *self._microversions.headers(version)], body

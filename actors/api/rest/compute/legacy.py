"""/v2: compute as it was before microversions. As in Nova it is 2.1, whatever version is asked for.

Answers say no version, and their links lead into v2.1. Fields that nobody knows are refused here too.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from actors.api.rest.microversions import HEADER, Microversions

OLD, NOW = "/compute/v2", "/compute/v2.1"
VARY = b"vary"


class Legacy:
    """Middleware around the negotiation of versions."""

    def __init__(self, app: ASGIApp, microversions: Microversions) -> None:
        self._app = app
        self._unheard = {name.lower().encode() for name in (HEADER, microversions.legacy_header)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if scope["type"] != "http" or not path.startswith(f"{OLD}/"):
            await self._app(scope, receive, send)
            return
        headers = [(name, value) for name, value in scope["headers"] if name not in self._unheard]
        asked = {**scope, "path": NOW + path.removeprefix(OLD), "headers": headers}

        async def answering(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [said for said in message["headers"] if not self._is_of_version(*said)]
            await send(message)

        await self._app(asked, receive, answering)

    def _is_of_version(self, name: bytes, value: bytes) -> bool:
        return name in self._unheard or (name == VARY and value.lower() in self._unheard)

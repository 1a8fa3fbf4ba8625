"""How long the edge waits for a request's head, and how big one may be: a client that trickles is cut off.

uvicorn's own timeouts begin with the first answer; without this, connections that never say anything would fill the
house. Invariant: no connection is in the middle of a head for longer than `HEAD_LIMIT_S`. Bodies have limits of their
own (`bodies.py`, `image/data.py`).
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_LIMIT_S = 20.0  # from the connection, or the first byte of a further request, to the end of its headers
HEAD_LIMIT_BYTES = 64 * 1024  # a token has about one thousand


class PatientProtocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, with a deadline for each request's head."""

    head_limit_s: ClassVar[float] = HEAD_LIMIT_S
    _deadline: asyncio.TimerHandle | None = None
    _in_body = False
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_there()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._in_body:
            self._head_bytes += len(data)
            if self._deadline is None:
                self._await_head()
        super().data_received(data)
        if not self._in_body and self._head_bytes > HEAD_LIMIT_BYTES and not self.transport.is_closing():
            self.send_400_response("The headers of the request are too big.")

    def on_headers_complete(self) -> None:
        self._in_body = True
        self._head_is_there()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_body = False
        self._head_bytes = 0
        super().on_message_complete()

    def _await_head(self) -> None:
        self._deadline = self.loop.call_later(self.head_limit_s, self._give_up)

    def _head_is_there(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        """Not while an answer is on its way: some clients send an empty line after their request."""
        self._deadline = None
        if self.cycle is not None and not self.cycle.response_complete:
            self._await_head()
        elif not self.transport.is_closing():
            self.transport.close()

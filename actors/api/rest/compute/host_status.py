"""Whether the host of a server is up, as administrators see it since 2.16.

Owns a picture of all hosts that is at most `FRESH_S` old: a list of servers asks once.
"""

from __future__ import annotations

from typing import cast

from fastapi import Request

from actors.api.rest.context import Caller
from actors.api.rest.rooms import EdgeRooms
from actors.messages import HostSeen, ServerView

FRESH_S = 1.0


class HostStatuses:
    def __init__(self, rooms: EdgeRooms) -> None:
        self._rooms = rooms
        self._seen: dict[str, HostSeen] = {}
        self._gone: set[str] = set()  # worker nodes that left
        self._at = float("-inf")

    async def of(self, caller: Caller, view: ServerView) -> str:
        """UP, DOWN, MAINTENANCE, UNKNOWN; '' for a server that has no host."""
        if not view.host:
            return ""
        now = self._rooms.clock.monotonic()
        if now - self._at > FRESH_S:
            self._seen = {seen.report.host: seen for seen in await self._rooms.api.hosts(caller.token)}
            self._gone = {node.id for node in await self._rooms.api.nodes(caller.token) if node.gone}
            self._at = now
        seen = self._seen.get(view.host)
        if seen is None:
            return "DOWN" if view.node in self._gone else "UNKNOWN"
        if not seen.report.enabled:
            return "MAINTENANCE"
        return "UP" if seen.up else "DOWN"


async def host_statuses(request: Request) -> HostStatuses:
    return cast(HostStatuses, request.app.state.host_statuses)

"""Tickets for consoles: what stands in the URL that a user is given, good for a short time. Pure: the time is told.

Owned by the compute API's room. Nothing of it is on disk: after a restart a console is asked for anew. Invariant: at
most `TICKETS_LIMIT` tickets; one is good for `TICKET_S`, for whoever has it.
"""

from __future__ import annotations

from random import Random

from actors.errors import CallerError, busy, not_found

TICKET_S = 600.0  # Nova's default
TICKETS_LIMIT = 10_000
TICKET_BITS = 256


class Tickets:
    def __init__(self, random: Random) -> None:
        self._random = random
        self._servers: dict[str, tuple[str, float]] = {}  # ticket → (server id, until when), oldest first

    def give(self, server_id: str, now: float) -> str:
        """Raises `CallerError` 503 when there are too many."""
        self._servers = {ticket: kept for ticket, kept in self._servers.items() if kept[1] > now}
        if len(self._servers) >= TICKETS_LIMIT:
            raise CallerError(busy("too many consoles were asked for; try again in a moment"))
        ticket = f"{self._random.getrandbits(TICKET_BITS):064x}"
        self._servers[ticket] = server_id, now + TICKET_S
        return ticket

    def server(self, ticket: str, now: float) -> str:
        """Raises `CallerError` 404 for one that was never given, or too long ago."""
        server_id, until = self._servers.get(ticket, ("", 0.0))
        if until <= now:
            raise CallerError(not_found("token", "The console's token is not known, or it is not good any more."))
        return server_id

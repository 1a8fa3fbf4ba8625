"""Filters by the host's own name: hosts to leave out (after failed attempts) and a host that is forced."""

from __future__ import annotations

from placement.filters.form import Narrowing
from placement.fleet import Fleet
from placement.request import Request


class IgnoreHosts:
    """Hosts on which earlier attempts failed, or that the caller leaves out. Case does not matter, as in Nova."""

    name = "IgnoreHosts"

    def narrow(self, fleet: Fleet, request: Request) -> Narrowing | None:
        if not request.ignore_hosts:
            return None
        return Narrowing(never=frozenset(_rows_ignoring_case(fleet, request.ignore_hosts)))

    def wants(self, request: Request) -> str:
        return "it is to be left out"


class ForcedHost:
    """The one host that an administrator named (`zone:host`)."""

    name = "ForcedHost"

    def narrow(self, fleet: Fleet, request: Request) -> Narrowing | None:
        if not request.forced_host:
            return None
        return Narrowing(only=frozenset(_rows_ignoring_case(fleet, frozenset({request.forced_host.lower()}))))

    def wants(self, request: Request) -> str:
        return f"it is not the forced host {request.forced_host}"


def _rows_ignoring_case(fleet: Fleet, lowered: frozenset[str]) -> set[int]:
    """Names are almost always lower case already; only where one is not found so is every name compared."""
    found = fleet.rows_of(lowered)
    if len(found) == len(lowered):
        return found
    return {row for name, row in fleet.row_of.items() if name.lower() in lowered}

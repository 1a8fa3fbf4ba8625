"""Filters by the host's own name: hosts to leave out (after failed attempts), hosts that are forced, a destination."""

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
    """The hosts or nodes that an administrator named (`zone:host:node`). Case matters for nodes alone, as in Nova."""

    name = "ForcedHost"

    def narrow(self, fleet: Fleet, request: Request) -> Narrowing | None:
        if not request.forced:
            return None
        only: set[int] | None = None
        if hosts := _forced_hosts(request):
            only = _rows_ignoring_case(fleet, hosts)
        if request.forced_nodes:
            rows = only if only is not None else fleet.row_of.values()
            only = {row for row in rows if fleet.state(row).node in request.forced_nodes}
        return Narrowing(only=frozenset(only or ()))

    def wants(self, request: Request) -> str:
        return f"it is not the forced host {', '.join(sorted(_forced_hosts(request) | request.forced_nodes))}"


class DestinationHost:
    """The host to which an instance is to move; unlike a forced host it must pass every other filter."""

    name = "DestinationHost"

    def narrow(self, fleet: Fleet, request: Request) -> Narrowing | None:
        if not request.destination_host:
            return None
        return Narrowing(only=frozenset(fleet.rows_of({request.destination_host})))

    def wants(self, request: Request) -> str:
        return f"it is not the destination {request.destination_host}"


def _forced_hosts(request: Request) -> frozenset[str]:
    return request.forced_hosts | {request.forced_host.lower()} if request.forced_host else request.forced_hosts


def _rows_ignoring_case(fleet: Fleet, lowered: frozenset[str]) -> set[int]:
    """Names are almost always lower case already; only where one is not found so is every name compared."""
    found = fleet.rows_of(lowered)
    if len(found) == len(lowered):
        return found
    return {row for name, row in fleet.row_of.items() if name.lower() in lowered}

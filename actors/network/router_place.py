"""Where a router runs. Pure.

Invariant, restored by `place` after every change of a router, its ports or the agents: a router that has a port runs on
a node whose agent has devices for all physical networks that it leads to, as long as there is one, and its ports are
bound there; one without ports runs nowhere. It stays where it is as long as it can.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from actors.network.router_views import router_ports
from actors.network.rows import Rows
from actors.records import Change, Port, Router


def _all_hear(node: str) -> bool:
    return True


def place(rows: Rows, router_id: str, hears: Callable[[str], bool] = _all_hear) -> list[Change]:
    """The changes that make the invariant true for one router; none if it is. `hears`: whether a node's agent heard
    what it was told last."""
    router = rows.routers.get(router_id)
    if router is None:
        return []
    ports = router_ports(rows, router_id)
    host = _host(rows, router, ports, hears)
    moved: list[Change] = [] if router.host == host else [replace(router, host=host)]
    return [*moved, *(replace(port, host=host, status="DOWN") for port in ports if port.host != host)]


def _host(rows: Rows, router: Router, ports: list[Port], hears: Callable[[str], bool]) -> str:
    """Of the nodes that can run it, of those that hear if any does, that with the fewest routers, by name among equals;
    '' = none can, or need."""
    if not ports:
        return ""
    needed = {rows.networks[port.network_id].physical_network for port in ports} - {""}
    able = [agent.id for agent in rows.agents.values() if needed.issubset(agent.physical_networks)]
    if router.host in able:
        return router.host
    return min(able, key=lambda node: (not hears(node), len(rows.routing.on.get(node, ())), node), default="")


def routers_in(rows: Rows, network_id: str) -> set[str]:
    """Ids of the routers that have a port in this network."""
    if not rows.routers:
        return set()
    ports = rows.ports_of.get(network_id, {}).values()
    return {port.device_id for port in ports if port.device_id in rows.routers}

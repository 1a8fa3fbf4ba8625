"""Routers and floating IPs in memory, and every index that decisions about them need. Pure: no I/O.

A part of `rows.py`, which applies every change to it; a router's ports are found there, as those of its id. Invariant:
all indexes follow from the rows alone.
"""

from __future__ import annotations

from collections import defaultdict

from actors.network.naming import GATEWAY_OWNER, INTERFACE_OWNER
from actors.records import Drop, FloatingIp, Router

ROUTER_OWNERS = frozenset({INTERFACE_OWNER, GATEWAY_OWNER})  # of the ports that routers have
Ids = defaultdict[str, dict[str, None]]


class RouterRows:
    def __init__(self) -> None:
        self.routers: dict[str, Router] = {}
        self.floating_ips: dict[str, FloatingIp] = {}
        self.on: Ids = defaultdict(dict)  # by node: ids of the routers that it runs
        self.floating_of_port: Ids = defaultdict(dict)  # by the port where they lead: ids of floating IPs
        self.floating_of_router: Ids = defaultdict(dict)  # by the router that does them

    def put_router(self, router: Router) -> None:
        self._unindex_router(router.id)
        self.routers[router.id] = router
        if router.host:
            self.on[router.host][router.id] = None

    def put_floating(self, floating: FloatingIp) -> None:
        self._unindex_floating(floating.id)
        self.floating_ips[floating.id] = floating
        if floating.port_id:
            self.floating_of_port[floating.port_id][floating.id] = None
        if floating.router_id:
            self.floating_of_router[floating.router_id][floating.id] = None

    def drop(self, change: Drop) -> None:
        if change.kind == "Router":
            self._unindex_router(change.id)
            self.routers.pop(change.id, None)
        elif change.kind == "FloatingIp":
            self._unindex_floating(change.id)
            self.floating_ips.pop(change.id, None)

    def _unindex_router(self, router_id: str) -> None:
        if router := self.routers.get(router_id):
            _discard(self.on, router.host, router_id)

    def _unindex_floating(self, floating_id: str) -> None:
        if floating := self.floating_ips.get(floating_id):
            _discard(self.floating_of_port, floating.port_id, floating_id)
            _discard(self.floating_of_router, floating.router_id, floating_id)


def _discard(index: Ids, key: str, member: str) -> None:
    if (members := index.get(key)) is not None:
        members.pop(member, None)
        if not members:
            del index[key]

"""Keeps a REST edge on each node that advertises the resource `edge`, beside the one in the compute API's actor.

Part of the supervisor, which looks and checks. One whose node left is retired; one that Ray bound to an earlier life of
its node, or whose start failed for good (its port was taken), is started once more. Nobody has to be told: an edge owns
nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from actors.cluster import names

Start = Callable[[str, str], None]  # (node, Ray's node id)


class Edges:
    def __init__(self, start: Start, retire: Callable[[str], None], exists: Callable[[str], bool]) -> None:
        self._start = start
        self._retire = retire
        self._exists = exists
        self._nodes: dict[str, str] | None = None  # node name → Ray's node id; None before the first look

    def look(self, alive: dict[str, str]) -> None:
        """`alive`: the nodes that should serve now. What an earlier supervisor started is left as it is."""
        known = alive if self._nodes is None else self._nodes
        for node, node_id in known.items():
            if alive.get(node) != node_id:
                self._retire(names.edge_name(node))
        self._nodes = alive

    def check(self) -> None:
        """Start those that are missing. A name is free again some time after its actor was retired."""
        for node, node_id in (self._nodes or {}).items():
            if not self._exists(names.edge_name(node)):
                self._start(node, node_id)

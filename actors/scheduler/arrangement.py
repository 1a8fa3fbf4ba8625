"""Where administrators put hosts while the cloud runs: into aggregates and zones, and out of service. Pure.

Owned by the scheduler's `service.py`; the conductor keeps the rows and tells them at start and with each change.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from actors.cluster.names import node_of
from actors.records import Aggregate
from actors.scheduler.hints import ZONE


@dataclass(frozen=True, slots=True)
class Put:
    """What is said of one host beyond its own report."""

    zone: str = ""
    aggregates: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()  # (name, its metadata as sorted pairs)
    down: bool = False


ALONE = Put()


class Arrangement:
    def __init__(self) -> None:
        self._put: dict[str, Put] = {}
        self._down: set[str] = set()
        self.ids: dict[str, str] = {}  # of the aggregates, by name

    def of(self, host: str) -> Put:
        put, node = self._put.get(host, ALONE), node_of(host)
        if node != host and node in self._put:
            whole = self._put[node]
            put = Put(put.zone or whole.zone, (*whole.aggregates, *put.aggregates))
        return replace(put, down=True) if host in self._down else put

    def arrange(self, aggregates: list[Aggregate]) -> set[str]:
        """These are all the aggregates; returns the hosts, or the nodes, of which something else holds now."""
        put: dict[str, Put] = {}
        for aggregate in sorted(aggregates, key=lambda one: one.number):
            pairs = tuple(sorted(aggregate.properties.items()))
            for host in aggregate.hosts:
                had = put.get(host, ALONE)
                zone = aggregate.properties.get(ZONE, "") or had.zone
                put[host] = Put(zone, (*had.aggregates, (aggregate.name, pairs)))
        changed = {host for host in put.keys() | self._put.keys() if put.get(host) != self._put.get(host)}
        self._put = put
        self.ids = {aggregate.name: aggregate.id for aggregate in aggregates}
        return changed

    def force_down(self, hosts: list[str], down: bool) -> None:
        if down:
            self._down.update(hosts)
        else:
            self._down.difference_update(hosts)

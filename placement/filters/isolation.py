"""IsolatedHostsFilter: certain images only on certain hosts, and (unless told otherwise) only those images there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from placement.fleet import Fleet
from placement.request import Shape


@dataclass(frozen=True, slots=True)
class IsolatedHostsFilter:
    """As in Nova, isolated hosts without any isolated image are refused to everybody while `restrict` holds."""

    hosts: frozenset[str] = frozenset()
    images: frozenset[str] = frozenset()
    restrict: bool = True
    name: str = "IsolatedHostsFilter"

    def asks(self, shape: Shape) -> bool:
        return bool(self.hosts or self.images)

    def judges(self, shape: Shape) -> Callable[[Fleet, int], bool]:
        image_isolated = shape.asks.image_id in self.images

        def admits(fleet: Fleet, row: int) -> bool:
            host_isolated = fleet.state(row).name in self.hosts
            if self.restrict:
                return image_isolated == host_isolated
            return host_isolated or not image_isolated

        return admits

    def wants(self, fleet: Fleet, shape: Shape, row: int) -> str:
        return "it is isolated" if fleet.state(row).name in self.hosts else "the image is isolated to other hosts"

"""Filters as Nova really runs them, where ours are stricter. For the profile `nova` alone.

Each was found by running Nova 34; what it does is kept, plain bugs included, so that a fleet can be compared with Nova
host by host.
"""

from __future__ import annotations

from collections.abc import Iterator

from placement.columns import Rows
from placement.facets import Facet
from placement.filters.form import Check, Depends
from placement.filters.image_properties import (
    VERSION_KEY,
    Guests,
    ImagePropertiesFilter,
    asked_guest,
    version_fits,
)
from placement.fleet import Fleet
from placement.host import Aggregate
from placement.request import Request, Shape


class NovaImagePropertiesFilter(ImagePropertiesFilter):
    """Asked words may stand anywhere in a host's tuple, and a version is only looked at beside another demand."""

    def asks(self, shape: Shape) -> bool:
        return any(asked_guest(shape))

    def admits(self, fact: Guests, shape: Shape) -> bool:
        supported, version = fact
        asked = {word for word in asked_guest(shape) if word}
        if not any(asked.issubset(guest) for guest in supported):
            return False
        return version_fits(version, dict(shape.image_properties).get(VERSION_KEY, ""))


class NovaZoneFilter:
    """A zone is an aggregate's metadata, and one that no aggregate carries ("nova", a typo) restricts nothing."""

    name = "AvailabilityZoneFilter"

    def depends(self, shape: Shape) -> Depends:
        return Depends.FACTS

    def checks(self, fleet: Fleet, request: Request, rows: Rows) -> Iterator[Check]:
        zone = request.shape.zone
        aggregates: Facet[tuple[Aggregate, ...]] = fleet.facets["aggregates"]
        if not zone or not any(_carries(fact, zone) for fact in aggregates.values()):
            return
        passed = aggregates.mask(rows, lambda fact: _carries(fact, zone))
        if passed is not None:
            yield Check(self.name, passed)

    def lack(self, fleet: Fleet, request: Request, row: int) -> str:
        return f"no aggregate of it carries the zone {request.shape.zone!r}"


def _carries(aggregates: tuple[Aggregate, ...], zone: str) -> bool:
    return any(dict(aggregate.metadata).get("availability_zone") == zone for aggregate in aggregates)

"""Filters as Nova really runs them, where ours are stricter. For the profile `nova` alone.

Each was found by running Nova 34; what it does is kept, plain bugs included, so that a fleet can be compared with Nova
host by host.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from placement.columns import Rows
from placement.errors import BadRequest
from placement.facets import Facet
from placement.filters.each import EachHost
from placement.filters.form import Check, Depends
from placement.filters.image_properties import VERSION_KEY, Guests, asked_guest, version_fits
from placement.fleet import Fleet
from placement.host import Aggregate
from placement.request import Request, Shape


@dataclass(frozen=True, slots=True)
class NovaImagePropertiesFilter:
    """Asked words may stand anywhere in a host's tuple, and a version is only looked at beside another demand.

    `architecture` is asked of images that ask for none. An image that asks for `hw_maxphysaddr_bits` makes Nova fail on
    every host that suits it otherwise; so it is refused.
    """

    architecture: str = ""
    name: str = "ImagePropertiesFilter"
    facet: str = "guests"

    def asks(self, shape: Shape) -> bool:
        return any(self._asked(shape))

    def admits(self, fact: Guests, shape: Shape) -> bool:
        supported, version = fact
        asked = {word for word in self._asked(shape) if word}
        if not any(asked.issubset(guest) for guest in supported):
            return False
        properties = dict(shape.image_properties)
        if not version_fits(version, properties.get(VERSION_KEY, "")):
            return False
        if "hw_maxphysaddr_bits" in properties:
            raise BadRequest("hw_maxphysaddr_bits", "no host can be asked for this by an image; ask by the flavor")
        return True

    def wants(self, fact: Guests, shape: Shape) -> str:
        return f"it cannot run {'/'.join(word or 'any' for word in self._asked(shape))}"

    def _asked(self, shape: Shape) -> tuple[str, str, str]:
        architecture, hypervisor, mode = asked_guest(shape)
        return (architecture or self.architecture, hypervisor, mode)


@dataclass(frozen=True, slots=True)
class NeedsImage:
    """A filter that Nova cannot ask of a request without an image (NUMATopologyFilter): the request is refused."""

    wrapped: EachHost

    @property
    def name(self) -> str:
        return self.wrapped.name

    def depends(self, shape: Shape) -> Depends:
        return self.wrapped.depends(shape)

    def for_row(self, fleet: Fleet, shape: Shape) -> Callable[[int], bool]:
        return self.wrapped.for_row(fleet, shape)

    def checks(self, fleet: Fleet, request: Request, rows: Rows) -> Iterator[Check]:
        if request.imageless:
            raise BadRequest("image", f"{self.name} needs an image to read")
        yield from self.wrapped.checks(fleet, request, rows)

    def lack(self, fleet: Fleet, request: Request, row: int) -> str:
        return self.wrapped.lack(fleet, request, row)


class AllHostsFilter:
    """Passes every host."""

    name = "AllHostsFilter"

    def depends(self, shape: Shape) -> Depends:
        return Depends.FACTS

    def checks(self, fleet: Fleet, request: Request, rows: Rows) -> Iterator[Check]:
        return iter(())

    def lack(self, fleet: Fleet, request: Request, row: int) -> str:
        return "nothing"


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

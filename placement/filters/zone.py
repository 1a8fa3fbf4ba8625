"""AvailabilityZoneFilter: the host stands in the zone that was asked for.

Stricter than Nova, where a zone that no aggregate carries restricts nothing: a misspelt zone
finds no host instead of any host.
"""

from __future__ import annotations

from placement.request import Shape


class AvailabilityZoneFilter:
    name = "AvailabilityZoneFilter"
    facet = "zone"

    def asks(self, shape: Shape) -> bool:
        return bool(shape.zone)

    def admits(self, fact: str, shape: Shape) -> bool:
        return fact == shape.zone

    def wants(self, fact: str, shape: Shape) -> str:
        return f"it is in zone {fact!r}, not {shape.zone!r}"

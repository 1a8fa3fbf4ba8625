"""Weighers that look at the request, so that no host has a standing weight by them: a full pass asks them.

ServerGroupSoftAffinityWeigher, ServerGroupSoftAntiAffinityWeigher, CrossCellWeigher, ImagePropertiesWeigher, Nova's
all, and ImageLocalityWeigher (the host has the image already). A weigher that the request does not ask gives 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from placement.columns import Floats, Rows
from placement.fleet import Fleet, indices
from placement.image import as_pairs
from placement.request import Request


class AskedWeigher(Protocol):
    @property
    def name(self) -> str: ...

    def asks(self, request: Request) -> bool:
        """Whether hosts could differ in it for this request."""

    def raw(self, fleet: Fleet, request: Request, rows: Rows, multipliers: Floats) -> Floats:
        """One number a row; `multipliers` are what they will be multiplied by once normalised."""


@dataclass(frozen=True, slots=True)
class SoftGroupWeigher:
    """Members of the group on the host, counted for or against it."""

    name: str
    policy: str
    sign: float

    def asks(self, request: Request) -> bool:
        return request.group is not None and request.group.policy == self.policy

    def raw(self, fleet: Fleet, request: Request, rows: Rows, multipliers: Floats) -> Floats:
        counts = np.zeros(fleet.rows)
        if request.group is not None:
            for host, members in fleet.members_by_host(request.group).items():
                if host in fleet.row_of:
                    counts[fleet.row_of[host]] = self.sign * members
        chosen: Floats = counts[indices(rows)]
        return chosen


class CrossCellWeigher:
    """Of an instance that may leave its cell: hosts of its own cell weigh more."""

    name = "CrossCellWeigher"

    def asks(self, request: Request) -> bool:
        return request.move is not None and request.move.allow_cross_cell and bool(request.move.preferred_cell)

    def raw(self, fleet: Fleet, request: Request, rows: Rows, multipliers: Floats) -> Floats:
        cell = request.move.preferred_cell if request.move else ""
        return _each(rows, lambda row: 1.0 if fleet.state(row).cell == cell else -1.0)


@dataclass(frozen=True, slots=True)
class ImagePropertiesWeigher:
    """How often the request's image properties occur among the instances of the host.

    `settings`: weights by property, any other property then counts nothing; () = each counts 1. `enabled` is Nova's
    switch: aggregates' multipliers are of no use while the profile's own is 0.
    """

    settings: tuple[tuple[str, float], ...] = ()
    enabled: bool = True
    name: str = "ImagePropertiesWeigher"

    def asks(self, request: Request) -> bool:
        return self.enabled and bool(request.image)

    def raw(self, fleet: Fleet, request: Request, rows: Rows, multipliers: Floats) -> Floats:
        wanted = as_pairs(dict(request.image))
        weight_of = dict(self.settings)

        def weigh(row: int) -> float:
            images = fleet.state(row).instance_images
            common = Counter(pair for image in images for pair in image if pair in wanted)
            return sum(
                (count * (weight_of.get(name, 0.0) if weight_of else 1.0) for (name, _), count in common.items()), 0.0
            )

        return _each(rows, weigh)


class ImageLocalityWeigher:
    """1 where the host has the image already, so that nothing need be copied."""

    name = "ImageLocalityWeigher"

    def asks(self, request: Request) -> bool:
        return bool(request.image_id)

    def raw(self, fleet: Fleet, request: Request, rows: Rows, multipliers: Floats) -> Floats:
        return _each(rows, lambda row: float(request.image_id in fleet.state(row).images))


SOFT_AFFINITY = SoftGroupWeigher("ServerGroupSoftAffinityWeigher", "soft-affinity", 1.0)
SOFT_ANTI_AFFINITY = SoftGroupWeigher("ServerGroupSoftAntiAffinityWeigher", "soft-anti-affinity", -1.0)


def _each(rows: Rows, weigh: Callable[[int], float]) -> Floats:
    return np.array([weigh(row) for row in indices(rows).tolist()], dtype=np.float64)

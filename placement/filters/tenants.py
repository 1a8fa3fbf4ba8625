"""Aggregates that are reserved for projects: AggregateMultiTenancyIsolation, and Placement's limit of projects.

The first keeps others off a reserved host; a project may use all that is not reserved. The second keeps a project on
the aggregates that are reserved for it, where it has any.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from placement.columns import Rows
from placement.errors import BadRequest
from placement.facets import Facet
from placement.filters.aggregates import Aggregates, union
from placement.filters.form import Check, Depends
from placement.fleet import Fleet
from placement.host import Aggregate
from placement.request import Request, Shape

TENANT_KEY = "filter_tenant_id"  # and every key that begins so, for more projects than one value can hold


class AggregateMultiTenancyIsolation:
    name = "AggregateMultiTenancyIsolation"
    facet = "aggregates"

    def asks(self, shape: Shape) -> bool:
        return bool(shape.asks.tenant)

    def admits(self, fact: Aggregates, shape: Shape) -> bool:
        reserved = [values for key, values in union(fact).items() if key.startswith(TENANT_KEY)]
        return not reserved or any(shape.asks.tenant in values for values in reserved)

    def wants(self, fact: Aggregates, shape: Shape) -> str:
        return "it is reserved for other projects"


@dataclass(frozen=True, slots=True)
class TenantAggregates:
    """Placement's part, off by default: a project stays on aggregates that name it. As Nova does, an aggregate counts
    when any value in it is the project's id and any key begins as it should."""

    required: bool  # whether a project without aggregates of its own is refused
    name: str = "TenantAggregates"

    def depends(self, shape: Shape) -> Depends:
        return Depends.FACTS

    def checks(self, fleet: Fleet, request: Request, rows: Rows) -> Iterator[Check]:
        tenant = request.shape.asks.tenant
        facet: Facet[Aggregates] = fleet.facets["aggregates"]
        if not any(_names(aggregate, tenant) for fact in facet.values() for aggregate in fact):
            if self.required:
                raise BadRequest("project", f"no aggregate is reserved for project {tenant!r}")
            return
        passed = facet.mask(rows, lambda fact: any(_names(aggregate, tenant) for aggregate in fact))
        if passed is not None:
            yield Check(self.name, passed)

    def lack(self, fleet: Fleet, request: Request, row: int) -> str:
        return "it is in no aggregate of the project"


def _names(aggregate: Aggregate, tenant: str) -> bool:
    metadata = dict(aggregate.metadata)
    return tenant in metadata.values() and any(key.startswith(TENANT_KEY) for key in metadata)

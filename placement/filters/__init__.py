"""The one list of filters, in order of cost and with the reason for each position.

A refusal counts hosts in this order too: a host is counted for the first filter that it fails.
"""

from __future__ import annotations

from placement.filters.address import SimpleCIDRAffinityFilter
from placement.filters.aggregates import (
    AggregateImagePropertiesIsolation,
    AggregateInstanceExtraSpecsFilter,
    AggregateTypeAffinityFilter,
)
from placement.filters.capabilities import ComputeCapabilitiesFilter
from placement.filters.capacity import CapacityFilter, UnitsFilter
from placement.filters.compute import ComputeFilter
from placement.filters.each import EachHost
from placement.filters.form import Facts, Filter, Hosts
from placement.filters.image_properties import ImagePropertiesFilter
from placement.filters.json_query import JsonFilter
from placement.filters.named import DestinationHost, ForcedHost, IgnoreHosts
from placement.filters.neighbours import (
    DifferentHostFilter,
    SameHostFilter,
    ServerGroupAffinityFilter,
    ServerGroupAntiAffinityFilter,
)
from placement.filters.seats import NUMATopologyFilter, PciPassthroughFilter
from placement.filters.tenants import AggregateMultiTenancyIsolation
from placement.filters.traits import TraitsFilter
from placement.filters.zone import AvailabilityZoneFilter

FILTERS: tuple[Filter, ...] = (
    Facts(ComputeFilter()),  # two or three distinct facts in the whole fleet; a dead host's other facts are stale
    Facts(AvailabilityZoneFilter()),  # a handful of zones
    Hosts(ForcedHost()),  # leaves one host
    Hosts(DestinationHost()),  # leaves one host, too
    Hosts(IgnoreHosts()),  # as many as attempts
    Facts(UnitsFilter()),  # a fact a kind of machine, like the next
    Facts(ImagePropertiesFilter()),
    Facts(TraitsFilter()),
    Facts(AggregateMultiTenancyIsolation()),  # a fact a combination of aggregates, like the next three
    Facts(AggregateTypeAffinityFilter()),
    Facts(AggregateInstanceExtraSpecsFilter()),
    Facts(AggregateImagePropertiesIsolation()),
    CapacityFilter(),  # a comparison a resource class; removes most hosts of a full cloud
    Hosts(SameHostFilter()),  # look-ups of the named instances
    Hosts(DifferentHostFilter()),
    Hosts(ServerGroupAntiAffinityFilter()),  # looks at every host that has a member
    Hosts(ServerGroupAffinityFilter()),
    ComputeCapabilitiesFilter(),  # from here on host by host, in Python: last, the dearest at the end
    EachHost(SimpleCIDRAffinityFilter()),
    EachHost(JsonFilter()),
    EachHost(PciPassthroughFilter()),
    EachHost(NUMATopologyFilter()),  # tries ways to assign cells
)

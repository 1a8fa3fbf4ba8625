"""The one list of filters, in order of cost and with the reason for each position.

A refusal counts hosts in this order too: a host is counted for the first filter that it fails.
"""

from __future__ import annotations

from placement.filters.capabilities import ComputeCapabilitiesFilter
from placement.filters.capacity import CapacityFilter, UnitsFilter
from placement.filters.compute import ComputeFilter
from placement.filters.form import Facts, Filter, Hosts
from placement.filters.image_properties import ImagePropertiesFilter
from placement.filters.named import ForcedHost, IgnoreHosts
from placement.filters.neighbours import (
    DifferentHostFilter,
    SameHostFilter,
    ServerGroupAffinityFilter,
    ServerGroupAntiAffinityFilter,
)
from placement.filters.nova import NovaImagePropertiesFilter, NovaZoneFilter
from placement.filters.zone import AvailabilityZoneFilter

FILTERS: tuple[Filter, ...] = (
    Facts(ComputeFilter()),  # two or three distinct facts in the whole fleet; a dead host's other facts are stale
    Facts(AvailabilityZoneFilter()),  # a handful of zones
    Hosts(ForcedHost()),  # leaves one host
    Hosts(IgnoreHosts()),  # as many as attempts
    Facts(UnitsFilter()),  # a fact a kind of machine, like the next
    Facts(ImagePropertiesFilter()),
    CapacityFilter(),  # a comparison a resource class; removes most hosts of a full cloud
    Hosts(SameHostFilter()),  # look-ups of the named instances
    Hosts(DifferentHostFilter()),
    Hosts(ServerGroupAntiAffinityFilter()),  # looks at every host that has a member
    Hosts(ServerGroupAffinityFilter()),
    ComputeCapabilitiesFilter(),  # reads host by host, in Python: last
)

NOVA_FILTERS: tuple[Filter, ...] = (
    NovaZoneFilter(),  # Placement's part comes first in Nova
    Facts(UnitsFilter()),
    CapacityFilter(),
    Hosts(ForcedHost()),
    Hosts(IgnoreHosts()),
    Facts(ComputeFilter()),
    ComputeCapabilitiesFilter(),
    Facts(NovaImagePropertiesFilter()),
    Hosts(ServerGroupAntiAffinityFilter()),
    Hosts(ServerGroupAffinityFilter()),
)
"""Nova's default filters in Nova's order, after what Placement removes."""

"""The profile `nova`: Nova's filters, weighers and multipliers exactly, by Nova's names, under any of its settings.

`nova_profile()` is Nova as it comes; `records.py` makes others from a file's configuration. What is a plain bug in Nova
is kept here and named where it happens (`filters/nova.py`), so that a fleet can be compared with Nova host by host.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

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
from placement.filters.isolation import IsolatedHostsFilter
from placement.filters.json_query import JsonFilter
from placement.filters.limits import aggregate_io_ops, aggregate_num_instances, io_ops, num_instances
from placement.filters.metrics import MetricsFilter
from placement.filters.named import DestinationHost, ForcedHost, IgnoreHosts
from placement.filters.neighbours import (
    DifferentHostFilter,
    SameHostFilter,
    ServerGroupAffinityFilter,
    ServerGroupAntiAffinityFilter,
)
from placement.filters.nova import AllHostsFilter, NeedsImage, NovaImagePropertiesFilter, NovaZoneFilter
from placement.filters.seats import NUMATopologyFilter, PciPassthroughFilter
from placement.filters.tenants import AggregateMultiTenancyIsolation, TenantAggregates
from placement.filters.traits import TraitsFilter
from placement.profile import Profile
from placement.settings import DEFAULTS, Settings
from placement.weighers import WEIGHERS
from placement.weighers.asked import (
    SOFT_AFFINITY,
    SOFT_ANTI_AFFINITY,
    AskedWeigher,
    CrossCellWeigher,
    ImagePropertiesWeigher,
)
from placement.weighers.metrics import MetricsWeigher

DEFAULT_FILTERS = (
    "ComputeFilter",
    "ComputeCapabilitiesFilter",
    "ImagePropertiesFilter",
    "ServerGroupAntiAffinityFilter",
    "ServerGroupAffinityFilter",
)

MULTIPLIERS: Mapping[str, float] = MappingProxyType(
    {
        "BuildFailureWeigher": -1_000_000.0,
        "CPUWeigher": 1.0,
        "CrossCellWeigher": 1_000_000.0,
        "DiskWeigher": 1.0,
        "HypervisorVersionWeigher": 1.0,
        "ImagePropertiesWeigher": 0.0,
        "IoOpsWeigher": -1.0,
        "MetricsWeigher": 1.0,
        "NumInstancesWeigher": 0.0,
        "PCIWeigher": 1.0,
        "RAMWeigher": 1.0,
        "ServerGroupSoftAffinityWeigher": 1.0,
        "ServerGroupSoftAntiAffinityWeigher": 1.0,
    }
)
"""All of Nova's weighers with its own multipliers."""


def placement_filters(settings: Settings = DEFAULTS) -> tuple[Filter, ...]:
    """What the service Placement does before Nova's own filters: projects, zone, capacity, traits."""
    tenants = TenantAggregates(settings.placement_aggregate_required_for_tenants)
    limited = (tenants,) if settings.limit_tenants_to_placement_aggregate else ()
    return (*limited, NovaZoneFilter(), Facts(UnitsFilter()), CapacityFilter(), Facts(TraitsFilter()))


NAMED: tuple[Filter, ...] = (Hosts(DestinationHost()), Hosts(IgnoreHosts()), Hosts(ForcedHost()))
"""Hosts that the request itself names; asked between Placement and the filters."""


def nova_filters(settings: Settings = DEFAULTS) -> dict[str, Filter]:
    """Every filter of Nova, by its name."""
    isolated = IsolatedHostsFilter(
        settings.isolated_hosts, settings.isolated_images, settings.restrict_isolated_hosts_to_isolated_images
    )
    image_isolation = AggregateImagePropertiesIsolation(
        settings.aggregate_image_properties_isolation_namespace,
        settings.aggregate_image_properties_isolation_separator,
    )
    filters: tuple[Filter, ...] = (
        AllHostsFilter(),
        Facts(ComputeFilter()),
        ComputeCapabilitiesFilter(),
        Facts(NovaImagePropertiesFilter(settings.image_properties_default_architecture)),
        Hosts(ServerGroupAntiAffinityFilter()),
        Hosts(ServerGroupAffinityFilter()),
        Hosts(SameHostFilter()),
        Hosts(DifferentHostFilter()),
        EachHost(SimpleCIDRAffinityFilter()),
        Facts(AggregateInstanceExtraSpecsFilter(plain=True)),
        Facts(image_isolation),
        Facts(AggregateMultiTenancyIsolation()),
        Facts(AggregateTypeAffinityFilter()),
        io_ops(settings.max_io_ops_per_host),
        aggregate_io_ops(settings.max_io_ops_per_host),
        num_instances(settings.max_instances_per_host),
        aggregate_num_instances(settings.max_instances_per_host),
        EachHost(isolated),
        EachHost(JsonFilter()),
        EachHost(MetricsFilter(frozenset(name for name, _ in settings.metrics))),
        NeedsImage(EachHost(NUMATopologyFilter())),
        EachHost(PciPassthroughFilter()),
    )
    return {each.name: each for each in filters}


def nova_profile(
    settings: Settings = DEFAULTS,
    filters: Iterable[str] = DEFAULT_FILTERS,
    multipliers: Mapping[str, float] = MULTIPLIERS,
) -> Profile:
    """Nova with these settings and filters, and with these weighers (all of Nova's by default)."""
    known = nova_filters(settings)
    names = tuple(filters)
    own = tuple(known[name] for name in names)
    return Profile(
        "nova",
        (*placement_filters(settings), *NAMED, *own),
        multipliers,
        ranked=False,
        skipped_when_forced=frozenset(names),
        asked=tuple(each for each in _asked(settings, multipliers) if each.name in multipliers),
        subset=settings.host_subset_size,
    )


def weigher_names() -> frozenset[str]:
    """Every weigher that a profile of Nova may name."""
    return frozenset(WEIGHERS) | {each.name for each in _asked(DEFAULTS, MULTIPLIERS)}


def _asked(settings: Settings, multipliers: Mapping[str, float]) -> tuple[AskedWeigher, ...]:
    enabled = multipliers.get("ImagePropertiesWeigher", 0.0) != 0.0
    return (
        SOFT_AFFINITY,
        SOFT_ANTI_AFFINITY,
        CrossCellWeigher(),
        ImagePropertiesWeigher(settings.image_props, enabled),
        MetricsWeigher(settings.metrics, settings.metrics_required, settings.metrics_weight_of_unavailable),
    )

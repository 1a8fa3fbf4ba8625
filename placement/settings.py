"""Settings of filters and weighers that are not multipliers: Nova's options, by Nova's names, with Nova's defaults.

Given to filters and weighers when a profile is made (`nova.py`, `profiles.py`); nothing reads them later from anywhere
else. Immutable.
"""

from __future__ import annotations

from dataclasses import dataclass

CPU_RATIO, RAM_RATIO, DISK_RATIO = 4.0, 1.0, 1.0  # initial_X_allocation_ratio


@dataclass(frozen=True, slots=True)
class Alias:
    """One entry of `pci_alias`; entries of one name are alternatives. '' = not said."""

    name: str
    spec: tuple[tuple[str, str], ...]  # what a device must have: vendor_id, product_id, dev_type, live_migratable
    numa_policy: str = "legacy"


@dataclass(frozen=True, slots=True)
class Settings:
    max_io_ops_per_host: int = 8
    max_instances_per_host: int = 50
    isolated_hosts: frozenset[str] = frozenset()
    isolated_images: frozenset[str] = frozenset()
    restrict_isolated_hosts_to_isolated_images: bool = True
    aggregate_image_properties_isolation_namespace: str = ""
    aggregate_image_properties_isolation_separator: str = "."
    image_properties_default_architecture: str = ""
    limit_tenants_to_placement_aggregate: bool = False
    placement_aggregate_required_for_tenants: bool = False
    metrics: tuple[tuple[str, float], ...] = ()  # (name, ratio), from metrics_weight_setting
    metrics_required: bool = True
    metrics_weight_of_unavailable: float = -10_000.0
    image_props: tuple[tuple[str, float], ...] = ()  # (property, weight); () = all count 1
    host_subset_size: int = 1  # the host is drawn from so many of the best


DEFAULTS = Settings()

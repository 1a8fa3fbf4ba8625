"""Nova's configuration, as a record gives it (only keys that differ from Nova's defaults), read into a profile.

Used by `decide.py` and `records.py`. Unknown keys mean nothing here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from placement.errors import BadRequest
from placement.multipliers import KEYS, NEGATED
from placement.nova import MULTIPLIERS, nova_filters, nova_profile
from placement.profile import Profile
from placement.settings import CPU_RATIO, DISK_RATIO, RAM_RATIO, Alias, Settings
from placement.truth import is_true

Json: TypeAlias = Mapping[str, Any]

SERVICE_DOWN_S = 60.0
PLAIN_KEYS = (
    "max_io_ops_per_host",
    "max_instances_per_host",
    "restrict_isolated_hosts_to_isolated_images",
    "limit_tenants_to_placement_aggregate",
    "placement_aggregate_required_for_tenants",
    "metrics_required",
    "metrics_weight_of_unavailable",
    "host_subset_size",
)
TEXT_KEYS = (
    "aggregate_image_properties_isolation_namespace",
    "aggregate_image_properties_isolation_separator",
    "image_properties_default_architecture",
)
SET_KEYS = ("isolated_hosts", "isolated_images")
ALIAS_KEYS = {"vendor_id": "vendor_id", "product_id": "product_id", "device_type": "dev_type"}


@dataclass(frozen=True, slots=True)
class Ratios:
    """How far a host overcommits: by its own say, the configuration's, or the initial one. 0 = not said."""

    cpu: float
    ram: float
    disk: float

    @classmethod
    def of(cls, host: Json, config: Json) -> Ratios:
        return cls(
            *(_ratio(host, config, *kind) for kind in (("cpu", CPU_RATIO), ("ram", RAM_RATIO), ("disk", DISK_RATIO)))
        )


def _ratio(host: Json, config: Json, kind: str, initial: float) -> float:
    key = f"{kind}_allocation_ratio"
    return float(host.get(key) or config.get(key) or config.get(f"initial_{key}") or initial)


def service_down_s(config: Json) -> float:
    return float(config.get("service_down_time", SERVICE_DOWN_S))


def profile_of(record: Json) -> Profile:
    """Nova with the record's configuration, filters and weighers. Raises `BadRequest` for names that Nova has not."""
    config = record["config"]
    settings = settings_of(config)
    names = record["enabled_filters"]
    unknown = [name for name in names if name not in nova_filters(settings)]
    unknown += [name for name in record["enabled_weighers"] if name not in MULTIPLIERS]
    if unknown:
        raise BadRequest("enabled", f"no filter or weigher is called {', '.join(unknown)}")
    return nova_profile(settings, names, {name: _multiplier(config, name) for name in record["enabled_weighers"]})


def settings_of(config: Json) -> Settings:
    given: dict[str, Any] = {key: config[key] for key in PLAIN_KEYS if config.get(key) is not None}
    given |= {key: str(config[key]) for key in TEXT_KEYS if config.get(key) is not None}
    given |= {key: frozenset(config[key]) for key in SET_KEYS if key in config}
    return Settings(
        metrics=_options(config.get("metrics_weight_setting", ())),
        image_props=_options(config.get("image_props_weight_setting", ())),
        **given,
    )


def aliases_of(config: Json) -> tuple[Alias, ...]:
    return tuple(map(_alias, config.get("pci_alias") or ()))


def _multiplier(config: Json, weigher: str) -> float:
    given = config.get(KEYS[weigher])
    if given is None:
        return MULTIPLIERS[weigher]
    return -float(given) if weigher in NEGATED else float(given)


def _options(texts: Iterable[str]) -> tuple[tuple[str, float], ...]:
    """name=number; what is not of that form is ignored, as in Nova."""
    found = []
    for text in texts:
        name, sign, number = text.partition("=")
        try:
            value = float(number)
        except ValueError:
            continue
        if name and sign:
            found.append((name, value))
    return tuple(found)


def _alias(given: Json | str) -> Alias:
    alias = json.loads(given) if isinstance(given, str) else given
    spec = {mine: str(alias[key]) for key, mine in ALIAS_KEYS.items() if alias.get(key)}
    if alias.get("live_migratable") is not None:
        spec["live_migratable"] = "true" if is_true(str(alias["live_migratable"])) else "false"
    return Alias(alias["name"].strip(), tuple(sorted(spec.items())), alias.get("numa_policy") or "legacy")

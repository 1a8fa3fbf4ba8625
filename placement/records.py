"""Records: a fleet and a request as JSON, read into placement's own types.

Used by `decide.py`; `configuration.py` reads the record's configuration. A key that is absent means none. Raises
`BadRequest` for a request that no fleet could answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from math import ceil
from typing import Any, TypeAlias

from placement.configuration import Ratios, service_down_s
from placement.demands import Asked, Flavor, asked
from placement.fleet import Fleet
from placement.host import DISK_GB, MEMORY_MB, VCPU, Aggregate, HostState, Pairs, Stock, pairs
from placement.image import as_pairs
from placement.numa.cells import HostCell, Pages
from placement.numa.guest import pci_numa_policy, topology
from placement.pci import PciPool, requests_of
from placement.request import Demands, Group, Move, Request, Shape
from placement.settings import Alias

Json: TypeAlias = Mapping[str, Any]

DISABLED = "COMPUTE_STATUS_DISABLED"  # the trait by which Placement knows a disabled host
NO_AMOUNTS = Asked((), frozenset(), frozenset())
HOST_HINTS = ("query", "build_near_host_ip", "cidr")


# ------------------------------------------------------------ hosts


def fleet_of(record: Json) -> Fleet:
    """The hosts by what compute reports of them: what filters and weighers see."""
    fleet = Fleet()
    for host in record["hosts"]:
        fleet.upsert(host_state(host, record["config"]))
    return fleet


def inventories_of(record: Json) -> Fleet:
    """The hosts by what Placement knows of them, where that differs; a disabled host has a trait that says so."""
    fleet = Fleet()
    for host in record["hosts"]:
        state = host_state(host, record["config"])
        traits = state.traits | {DISABLED} if not state.enabled else state.traits
        stocks = _inventory(host["inventory"]) if "inventory" in host else state.stocks
        fleet.upsert(replace(state, traits=traits, stocks=stocks))
    return fleet


def host_state(host: Json, config: Json) -> HostState:
    return HostState(
        name=host["name"],
        node=host.get("node") or "",
        zone=host.get("zone") or "nova",
        up=_is_up(host, config),
        enabled=host.get("enabled", True),
        disabled_reason=host.get("disabled_reason") or "",
        architecture=host.get("arch") or "",
        hypervisor_type=host.get("hypervisor_type") or "",
        hypervisor_version=host.get("hypervisor_version") or 0,
        supported_instances=tuple((a, h, m) for a, h, m in host.get("supported_instances") or ()),
        traits=frozenset(host.get("traits") or ()),
        aggregates=tuple(Aggregate(each["name"], _texts(each["metadata"])) for each in host.get("aggregates") or ()),
        host_ip=host.get("host_ip") or "",
        cpu_info=json.dumps(host["cpu_info"]) if host.get("cpu_info") is not None else "",
        stats=_texts(host.get("stats")),
        disk_available_least_gib=host.get("disk_available_least_gib"),
        num_instances=host.get("num_instances", 0),
        num_io_ops=host.get("num_io_ops", 0),
        failed_builds=host.get("failed_builds", 0),
        stocks=_stocks(host, Ratios.of(host, config)),
        cell=host.get("cell") or "",
        numa=tuple(map(_cell, host.get("numa") or ())),
        pci_pools=tuple(map(_pool, host.get("pci_pools") or ())),
        metrics=tuple(sorted((name, float(value)) for name, value in (host.get("metrics") or {}).items())),
        instances=frozenset(host.get("instances") or ()),
        instance_images=tuple(as_pairs(dict(_texts(image))) for image in (host.get("instance_images") or {}).values()),
    )


def _is_up(host: Json, config: Json) -> bool:
    if host.get("forced_down"):
        return False
    age = host.get("heartbeat_age_s")
    return bool(host.get("up", True)) if age is None else abs(age) <= service_down_s(config)


def _stocks(host: Json, ratios: Ratios) -> tuple[Stock, ...]:
    kinds = (
        (VCPU, "vcpus_{}", ratios.cpu),
        (MEMORY_MB, "ram_{}_mib", ratios.ram),
        (DISK_GB, "disk_{}_gib", ratios.disk),
    )
    return tuple(
        Stock(
            name,
            host.get(key.format("total"), 0),
            host.get(key.format("reserved"), 0),
            host.get(key.format("used"), 0),
            ratio,
        )
        for name, key, ratio in kinds
    )


def _inventory(inventory: Json) -> tuple[Stock, ...]:
    return tuple(
        Stock(
            name,
            each["total"],
            each.get("reserved", 0),
            each.get("used", 0),
            each.get("allocation_ratio", 1.0),
            each.get("min_unit", 1),
            each.get("max_unit"),
            each.get("step_size", 1),
        )
        for name, each in inventory.items()
    )


def _cell(cell: Json) -> HostCell:
    return HostCell(
        cell["id"],
        cell["memory_mib"],
        cell.get("memory_used_mib", 0),
        frozenset(cell.get("shared_cpus") or ()),
        cell.get("shared_cpus_used", 0),
        frozenset(cell.get("dedicated_cpus") or ()),
        frozenset(cell.get("pinned_cpus") or ()),
        tuple(map(frozenset, cell.get("siblings") or ())),
        tuple(
            Pages(each["size_kib"], each["total"], each.get("used", 0), each.get("reserved", 0))
            for each in cell.get("pages") or ()
        ),
        cell.get("socket"),
    )


def _pool(pool: Json) -> PciPool:
    own = {key: str(pool[key]) for key in ("vendor_id", "product_id", "dev_type") if pool.get(key) is not None}
    return PciPool(_texts({**own, **(pool.get("tags") or {})}), pool.get("numa_node"), pool.get("count", 0))


# ------------------------------------------------------------ requests


def request_of(record: Json, aliases: tuple[Alias, ...]) -> Request:
    asked_for = record["request"]
    properties = _texts((asked_for.get("image") or {}).get("properties"))
    flavor = _flavor(asked_for)
    return Request(
        instance_id=asked_for.get("instance_uuid") or "",
        shape=_shape(record, flavor, properties, aliases),
        project_id=asked_for.get("project") or "",
        ignore_hosts=frozenset(host.lower() for host in asked_for.get("ignore_hosts") or ()),
        forced_hosts=frozenset(host.lower() for host in asked_for.get("force_hosts") or ()),
        forced_nodes=frozenset(asked_for.get("force_nodes") or ()),
        destination_host=asked_for.get("destination_host") or "",
        different_host=_hint_values(asked_for, "different_host"),
        same_host=_hint_values(asked_for, "same_host"),
        group=_group(asked_for.get("group")),
        move=_move(asked_for.get("move")),
        rebuild=asked_for.get("operation") == "rebuild" or "rebuild" in _hint_values(asked_for, "_nova_check_type"),
        image_id=(asked_for.get("image") or {}).get("id") or "",
        imageless=asked_for.get("image") is None,
        image=properties,
    )


def _shape(record: Json, flavor: Flavor, properties: Pairs, aliases: tuple[Alias, ...]) -> Shape:
    """What nobody asks about in the record is not read, so that it cannot be wrong."""
    asked_for, filters = record["request"], record["enabled_filters"]
    image, specs = dict(properties), flavor.extra_specs
    amounts = asked(flavor, image) if record.get("prefilter_applied") else NO_AMOUNTS
    cells = "NUMATopologyFilter" in filters
    devices = cells or "PciPassthroughFilter" in filters
    demands = Demands(
        required_traits=amounts.required,
        forbidden_traits=amounts.forbidden | {DISABLED},
        numa=topology(flavor.vcpus, flavor.ram_mib, specs, image) if cells else None,
        pci=requests_of(specs, aliases, pci_numa_policy(specs, image)) if devices else (),
        hints=pairs({name: hint for name in HOST_HINTS if (hint := _host_hint(asked_for, name))}),
        tenant=asked_for.get("project") or "",
        flavor_name=flavor.name,
        image_id=(asked_for.get("image") or {}).get("id") or "",
    )
    return Shape(amounts.resources, asked_for.get("zone") or "", properties, pairs(dict(specs)), demands)


def _flavor(asked_for: Json) -> Flavor:
    flavor = asked_for["flavor"]
    root = 0 if asked_for.get("volume_backed") else flavor.get("disk_gib", 0)
    local = root + flavor.get("ephemeral_gib", 0) + ceil(flavor.get("swap_mib", 0) / 1024)
    specs = dict(_texts(flavor.get("extra_specs")))
    return Flavor(flavor.get("name") or "", flavor["vcpus"], flavor["ram_mib"], local, specs)


def _hint_values(asked_for: Json, name: str) -> tuple[str, ...]:
    hint = (asked_for.get("hints") or {}).get(name)
    values = [hint] if isinstance(hint, str) else hint or []
    return tuple(str(value) for value in values if value)


def _host_hint(asked_for: Json, name: str) -> str:
    """One value; of several, which no filter can understand, the list as text."""
    hint = (asked_for.get("hints") or {}).get(name)
    if isinstance(hint, list):
        hint = hint[0] if len(hint) == 1 else json.dumps(hint) if hint else ""
    return str(hint or "")


def _group(group: Json | None) -> Group | None:
    if not group:
        return None
    most = (group.get("rules") or {}).get("max_server_per_host", 1)
    hosts, members = frozenset(group.get("hosts") or ()), frozenset(group.get("members") or ())
    return Group("group", group["policy"], int(most), hosts, members)


def _move(move: Json | None) -> Move | None:
    return Move(move.get("preferred_cell") or "", bool(move.get("allow_cross_cell"))) if move else None


def _texts(mapping: Json | None) -> Pairs:
    return pairs({str(key): str(value) for key, value in (mapping or {}).items()})

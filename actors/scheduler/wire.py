"""Between the rooms' messages and placement's own types: the one place that knows both.

Pure. Raises `BadRequest` for a request that no fleet could answer.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from msgspec import structs

import placement
from actors import messages
from actors.scheduler.arrangement import ALONE, Put
from actors.scheduler.hints import GROUP, GROUP_MOST, GROUP_POLICY, POLICIES
from actors.scheduler.messages import CheckLine, DroppedHost, PlacementExplained, ScoredHost
from placement import Aggregate, BadRequest, Fleet, HostState, NoHost, Request, Shape, Stock, resources_of
from placement.demands import traits
from placement.filters.address import NEAR, SIZE
from placement.filters.aggregates import FLAVOR_KEY
from placement.filters.image_properties import READ_PROPERTIES
from placement.filters.json_query import QUERY
from placement.filters.tenants import TENANT_KEY
from placement.host import DISK_GB, MEMORY_MB, VCPU, pairs
from placement.numa.guest import pci_numa_policy, topology
from placement.pci import aliases_in, requests_of
from placement.request import NOTHING, Demands


def request_of(asked: messages.PlaceRequest, fleet: Fleet) -> Request:
    """`availability_zone` may be "zone:host" or "zone:host:node", which forces the host."""
    flavor = asked.flavor
    zone, _, place = asked.availability_zone.partition(":")
    forced, _, node = place.partition(":")
    disk_gib = asked.root_gib + flavor.ephemeral_gib + ceil(flavor.swap_mib / 1024)
    # Only properties that filters read: images differ in others, and each difference would be a shape of its own.
    read = READ_PROPERTIES | fleet.aggregate_keys()
    properties = {key: value for key, value in asked.image_properties.items() if key in read}
    demands = demands_of(asked, fleet)
    return Request(
        asked.instance_id,
        Shape(
            resources_of(flavor.vcpus, flavor.ram_mib, disk_gib, flavor.extra_specs),
            zone,
            pairs(properties),
            pairs(flavor.extra_specs),
            None if demands == NOTHING else demands,
        ),
        project_id=asked.project_id,
        ignore_hosts=frozenset(host.lower() for host in asked.ignore_hosts),
        forced_host=forced,
        forced_nodes=frozenset({node} if node else ()),
        destination_host=asked.destination,
        different_host=_hint(asked, "different_host"),
        same_host=_hint(asked, "same_host"),
        group=_group(asked),
    )


def reader(fleet: Fleet) -> Callable[[messages.PlaceRequest], Request]:
    """`request_of` for the requests of one message, while the fleet's hosts are as they are: neighbours are mostly
    alike, and then only the instance differs."""
    before: messages.PlaceRequest | None = None
    made: Request | None = None

    def read(asked: messages.PlaceRequest) -> Request:
        nonlocal before, made
        if before is not None and made is not None and _alike(before, asked):
            return structs.replace(made, instance_id=asked.instance_id)
        before, made = asked, request_of(asked, fleet)
        return made

    return read


def _alike(one: messages.PlaceRequest, other: messages.PlaceRequest) -> bool:
    return (
        one.flavor == other.flavor
        and one.image_properties == other.image_properties
        and one.hints == other.hints
        and one.root_gib == other.root_gib
        and one.availability_zone == other.availability_zone
        and one.project_id == other.project_id
        and one.ignore_hosts == other.ignore_hosts
        and one.destination == other.destination
    )


def demands_of(asked: messages.PlaceRequest, fleet: Fleet) -> Demands:
    """What few requests ask. A fleet whose hosts tell no NUMA cells, or no devices, is not asked for any: its compute
    nodes see to them alone. Projects and flavors count only where aggregates are reserved for some."""
    specs, image = asked.flavor.extra_specs, asked.image_properties
    keys = fleet.aggregate_keys()
    if not (specs or image or asked.hints or keys):
        return NOTHING
    required, forbidden = traits(specs, image)
    hints = {name: found for name in (QUERY, NEAR, SIZE) if (found := next(iter(_hint(asked, name)), ""))}
    devices = aliases_in(specs) if fleet.tells_devices else ()
    return Demands(
        required,
        forbidden,
        topology(asked.flavor.vcpus, asked.flavor.ram_mib, specs, image) if fleet.tells_cells else None,
        requests_of(specs, devices, pci_numa_policy(specs, image)) if devices else (),
        pairs(hints),
        asked.project_id if any(key.startswith(TENANT_KEY) for key in keys) else "",
        asked.flavor.name if FLAVOR_KEY in keys else "",
    )


def host_state(report: messages.HostReport, failed_builds: int = 0, put: Put = ALONE) -> HostState:
    """A heartbeat as a host; one that names no guests it can run is taken to run its own architecture. `put` is where
    administrators put it."""
    own = (report.architecture, report.hypervisor.lower(), "hvm")
    return HostState(
        name=report.host,
        node=report.node,
        zone=put.zone or report.availability_zone,
        up=not put.down,
        enabled=report.enabled,
        architecture=report.architecture,
        hypervisor_type=report.hypervisor,
        hypervisor_version=report.hypervisor_version,
        supported_instances=report.supported or (own,),
        traits=frozenset(report.traits),
        aggregates=tuple(Aggregate(name, metadata) for name, metadata in (*report.aggregates, *put.aggregates)),
        host_ip=report.host_ip,
        images=frozenset(report.images),
        num_instances=report.instances,
        num_io_ops=report.io_ops,
        failed_builds=failed_builds,
        stocks=(
            Stock(VCPU, report.vcpus, used=report.vcpus_used, allocation_ratio=report.cpu_allocation_ratio),
            Stock(MEMORY_MB, report.ram_mib, used=report.ram_used_mib, allocation_ratio=report.ram_allocation_ratio),
            Stock(DISK_GB, report.disk_gib, used=report.disk_used_gib, allocation_ratio=report.disk_allocation_ratio),
        ),
    )


def claim_in(claim: messages.Claim) -> placement.Claim:
    """A claim told after a restart; the instance may still be building or may run."""
    resources = resources_of(claim.vcpus, claim.ram_mib, claim.disk_gib)
    return placement.Claim(claim.instance_id, claim.host, resources, claim.group_id, building=False)


def claim_out(claim: placement.Claim) -> messages.Claim:
    amounts = dict(claim.resources)
    return messages.Claim(
        instance_id=claim.instance_id,
        host=claim.host,
        vcpus=amounts.get(VCPU, 0),
        ram_mib=amounts.get(MEMORY_MB, 0),
        disk_gib=amounts.get(DISK_GB, 0),
        group_id=claim.group_id,
    )


def host_seen(report: messages.HostReport, fleet: Fleet, row: int) -> messages.HostSeen:
    """As placement sees it now: a claim that was given back since the report takes nothing."""
    state, used = fleet.state(row), {name: inventory.used.at[row] for name, inventory in fleet.inventory.items()}
    return messages.HostSeen(
        report=report,
        up=state.up,
        zone=state.zone,
        vcpus_used=int(used.get(VCPU, 0)),
        ram_used_mib=int(used.get(MEMORY_MB, 0)),
        disk_used_gib=int(used.get(DISK_GB, 0)),
        instances=int(fleet.instances.used.at[row]),
    )


def no_host(refused: NoHost) -> messages.NoHostFound:
    return messages.NoHostFound(reasons=refused.reasons, nearest=refused.nearest, note=refused.note)


def explained(profile: str, found: placement.Explanation) -> PlacementExplained:
    return PlacementExplained(
        profile=profile,
        hosts=found.hosts,
        checks=tuple(CheckLine(*line) for line in found.checks),
        passed=found.passed,
        best=tuple(ScoredHost(each.host, each.total, each.weights) for each in found.best),
        dropped=tuple(DroppedHost(each.host, each.check, each.lack) for each in found.dropped),
        nearest=found.nearest,
    )


def _hint(asked: messages.PlaceRequest, name: str) -> tuple[str, ...]:
    return tuple(value for value in asked.hints.get(name, ()) if value)


def _group(asked: messages.PlaceRequest) -> placement.Group | None:
    group_id = next(iter(_hint(asked, GROUP)), "")
    policy = next(iter(_hint(asked, GROUP_POLICY)), "")
    if not group_id or not policy:
        return None
    if policy not in POLICIES:
        raise BadRequest(GROUP_POLICY, f"{policy!r} is none of {', '.join(POLICIES)}")
    most = next(iter(_hint(asked, GROUP_MOST)), "1")
    if not most.isdecimal() or int(most) < 1:
        raise BadRequest(GROUP_MOST, f"{most!r} is not a whole number above 0")
    return placement.Group(group_id, policy, int(most))

"""The fleet: every host as a row of columns, and every claim on them. The one writer of capacity.

Made and changed by whoever owns the hosts (the scheduler room; a file of records); read by filters, weighers and
rankings. Invariants: what is used of a host is never less than the sum of the claims on it; a row's generation grows
with each change of it and is never reused; every change stands in a journal - `facts` for what a host is, `usage` for
what is taken of it. Claims on a host that is not known (yet, or any more) are kept aside and count when it reports.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from msgspec import structs

from placement.columns import FloatColumn, IntColumn, Mask, Rows
from placement.facets import Facet
from placement.host import STANDARD_CLASSES, HostState, Stock
from placement.inventory import Inventory, Usage
from placement.journal import Journal
from placement.pci import free_devices
from placement.request import Claim, Group
from placement.residents import Residents
from placement.rooms import Rooms
from placement.seat import Room

FIRST_CAPACITY = 64  # rows of an empty fleet; doubled when full
NO_LEAST = 1 << 50  # GiB: a host that does not tell what its disk really has left

FACETS: dict[str, Callable[[HostState], Hashable]] = {
    "status": lambda host: (host.up, host.enabled, host.disabled_reason),
    "zone": lambda host: host.zone,
    "guests": lambda host: (host.supported_instances, host.hypervisor_version),
    "units": lambda host: tuple(stock.units for stock in host.stocks),
    "traits": lambda host: host.traits,
    "aggregates": lambda host: host.aggregates,
}
"""What filters read of a host apart from numbers, by facet."""


NO_PARTICULARS: tuple[object, ...] = ((), (), (), frozenset(), (), frozenset())


def particulars(state: HostState | None) -> tuple[object, ...]:
    if state is None:
        return NO_PARTICULARS
    return (state.numa, state.pci_pools, state.metrics, state.instances, state.instance_images, state.images)


def _told(state: HostState) -> tuple[object, ...]:
    """Facts that only few requests ask for, and that are no facets."""
    return (
        state.hypervisor_type,
        state.architecture,
        state.node,
        state.host_ip,
        state.cpu_info,
        state.stats,
        state.cell,
    )


class Fleet:
    def __init__(self) -> None:
        self.capacity = FIRST_CAPACITY
        self.rows = 0  # rows in use, holes of departed hosts included
        self.states: list[HostState | None] = []
        self.row_of: dict[str, int] = {}
        self.facts = Journal()
        self.usage = Journal()
        self.generation = IntColumn(self.capacity)
        self.inventory = {name: Inventory(name, self.capacity) for name in STANDARD_CLASSES}
        self.instances = Usage(self.capacity)
        self.io_ops = Usage(self.capacity)
        self.failed_builds = IntColumn(self.capacity)
        self.devices = IntColumn(self.capacity)  # PCI devices that are free
        self.disk_least = IntColumn(self.capacity, fill=NO_LEAST)
        self.facets: dict[str, Facet[Any]] = {name: Facet(self.capacity) for name in FACETS}
        self.claims: dict[str, Claim] = {}
        self._present = IntColumn(self.capacity)
        self._aside: dict[str, set[str]] = {}  # claims of unknown hosts: host → instance ids
        self._groups: dict[str, Counter[str]] = {}  # group → members by host
        self._holes: list[int] = []
        self._residents = Residents()
        self._rooms = Rooms()
        self._keys: frozenset[str] = frozenset()  # of aggregates' metadata,
        self._keys_at = 0  # as of this end of the journal

    # ------------------------------------------------------------ looking

    def __len__(self) -> int:
        return len(self.row_of)

    @property
    def all(self) -> slice:
        return slice(0, self.rows)

    def present(self, rows: Rows) -> Mask:
        """Which rows have a host."""
        there: Mask = self._present.array[rows] != 0
        return there

    def state(self, row: int) -> HostState:
        state = self.states[row]
        if state is None:
            raise LookupError(f"row {row} has no host")
        return state

    def rows_of(self, hosts: Iterable[str]) -> set[int]:
        """The rows of those hosts that are known."""
        return {self.row_of[host] for host in hosts if host in self.row_of}

    def hosts_of(self, instance_ids: Iterable[str]) -> set[str]:
        """Where instances are, by claim or by report."""
        found: set[str] = set()
        for instance_id in instance_ids:
            claim = self.claims.get(instance_id)
            if claim is not None:
                found.add(claim.host)
            found |= self._residents.hosts_of(instance_id)
        return found

    def group_hosts(self, group_id: str) -> Counter[str]:
        """How many members of a group each host has, by claims."""
        return self._groups.get(group_id, Counter())

    def members_by_host(self, group: Group) -> Counter[str]:
        """The same with members that only hosts' reports tell of."""
        if not group.members:
            return self.group_hosts(group.id)
        counts = Counter(self.group_hosts(group.id))
        for member in group.members:
            claim = self.claims.get(member)
            if claim is None or claim.group_id != group.id:
                counts.update(self.hosts_of((member,)))
        return counts

    @property
    def tells_cells(self) -> bool:
        """Whether any host tells its NUMA cells."""
        return bool(self._rooms.with_cells)

    @property
    def tells_devices(self) -> bool:
        return bool(self._rooms.with_devices)

    def aggregate_keys(self) -> frozenset[str]:
        """Every key in the metadata of aggregates: what they could be reserved for."""
        if self._keys_at != self.facts.end:
            self._keys_at = self.facts.end
            aggregates = (each for known in self.facets["aggregates"].values() for each in known)
            self._keys = frozenset(key for each in aggregates for key, _ in each.metadata)
        return self._keys

    def room(self, row: int) -> Room:
        """The cells and devices of a host, less what claims have of them."""
        return self._rooms.of(self.state(row), self.claims)

    # ------------------------------------------------------------ hosts

    def upsert(self, state: HostState) -> int:
        """A host is as it says; returns its row. What it said already changes nothing."""
        row = self.row_of.get(state.name)
        arrived = row is None
        if row is None:
            row = self._new_row(state.name)
        before = self.states[row]
        news = before != state
        facts = news and self._set_facts(row, state)
        if arrived:  # before its use is taken in, which counts them
            for instance_id in self._aside.pop(state.name, ()):
                self._take(row, self.claims[instance_id])
        usage = self._set_usage(row, state)
        if news:
            usage |= self._set_particulars(before, state)
        if arrived or facts:
            self._changed(row, self.facts)
        elif usage:
            self._changed(row, self.usage)
        return row

    def rearrange(self, state: HostState) -> None:
        """Where a host is said to be, and whether it is up; an unknown one changes nothing. What it said of its use is
        not taken in again: claims may have been given back since."""
        row = self.row_of.get(state.name)
        if row is not None and self._set_facts(row, state):
            self._changed(row, self.facts)

    def set_up(self, host: str, up: bool) -> None:
        """A host went silent, or is heard again; an unknown one changes nothing. Its last report stands otherwise."""
        row = self.row_of.get(host)
        if row is not None and self._set_facts(row, replace(self.state(row), up=up)):
            self._changed(row, self.facts)

    def set_failed_builds(self, host: str, failed_builds: int) -> None:
        """So many builds failed there since the last success; an unknown host changes nothing."""
        row = self.row_of.get(host)
        if row is not None and self.failed_builds.at[row] != failed_builds:
            self.failed_builds.at[row] = failed_builds
            self.states[row] = replace(self.state(row), failed_builds=failed_builds)
            self._changed(row, self.usage)

    def remove(self, host: str) -> None:
        """A host left; the claims on it are kept aside for its return. An unknown one changes nothing."""
        row = self.row_of.pop(host, None)
        if row is None:
            return
        claimed = {instance_id for instance_id, claim in self.claims.items() if claim.host == host}
        if claimed:
            self._aside[host] = claimed
        for facet in self.facets.values():
            facet.clear(row)
        for inventory in (*self.inventory.values(), self.instances, self.io_ops):
            inventory.clear(row)
        self._residents.set(host, frozenset())
        self._rooms.told(host, False, False)
        self.states[row] = None
        self._present.at[row] = self.devices.at[row] = 0
        self._holes.append(row)
        self._changed(row, self.facts)

    # ------------------------------------------------------------ claims

    def claim(self, claim: Claim) -> None:
        """Take what an instance holds. The same claim again changes nothing; another one replaces the first."""
        had = self.claims.get(claim.instance_id)
        if had is not None:
            if had == claim:
                return
            self.release(claim.instance_id)
        self.claims[claim.instance_id] = claim
        if claim.seat is not None:
            self._seat(claim)
        if claim.group_id:
            self._groups.setdefault(claim.group_id, Counter())[claim.host] += 1
        row = self.row_of.get(claim.host)
        if row is None:
            self._aside.setdefault(claim.host, set()).add(claim.instance_id)
            return
        self._take(row, claim)
        self._changed(row, self.usage)

    def release(self, instance_id: str) -> None:
        """Give back what an instance holds; an unknown id changes nothing."""
        claim = self.claims.pop(instance_id, None)
        if claim is None:
            return
        if claim.seat is not None:
            self._seat(claim, leaves=True)
        if claim.group_id:
            self._leave_group(claim)
        row = self.row_of.get(claim.host)
        if row is None:
            self._leave_aside(claim)
            return
        self._take(row, claim, -1)
        self._changed(row, self.usage)

    def settle(self, instance_id: str) -> None:
        """The instance is built: it no longer counts as an I/O operation. Twice, or an unknown id: no change."""
        claim = self.claims.get(instance_id)
        if claim is None or not claim.building:
            return
        self.claims[instance_id] = structs.replace(claim, building=False)
        row = self.row_of.get(claim.host)
        if row is not None:
            self.io_ops.add(row, -1)
            self._changed(row, self.usage)

    # ------------------------------------------------------------ inside

    def _changed(self, row: int, journal: Journal) -> None:
        self.generation.at[row] += 1
        journal.append(row)

    def _take(self, row: int, claim: Claim, sign: int = 1) -> None:
        for name, amount in claim.resources:
            inventory = self.inventory.get(name) or self._inventory(name)
            inventory.add(row, sign * amount)
        self.instances.add(row, sign)
        if claim.building:
            self.io_ops.add(row, sign)

    def _leave_group(self, claim: Claim) -> None:
        members = self._groups[claim.group_id]
        members[claim.host] -= 1
        if not members[claim.host]:
            del members[claim.host]
        if not members:
            del self._groups[claim.group_id]

    def _leave_aside(self, claim: Claim) -> None:
        waiting = self._aside.get(claim.host, set())
        waiting.discard(claim.instance_id)
        if not waiting:
            self._aside.pop(claim.host, None)

    def _set_facts(self, row: int, state: HostState) -> bool:
        """Whether anything changed that is not a number of what is in use."""
        before = self.states[row]
        self.states[row] = state
        self._rooms.changed(state.name)
        changed = [self.facets[name].set(row, value(state)) for name, value in FACETS.items()]
        changed.append(before is None or _told(before) != _told(state))
        changed += [self._inventory(stock.resource_class).set_stock(row, stock) for stock in self._stocks(state)]
        return any(changed)

    def _set_usage(self, row: int, state: HostState) -> bool:
        """Whether any number that changes with instances changed."""
        least = NO_LEAST if state.disk_available_least_gib is None else state.disk_available_least_gib
        changed = self.failed_builds.at[row] != state.failed_builds or self.disk_least.at[row] != least
        self.failed_builds.at[row] = state.failed_builds
        self.disk_least.at[row] = least
        changed |= self.instances.set_reported(row, state.num_instances)
        changed |= self.io_ops.set_reported(row, state.num_io_ops)
        for stock in self._stocks(state):
            changed |= self._inventory(stock.resource_class).set_reported(row, stock.used)
        return changed

    def _set_particulars(self, before: HostState | None, state: HostState) -> bool:
        """What is no number of every host: cells, devices, metrics, who runs there. Whether any of it changed."""
        if particulars(before) == particulars(state):
            return False
        self._residents.set(state.name, state.instances)
        self._rooms.told(state.name, bool(state.numa), bool(state.pci_pools))
        self._count_devices(self.row_of[state.name])
        return True

    def _seat(self, claim: Claim, leaves: bool = False) -> None:
        """A claim takes its cells and devices, or gives them back."""
        if leaves:
            self._rooms.given(claim)
        else:
            self._rooms.taken(claim)
        if claim.host in self.row_of:
            self._count_devices(self.row_of[claim.host])

    def _count_devices(self, row: int) -> None:
        self.devices.at[row] = free_devices(self.room(row).pools)

    def _stocks(self, state: HostState) -> list[Stock]:
        """The host's stocks, and an empty one for each class that it has no longer."""
        told = {stock.resource_class for stock in state.stocks}
        gone = [Stock(name, 0) for name in self.inventory if name not in told]
        return [*state.stocks, *gone]

    def _inventory(self, resource_class: str) -> Inventory:
        inventory = self.inventory.get(resource_class)
        if inventory is None:
            inventory = self.inventory[resource_class] = Inventory(resource_class, self.capacity)
        return inventory

    def _new_row(self, host: str) -> int:
        if self._holes:
            row = self._holes.pop()
        else:
            row = self.rows
            if row == self.capacity:
                self._grow()
            self.rows += 1
            self.states.append(None)
        self.row_of[host] = row
        self._present.at[row] = 1
        return row

    def _grow(self) -> None:
        self.capacity *= 2
        for column in self._columns():
            column.grow(self.capacity)

    def _columns(self) -> list[IntColumn | FloatColumn]:
        columns: list[IntColumn | FloatColumn] = [self.generation, self.failed_builds, self.devices, self.disk_least]
        columns.append(self._present)
        columns += [facet.codes for facet in self.facets.values()]
        for tally in (*self.inventory.values(), self.instances, self.io_ops):
            columns += tally.columns()
        return columns


def indices(rows: Rows) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Row numbers of a selection."""
    return np.arange(rows.start, rows.stop, dtype=np.intp) if isinstance(rows, slice) else rows

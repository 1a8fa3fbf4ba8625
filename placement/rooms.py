"""Cells and devices of hosts less what claims have of them, worked out when asked for and kept until something changes.

Owned by `fleet.py`. Invariant: a host's report counts exactly the instances that it names; the seats of all other
claims on it come on top. So nothing is counted twice when a claimed instance appears in a report, nor lost before.
"""

from __future__ import annotations

from collections.abc import Mapping

from placement.host import MEMORY_MB, VCPU, HostState
from placement.numa.fit import Ratios
from placement.request import Claim
from placement.seat import Room


class Rooms:
    def __init__(self) -> None:
        self._known: dict[str, Room] = {}
        self._seated: dict[str, set[str]] = {}  # host → instances that have a seat there
        self.with_cells: set[str] = set()  # hosts that tell their NUMA cells
        self.with_devices: set[str] = set()  # hosts that tell of PCI devices

    def of(self, state: HostState, claims: Mapping[str, Claim]) -> Room:
        room = self._known.get(state.name)
        if room is None:
            room = Room(state.numa, state.pci_pools, Ratios(_ratio(state, VCPU), _ratio(state, MEMORY_MB)))
            for instance_id in self._seated.get(state.name, ()):
                seat = claims[instance_id].seat
                if seat is not None and instance_id not in state.instances:
                    room = room.after(seat)
            self._known[state.name] = room
        return room

    def told(self, host: str, cells: bool, devices: bool) -> None:
        """What a host tells of; nothing when it leaves."""
        for hosts, tells in ((self.with_cells, cells), (self.with_devices, devices)):
            (hosts.add if tells else hosts.discard)(host)
        self.changed(host)

    def taken(self, claim: Claim) -> None:
        self._seated.setdefault(claim.host, set()).add(claim.instance_id)
        self.changed(claim.host)

    def given(self, claim: Claim) -> None:
        seated = self._seated.get(claim.host, set())
        seated.discard(claim.instance_id)
        if not seated:
            self._seated.pop(claim.host, None)
        self.changed(claim.host)

    def changed(self, host: str) -> None:
        self._known.pop(host, None)


def _ratio(state: HostState, resource_class: str) -> float:
    stock = state.stock(resource_class)
    return stock.allocation_ratio if stock else 1.0

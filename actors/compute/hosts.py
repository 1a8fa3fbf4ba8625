"""A node's own books: what each of its hosts has, and what is claimed there. The second line of defence against
overcommitment (steps 13-18): the scheduler claims first; the host checks the claim against what it really has.

Owned by the compute room. Invariant: the claims on a host never exceed its capacity times its allocation ratios.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from actors.errors import HostFault
from actors.messages import Claim, HostReport


class Standing(NamedTuple):
    """All that a heartbeat says of a host, but when."""

    capacity: HostReport
    vcpus: int
    ram_mib: int
    disk_gib: int
    instances: int
    building: int
    enabled: bool

    def report(self, at: float, epoch: int) -> HostReport:
        return msgspec.structs.replace(
            self.capacity,
            vcpus_used=self.vcpus,
            ram_used_mib=self.ram_mib,
            disk_used_gib=self.disk_gib,
            instances=self.instances,
            io_ops=self.building,
            enabled=self.enabled,
            epoch=epoch,
            at=at,
        )


@dataclass(slots=True)
class _Host:
    report: HostReport
    told: Standing | None = None  # what the scheduler heard of it last
    claims: dict[str, Claim] = field(default_factory=dict)
    vcpus: int = 0
    ram_mib: int = 0
    disk_gib: int = 0

    def add(self, claim: Claim, sign: int) -> None:
        self.vcpus += sign * claim.vcpus
        self.ram_mib += sign * claim.ram_mib
        self.disk_gib += sign * claim.disk_gib

    def standing(self, building: int, enabled: bool) -> Standing:
        use = self.vcpus, self.ram_mib, self.disk_gib
        return Standing(self.report, *use, len(self.claims), building, enabled)

    def lacks(self, claim: Claim) -> str:
        room = (
            ("vCPUs", self.report.vcpus * self.report.cpu_allocation_ratio - self.vcpus, claim.vcpus),
            ("MiB of RAM", self.report.ram_mib * self.report.ram_allocation_ratio - self.ram_mib, claim.ram_mib),
            ("GiB of disk", self.report.disk_gib * self.report.disk_allocation_ratio - self.disk_gib, claim.disk_gib),
        )
        return ", ".join(f"{wanted - free:g} {unit} short" for unit, free, wanted in room if wanted > free)


class Hosts:
    def __init__(self) -> None:
        self._hosts: dict[str, _Host] = {}

    def update(self, reports: list[HostReport]) -> None:
        """Take in what the hypervisor says that each host has."""
        for report in reports:
            known = self._hosts.get(report.host)
            if known is None:
                self._hosts[report.host] = _Host(report)
            else:
                known.report = report

    def __len__(self) -> int:
        return len(self._hosts)

    def names(self) -> tuple[str, ...]:
        return tuple(self._hosts)

    def claim(self, claim: Claim) -> HostFault | None:
        """Take the claim in, once; or say what the host lacks."""
        host = self._hosts.get(claim.host)
        if host is None:
            return HostFault("claim", claim.host, "no such host on this node")
        if claim.instance_id in host.claims:
            return None
        if lack := host.lacks(claim):
            return HostFault("claim", claim.host, lack)
        host.claims[claim.instance_id] = claim
        host.add(claim, 1)
        return None

    def change(self, claim: Claim) -> HostFault | None:
        """What an instance holds becomes this, unless it was changed since; or say what the host lacks."""
        host = self._hosts.get(claim.host)
        held = host.claims.get(claim.instance_id) if host else None
        if host is None or held is None:
            return HostFault("claim", claim.host, "the server has no place on this host")
        if claim.edition < held.edition:
            return None
        host.add(held, -1)
        lack = host.lacks(claim) if _is_more(claim, held) else ""
        kept = held if lack else claim
        host.claims[claim.instance_id] = kept
        host.add(kept, 1)
        return HostFault("claim", claim.host, lack) if lack else None

    def drop(self, host_name: str, instance_id: str) -> None:
        host = self._hosts.get(host_name)
        claim = host.claims.pop(instance_id, None) if host else None
        if host and claim:
            host.add(claim, -1)

    def claim_of(self, host_name: str, instance_id: str) -> Claim | None:
        host = self._hosts.get(host_name)
        return host.claims.get(instance_id) if host else None

    def host_of(self, instance_id: str) -> str:
        """Where its claim is; '' where none is."""
        return next((name for name, host in self._hosts.items() if instance_id in host.claims), "")

    def changes(self, building: Mapping[str, int], enabled: bool) -> dict[str, Standing]:
        """The hosts that are not as was `told` last: capacity as the hypervisor says, use as claimed, and how many are
        `building` by host.
        """
        return {
            name: standing
            for name, host in self._hosts.items()
            if (standing := host.standing(building.get(name, 0), enabled)) != host.told
        }

    def told(self, standings: Mapping[str, Standing]) -> None:
        """The scheduler has heard this."""
        for name, standing in standings.items():
            self._hosts[name].told = standing

    def untold(self) -> None:
        """The scheduler has forgotten: everything is told anew."""
        for host in self._hosts.values():
            host.told = None

    def claims(self) -> list[Claim]:
        return [claim for host in self._hosts.values() for claim in host.claims.values()]


def _is_more(claim: Claim, than: Claim) -> bool:
    return claim.vcpus > than.vcpus or claim.ram_mib > than.ram_mib or claim.disk_gib > than.disk_gib

"""A node's own books: what each of its hosts has, and what is claimed there. The second line of defence against
overcommitment (steps 13-18): the scheduler claims first; the host checks the claim against what it really has.

Owned by the compute room. Invariant: the claims on a host never exceed its capacity times its allocation ratios.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from actors.errors import HostFault
from actors.messages import Claim, HostReport


@dataclass(slots=True)
class _Host:
    report: HostReport
    claims: dict[str, Claim] = field(default_factory=dict)
    vcpus: int = 0
    ram_mib: int = 0
    disk_gib: int = 0

    def add(self, claim: Claim, sign: int) -> None:
        self.vcpus += sign * claim.vcpus
        self.ram_mib += sign * claim.ram_mib
        self.disk_gib += sign * claim.disk_gib

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

    def drop(self, host_name: str, instance_id: str) -> None:
        host = self._hosts.get(host_name)
        claim = host.claims.pop(instance_id, None) if host else None
        if host and claim:
            host.add(claim, -1)

    def host_of(self, instance_id: str) -> str:
        """Where its claim is; '' where none is."""
        return next((name for name, host in self._hosts.items() if instance_id in host.claims), "")

    def reports(self, at: float, building: Mapping[str, int]) -> list[HostReport]:
        """Heartbeats: capacity as the hypervisor says, use as claimed, and how many are `building` by host."""
        return [
            msgspec.structs.replace(
                host.report,
                vcpus_used=host.vcpus,
                ram_used_mib=host.ram_mib,
                disk_used_gib=host.disk_gib,
                instances=len(host.claims),
                io_ops=building.get(host.report.host, 0),
                at=at,
            )
            for host in self._hosts.values()
        ]

    def claims(self) -> list[Claim]:
        return [claim for host in self._hosts.values() for claim in host.claims.values()]

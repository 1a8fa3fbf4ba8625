"""Host aggregates: hosts that an administrator groups while the cloud runs. Their part of the compute API.

Owned by `service.py`, which verifies who asks; the conductor writes the rows and tells the scheduler, which from then
on places by them. A host is named as its compute service is (all hosts of that node are meant then, which are several
where they are simulated) or as one hypervisor. An aggregate with the key `availability_zone` makes its hosts a zone.
Invariant: a host is in at most one zone, and a zone never changes under servers: who has servers stays where he is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from msgspec.structs import replace

from actors.api.validation import name_fault
from actors.errors import CallerError, CallerFault, bad_request, conflict, not_found
from actors.faces import ConductorFace
from actors.messages import HostSeen
from actors.records import Aggregate, drop
from actors.scheduler.hints import ZONE

HOSTS_LIMIT = 100_000  # of one aggregate
PROPERTY_LIMIT = 255  # characters of a key or a value


class Aggregates:
    def __init__(self, conductor: ConductorFace) -> None:
        self._conductor = conductor
        self._rows: dict[int, Aggregate] = {}
        self._one_by_one = asyncio.Lock()

    async def start(self) -> None:
        self._rows = {row.number: row for row in await self._conductor.load(Aggregate)}

    def all(self) -> list[Aggregate]:
        return [self._rows[number] for number in sorted(self._rows)]

    def get(self, key: str) -> Aggregate:
        """By number or UUID; raises `CallerError` 404."""
        found = self._rows.get(int(key)) if key.isdecimal() and len(key) < 19 else None
        found = found or next((row for row in self._rows.values() if row.id == key), None)
        if found is None:
            raise CallerError(not_found("aggregate", f"Aggregate {key[:64]} could not be found."))
        return found

    async def create(self, aggregate_id: str, name: str, zone: str, at: float) -> Aggregate | CallerFault:
        async with self._one_by_one:
            if fault := self._name_fault(name) or (_zone_fault(zone) if zone else None):
                return fault
            number = max(self._rows, default=0) + 1
            properties = {ZONE: zone} if zone else {}
            row = Aggregate(id=aggregate_id, number=number, name=name, properties=properties, created_at=at)
            await self._write(row)
            return row

    async def delete(self, key: str) -> CallerFault | None:
        async with self._one_by_one:
            row = self.get(key)
            if row.hosts:
                return bad_request("aggregate", "Cannot remove host aggregate that is not empty")
            await self._conductor.arrange([drop(row)])
            del self._rows[row.number]
            return None

    async def change(self, key: str, name: str, zone: str | None, at: float) -> Aggregate | CallerFault:
        """A new name ('' = as it was), or another zone (None = as it was)."""
        async with self._one_by_one:
            row = self.get(key)
            if name and name != row.name and (fault := self._name_fault(name)):
                return fault
            changes: dict[str, str | None] = {} if zone is None else {ZONE: zone}
            return await self._changed(replace(row, name=name or row.name, updated_at=at), changes)

    async def set_metadata(self, key: str, changes: dict[str, str | None], at: float) -> Aggregate | CallerFault:
        """None takes a key away."""
        async with self._one_by_one:
            return await self._changed(replace(self.get(key), updated_at=at), changes)

    async def add_host(self, key: str, host: str, at: float) -> Aggregate | CallerFault:
        async with self._one_by_one:
            row = self.get(key)
            seen = [one for one in await self._conductor.hosts() if _is_named(one, (host,))]
            if not seen:
                return not_found("host", f"Compute host {host[:64]} could not be found.")
            if any(_is_named(one, row.hosts) for one in seen):
                return conflict("host", f"Host {host} already member of another availability zone or aggregate.")
            zone = row.properties.get(ZONE, "")
            others = [row.hosts for row in self.all() if row.properties.get(ZONE, zone) != zone]
            if zone and any(_is_named(one, hosts) for one in seen for hosts in others):
                return conflict("host", f"Host {host} is in another availability zone.")
            if zone and any(one.instances and one.zone != zone for one in seen):
                return conflict("host", f"Host {host} has servers; its availability zone can't change under them.")
            if len(row.hosts) >= HOSTS_LIMIT:
                return bad_request("host", f"an aggregate has at most {HOSTS_LIMIT} hosts")
            row = replace(row, hosts=(*row.hosts, host), updated_at=at)
            await self._write(row)
            return row

    async def remove_host(self, key: str, host: str, at: float) -> Aggregate | CallerFault:
        async with self._one_by_one:
            row = self.get(key)
            if host not in row.hosts:
                return not_found("host", f"Host {host[:64]} could not be found in aggregate {row.number}.")
            if row.properties.get(ZONE) and await self._has_servers((host,)):
                return conflict("host", f"Host {host} has servers; its availability zone can't change under them.")
            row = replace(row, hosts=tuple(one for one in row.hosts if one != host), updated_at=at)
            await self._write(row)
            return row

    async def _changed(self, row: Aggregate, changes: dict[str, str | None]) -> Aggregate | CallerFault:
        kept = {name: value for name, value in row.properties.items() if name not in changes}
        properties = kept | {name: value for name, value in changes.items() if value is not None}
        before, after = row.properties.get(ZONE, ""), properties.get(ZONE, "")
        if fault := _properties_fault(properties):
            return fault
        if before != after and await self._has_servers(row.hosts):
            return conflict("metadata", "Its hosts have servers; their availability zone can't change under them.")
        row = replace(row, properties=properties)
        await self._write(row)
        return row

    async def _has_servers(self, hosts: tuple[str, ...]) -> bool:
        if not hosts:
            return False
        return any(seen.instances for seen in await self._conductor.hosts() if _is_named(seen, hosts))

    async def _write(self, row: Aggregate) -> None:
        await self._conductor.arrange([row])
        self._rows[row.number] = row

    def _name_fault(self, name: str) -> CallerFault | None:
        if any(row.name == name for row in self._rows.values()):
            return conflict("name", f"Aggregate {name} already exists.")
        return name_fault("name", name)


def _is_named(seen: HostSeen, hosts: Collection[str]) -> bool:
    return seen.report.host in hosts or seen.report.node in hosts


def _zone_fault(zone: str) -> CallerFault | None:
    if ":" in zone:
        return bad_request(ZONE, "must not contain ':'")
    return name_fault(ZONE, zone)


def _properties_fault(properties: dict[str, str]) -> CallerFault | None:
    for name, value in properties.items():
        if not name or len(name) > PROPERTY_LIMIT or len(value) > PROPERTY_LIMIT:
            return bad_request("metadata", f"keys have 1 and values at most {PROPERTY_LIMIT} characters")
    return _zone_fault(properties[ZONE]) if ZONE in properties else None

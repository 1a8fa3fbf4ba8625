"""What clients call hosts and services: UUIDs since 2.53, numbers before, made of their names. Pure.

Invariant: the same host has the same id, whenever and wherever it is asked for: a hypervisor's UUID is that of its
resource provider, by which whoever administers a cloud goes from the one to the other.
"""

from __future__ import annotations

import uuid
from zlib import crc32

from actors.api.rest.microversions import Version
from actors.scheduler.providers import provider_id

UUIDS_SINCE = (2, 53)
HYPERVISOR = "hypervisor"


def id_of(kind: str, name: str, version: Version) -> str | int:
    """`kind` keeps a host's id apart from its service's."""
    return uuid_of(kind, name) if version >= UUIDS_SINCE else (crc32(f"{kind}:{name}".encode()) & 0x7FFFFFFF) or 1


def uuid_of(kind: str, name: str) -> str:
    return provider_id(name) if kind == HYPERVISOR else str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{kind}.{name}.novaray"))

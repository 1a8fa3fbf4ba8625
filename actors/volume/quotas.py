"""How much of volumes a project may have, and how much it has: exact, because both are read under one lock.

Pure. `Usage` follows the rows (`rows.py` keeps it); an `Allowance` is what one batch of requests may still take.
Gigabytes are those of volumes and snapshots together, as Cinder counts them.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from actors.errors import CallerError, CallerFault, bad_request
from actors.records import Volume, VolumeQuota, VolumeSnapshot

RESOURCES = ("volumes", "snapshots", "gigabytes", "per_volume_gigabytes")
ABSENT = ("backups", "backup_gigabytes", "groups")  # Cinder has them, this cloud has none
NONE = -1  # no limit
LIMITS = {  # what holds where neither the configuration nor an administrator says otherwise: Cinder's numbers
    "volumes": 10,
    "snapshots": 10,
    "gigabytes": 1_000,
    "per_volume_gigabytes": NONE,
    "backups": 10,
    "backup_gigabytes": 1_000,
    "groups": 10,
}
UNLIMITED = dict.fromkeys(RESOURCES, NONE)
"""For a project that is limited by the disks alone."""
EVERYBODY = "class/default"
"""The row of limits that an administrator set for all projects: no project has such an id."""
LIMIT_LIMIT = 2**31 - 1


class Usage(msgspec.Struct):
    volumes: int = 0
    snapshots: int = 0
    gigabytes: int = 0

    def count(self, row: Volume | VolumeSnapshot, times: int) -> None:
        """One row more (`times` 1) or less (-1)."""
        self.gigabytes += row.size_gib * times
        if isinstance(row, Volume):
            self.volumes += times
        else:
            self.snapshots += times


class Allowance:
    """What projects may still take, while the requests of one batch take it."""

    def __init__(
        self, defaults: Mapping[str, int], quotas: Mapping[str, VolumeQuota], usages: Mapping[str, Usage]
    ) -> None:
        self._defaults = defaults
        self._quotas = quotas
        self._usages = usages
        self._taken: dict[str, Usage] = {}

    def limits(self, project_id: str) -> dict[str, int]:
        return limits_of(project_id, self._defaults, self._quotas)

    def take(self, project_id: str, rows: list[Volume] | list[VolumeSnapshot]) -> None:
        """All of these new rows, or none. Raises `CallerError` 413 that says which limit is in the way."""
        if not rows:
            return
        limits = self.limits(project_id)
        largest = max((row.size_gib for row in rows if isinstance(row, Volume)), default=0)
        if limits["per_volume_gigabytes"] != NONE and largest > limits["per_volume_gigabytes"]:
            raise _over("per_volume_gigabytes", limits["per_volume_gigabytes"], 0, largest)
        taken = self._taken.get(project_id, Usage())
        wanted = msgspec.structs.replace(taken)
        for row in rows:
            wanted.count(row, 1)
        used = self._usages.get(project_id, Usage())
        for resource in ("volumes", "snapshots", "gigabytes"):
            there, more = getattr(used, resource), getattr(wanted, resource)
            if limits[resource] != NONE and more > getattr(taken, resource) and there + more > limits[resource]:
                raise _over(resource, limits[resource], there + getattr(taken, resource), more)
        self._taken[project_id] = wanted

    def take_growth(self, volume: Volume, size_gib: int) -> None:
        """A volume becomes as large as that."""
        limits = self.limits(volume.project_id)
        if limits["per_volume_gigabytes"] != NONE and size_gib > limits["per_volume_gigabytes"]:
            raise _over("per_volume_gigabytes", limits["per_volume_gigabytes"], 0, size_gib)
        used = self._usages.get(volume.project_id, Usage()).gigabytes
        more = size_gib - volume.size_gib
        if limits["gigabytes"] != NONE and used + more > limits["gigabytes"]:
            raise _over("gigabytes", limits["gigabytes"], used, more)


def limits_of(project_id: str, defaults: Mapping[str, int], quotas: Mapping[str, VolumeQuota]) -> dict[str, int]:
    quota = quotas.get(project_id)
    return {**defaults, **(quota.limits if quota else {})}


def changed(quota: VolumeQuota, limits: Mapping[str, int]) -> VolumeQuota:
    """With these limits set. Raises `CallerError` 400 for a name or number that can't be."""
    for resource, limit in limits.items():
        if resource not in (*RESOURCES, *ABSENT):
            raise CallerError(bad_request(resource, f"there is no quota {resource!r}"))
        if not NONE <= limit <= LIMIT_LIMIT:
            raise CallerError(bad_request(resource, f"a limit is from {NONE} (none) to {LIMIT_LIMIT}"))
    return msgspec.structs.replace(quota, limits={**quota.limits, **limits})


def _over(resource: str, limit: int, used: int, more: int) -> CallerError:
    message = f"the quota of {resource} is exceeded: {more} more asked, {used} of {limit} used"
    return CallerError(CallerFault(413, message, resource))

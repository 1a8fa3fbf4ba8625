"""How much of volumes a project may have, and how much it has: exact, because both are read under one lock.

Pure. `Usage` follows the rows (`rows.py` keeps it); an `Allowance` is what one batch of requests may still take.
Gigabytes are those of volumes and snapshots together, as Cinder counts them. Volumes, snapshots and gigabytes are also
counted, and may be limited, by volume type: users say `gigabytes_<name of the type>`, and here it is the type's id, so
that a type may get another name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import msgspec

from actors.errors import CallerError, CallerFault, bad_request
from actors.records import Volume, VolumeQuota, VolumeSnapshot, VolumeType

RESOURCES = ("volumes", "snapshots", "gigabytes", "per_volume_gigabytes")
PER_TYPE = ("volumes", "snapshots", "gigabytes")
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


class Usage(Counter[str]):
    """How much a project has, by resource: of all types, and of each."""

    def count(self, row: Volume | VolumeSnapshot, type_id: str, times: int) -> None:
        """One row more (`times` 1) or less (-1)."""
        for resource, amount in (
            ("volumes" if isinstance(row, Volume) else "snapshots", 1),
            ("gigabytes", row.size_gib),
        ):
            self[resource] += amount * times
            self[_of_type(resource, type_id)] += amount * times


class Allowance:
    """What projects may still take, while the requests of one batch take it."""

    def __init__(
        self,
        defaults: Mapping[str, int],
        quotas: Mapping[str, VolumeQuota],
        usages: Mapping[str, Usage],
        types: Mapping[str, VolumeType],
        type_of: Callable[[Volume | VolumeSnapshot], str],
    ) -> None:
        """`type_of`: the id of a row's volume type."""
        self._defaults = defaults
        self._quotas = quotas
        self._usages = usages
        self._types = types
        self._type_of = type_of
        self._taken: dict[str, Usage] = {}

    def limits(self, project_id: str) -> dict[str, int]:
        return limits_of(project_id, self._defaults, self._quotas)

    def take(self, project_id: str, rows: list[Volume] | list[VolumeSnapshot]) -> None:
        """All of these new rows, or none. Raises `CallerError` 413 that says which limit is in the way."""
        if not rows:
            return
        limits = self.limits(project_id)
        _check_largest(limits, max((row.size_gib for row in rows if isinstance(row, Volume)), default=0))
        taken = self._taken.get(project_id, Usage())
        wanted = Usage(taken)
        for row in rows:
            wanted.count(row, self._type_of(row), 1)
        self._check(project_id, {resource: more for resource, more in wanted.items() if more > taken[resource]}, taken)
        self._taken[project_id] = wanted

    def take_growth(self, volume: Volume, size_gib: int) -> None:
        """A volume becomes as large as that."""
        _check_largest(self.limits(volume.project_id), size_gib)
        resources = ("gigabytes", _of_type("gigabytes", self._type_of(volume)))
        self._check(volume.project_id, dict.fromkeys(resources, size_gib - volume.size_gib), Usage())

    def take_type(self, volume: Volume, snapshots: Iterable[VolumeSnapshot], type_id: str) -> None:
        """A volume gets another type, and its snapshots with it."""
        more = Usage()
        more.count(volume, type_id, 1)
        for snapshot in snapshots:
            more.count(snapshot, type_id, 1)
        of_type = {resource: more[resource] for resource in (_of_type(resource, type_id) for resource in PER_TYPE)}
        self._check(volume.project_id, of_type, Usage())

    def _check(self, project_id: str, wanted: Mapping[str, int], taken: Usage) -> None:
        """`wanted` is with what was `taken` before it in this batch."""
        limits, used = self.limits(project_id), self._usages.get(project_id, Usage())
        for resource, more in wanted.items():
            limit, there = limits.get(resource, NONE), used[resource]
            if limit != NONE and more > 0 and there + more > limit:
                raise _over(_shown_name(resource, self._types), limit, there + taken[resource], more)


def limits_of(project_id: str, defaults: Mapping[str, int], quotas: Mapping[str, VolumeQuota]) -> dict[str, int]:
    quota = quotas.get(project_id)
    return {**defaults, **(quota.limits if quota else {})}


def changed(quota: VolumeQuota, limits: Mapping[str, int], types: Mapping[str, VolumeType]) -> VolumeQuota:
    """With these limits set, as users name them. Raises `CallerError` 400 for a name or number that can't be."""
    ids = {name: resource for resource, name in _names(types).items()}
    for name, limit in limits.items():
        if name not in ids:
            raise CallerError(bad_request(name, f"there is no quota {name!r}"))
        if not NONE <= limit <= LIMIT_LIMIT:
            raise CallerError(bad_request(name, f"a limit is from {NONE} (none) to {LIMIT_LIMIT}"))
    return msgspec.structs.replace(quota, limits={**quota.limits, **{ids[name]: limits[name] for name in limits}})


def shown(values: Mapping[str, int], types: Mapping[str, VolumeType], missing: int) -> dict[str, int]:
    """Of each resource that there is, as users name it; of those that nothing is said of, what is `missing`."""
    return {name: values.get(resource, missing) for resource, name in _names(types).items()}


def _names(types: Mapping[str, VolumeType]) -> dict[str, str]:
    """Of each resource that there is, in order: how users name it."""
    of_types = [_of_type(resource, type_id) for type_id in types for resource in PER_TYPE]
    return {resource: _shown_name(resource, types) for resource in (*RESOURCES, *ABSENT, *of_types)}


def _of_type(resource: str, type_id: str) -> str:
    return f"{resource}_{type_id}"


def _shown_name(resource: str, types: Mapping[str, VolumeType]) -> str:
    kind, _, type_id = resource.partition("_")
    return f"{kind}_{types[type_id].name}" if kind in PER_TYPE and type_id in types else resource


def _check_largest(limits: Mapping[str, int], size_gib: int) -> None:
    limit = limits["per_volume_gigabytes"]
    if limit != NONE and size_gib > limit:
        raise _over("per_volume_gigabytes", limit, 0, size_gib)


def _over(resource: str, limit: int, used: int, more: int) -> CallerError:
    message = f"the quota of {resource} is exceeded: {more} more asked, {used} of {limit} used"
    return CallerError(CallerFault(413, message, resource))

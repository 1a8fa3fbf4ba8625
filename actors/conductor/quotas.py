"""How much each project has, and may have: the limits that hold when a boot is accepted. Pure.

Owned by the conductor's service, which is the one that accepts and forgets instances, so the counts are exact however
many boots come at a time. Invariant: what is counted of a project is the sum over its instances that are not deleted,
those in ERROR included, as in Nova.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from actors.errors import CallerFault, forbidden
from actors.messages import BootSpec
from actors.records import ComputeQuota, Flavor

DEFAULT = "default"  # the id under which the cloud's own limits are kept
NONE = -1

# What holds where neither the configuration nor an administrator says otherwise: Nova's numbers.
LIMITS: dict[str, int] = {
    "instances": 10,
    "cores": 20,
    "ram": 51_200,  # MiB
    "metadata_items": 128,
    "injected_files": 5,
    "injected_file_content_bytes": 10_240,
    "injected_file_path_bytes": 255,
    "key_pairs": 100,
    "server_groups": 10,
    "server_group_members": 10,
}
UNLIMITED = dict.fromkeys(("instances", "cores", "ram", "server_groups", "server_group_members"), NONE)
"""For a project that is limited by the hosts alone."""
REMEMBERED = 10_000  # projects whose limits are kept merged


@dataclass(slots=True)
class Use:
    instances: int = 0
    cores: int = 0
    ram: int = 0  # MiB

    def take(self, flavor: Flavor, count: int) -> None:
        """`count` more machines of this flavor; negative: fewer."""
        self.instances += count
        self.cores += count * flavor.vcpus
        self.ram += count * flavor.ram_mib


class Quotas:
    def __init__(self, configured: Mapping[str, int] | None = None) -> None:
        self._basic = LIMITS | dict(configured or {})
        self.begin_anew()

    def begin_anew(self) -> None:
        """Nothing is taken, and no project has limits of its own."""
        self._limits: dict[str, dict[str, int]] = {}
        self._merged: dict[str, dict[str, int]] = {}  # by project, until any limit changes
        self._used: dict[str, Use] = {}
        self._members: Counter[str] = Counter()  # of server groups

    def set_limits(self, rows: Iterable[ComputeQuota]) -> None:
        for row in rows:
            self._limits[row.id] = dict(row.limits)
        self._merged.clear()

    def forget(self, project_id: str) -> None:
        """From now on the cloud's own limits hold for it."""
        self._limits.pop(project_id, None)
        self._merged.clear()

    def limits(self, project_id: str) -> dict[str, int]:
        found = self._merged.get(project_id)
        if found is None:
            if len(self._merged) >= REMEMBERED:
                self._merged.clear()
            found = self._basic | self._limits.get(DEFAULT, {}) | self._limits.get(project_id, {})
            self._merged[project_id] = found
        return found

    def own_limits(self, project_id: str) -> dict[str, int]:
        """Those that were set for this project."""
        return dict(self._limits.get(project_id, {}))

    def used(self, project_id: str) -> Use:
        return self._used.get(project_id) or Use()

    # ------------------------------------------------------------ machines come and go

    def admit(self, spec: BootSpec) -> int | CallerFault:
        """How many of the machines asked for may be: all, or as many as the request allows; takes nothing yet."""
        wanted = len(spec.instance_ids)
        room = min(wanted, self._room(spec))
        least = spec.fewest or wanted
        return room if room >= least and self._fault_of_items(spec) is None else self._fault_of(spec, least)

    def take(self, project_id: str, flavor: Flavor, count: int, group_id: str = "") -> None:
        use = self._used.get(project_id)
        if use is None:
            use = self._used[project_id] = Use()
        use.take(flavor, count)
        if group_id:
            self._members[group_id] += count

    def give_back(self, project_id: str, flavor: Flavor, group_id: str = "") -> None:
        self.take(project_id, flavor, -1, group_id)
        if not self._used[project_id].instances:
            del self._used[project_id]
        if group_id and not self._members[group_id]:
            del self._members[group_id]

    def change(self, project_id: str, was: Flavor, becomes: Flavor) -> None:
        """One of its machines is charged for another flavor."""
        self.take(project_id, was, -1)
        self.take(project_id, becomes, 1)

    # ------------------------------------------------------------ what is exceeded

    def fault_of_more(self, project_id: str, was: Flavor, becomes: Flavor) -> CallerFault | None:
        """Names each quota that a machine would exceed which needs more than it did."""
        more = {"cores": becomes.vcpus - was.vcpus, "ram": becomes.ram_mib - was.ram_mib}
        return self._exceeded(project_id, {name: amount for name, amount in more.items() if amount > 0})

    def _room(self, spec: BootSpec) -> int:
        """For how many machines more of this flavor and group there is room."""
        limits, use, flavor = self.limits(spec.project_id), self.used(spec.project_id), spec.flavor
        room: list[int] = []
        for name, used, each in (
            ("instances", use.instances, 1),
            ("cores", use.cores, flavor.vcpus),
            ("ram", use.ram, flavor.ram_mib),
        ):
            limit = limits[name]
            if limit != NONE and each:
                room.append((limit - used) // each)
        group = group_of(spec)
        if group and limits["server_group_members"] != NONE:
            room.append(limits["server_group_members"] - self._members[group])
        return max(0, min(room, default=len(spec.instance_ids)))

    def _fault_of_items(self, spec: BootSpec) -> CallerFault | None:
        limits = self.limits(spec.project_id)
        most = limits["metadata_items"]
        if most != NONE and len(spec.metadata) > most:
            return forbidden(f"Maximum number of metadata items exceeds {most}")
        return fault_of_files(spec.files, limits) if spec.files else None

    def _fault_of(self, spec: BootSpec, count: int) -> CallerFault:
        """Names each quota that so many machines would exceed."""
        if fault := self._fault_of_items(spec):
            return fault
        asked = {"instances": count, "cores": count * spec.flavor.vcpus, "ram": count * spec.flavor.ram_mib}
        fault = self._exceeded(spec.project_id, asked)
        return fault or forbidden("Quota exceeded, too many servers in group")

    def _exceeded(self, project_id: str, asked: Mapping[str, int]) -> CallerFault | None:
        limits, use = self.limits(project_id), self.used(project_id)
        over = [name for name in asked if limits[name] != NONE and getattr(use, name) + asked[name] > limits[name]]
        if not over:
            return None
        names = ", ".join(over)
        requested = ", ".join(str(asked[name]) for name in over)
        already = ", ".join(str(getattr(use, name)) for name in over)
        allowed = ", ".join(str(limits[name]) for name in over)
        return forbidden(
            f"Quota exceeded for {names}: Requested {requested}, but already used {already} of {allowed} {names}"
        )


def fault_of_files(files: tuple[tuple[str, str], ...], limits: Mapping[str, int]) -> CallerFault | None:
    """Files are (path, content in base64)."""
    path = max(len(path.encode()) for path, _ in files)
    content = max(len(content) * 3 // 4 - content[-2:].count("=") for _, content in files)
    for name, has, text in (
        ("injected_files", len(files), "Personality file limit exceeded"),
        ("injected_file_path_bytes", path, "Personality file path exceeds maximum {most}"),
        ("injected_file_content_bytes", content, "Personality file content exceeds maximum {most}"),
    ):
        if limits[name] != NONE and has > limits[name]:
            return forbidden(text.format(most=limits[name]))
    return None


def group_of(spec: BootSpec) -> str:
    """The id of its server group; '' for none."""
    return next(iter(spec.hints.get("group", ())), "") if spec.hints else ""

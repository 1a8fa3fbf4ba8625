"""What is asked for: an immutable request, split into its shape and the one instance that asks.

The *shape* is everything that thousands of requests have in common (a flavor, an image's demands, a zone); rankings of
hosts are kept a shape. The rest - which hosts to avoid, which neighbours to seek - belongs to the single instance.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from placement.host import DISK_GB, MEMORY_MB, VCPU, Pairs

RESOURCE_PREFIX = "resources:"


class BadRequest(ValueError):
    """The request can be answered by no fleet; `field` names what is wrong with it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True)
class Shape:
    """What is asked, whoever asks. `resources`: (class, amount), amounts above 0 only, standard classes first."""

    resources: tuple[tuple[str, int], ...]
    zone: str = ""  # '' = any
    image_properties: Pairs = ()
    extra_specs: Pairs = ()

    def amount(self, resource_class: str) -> int:
        return next((amount for name, amount in self.resources if name == resource_class), 0)


@dataclass(frozen=True, slots=True)
class Group:
    """A server group: its members share hosts (affinity) or keep apart (anti-affinity)."""

    id: str
    policy: str  # affinity, anti-affinity, soft-affinity, soft-anti-affinity
    max_server_per_host: int = 1  # for anti-affinity
    hosts: frozenset[str] = frozenset()  # hosts of members that the fleet's own claims may not know


@dataclass(frozen=True, slots=True)
class Request:
    instance_id: str
    shape: Shape
    project_id: str = ""
    ignore_hosts: frozenset[str] = frozenset()  # lower case: Nova compares them so
    forced_host: str = ""
    different_host: tuple[str, ...] = ()  # instance ids
    same_host: tuple[str, ...] = ()  # instance ids
    group: Group | None = None
    # Worked out once, because every decision asks: nothing here restricts the choice beyond the shape.
    plain: bool = field(init=False, compare=False, default=True)

    def __post_init__(self) -> None:
        special = self.ignore_hosts or self.forced_host or self.different_host or self.same_host or self.group
        object.__setattr__(self, "plain", not special)


@dataclass(frozen=True, slots=True)
class Claim:
    """What one instance holds on one host. A `building` instance counts as an I/O operation of its host, as in Nova."""

    instance_id: str
    host: str
    resources: tuple[tuple[str, int], ...]
    group_id: str = ""
    building: bool = True


def resources_of(
    vcpus: int, ram_mib: int, disk_gib: int, extra_specs: dict[str, str] | None = None
) -> tuple[tuple[str, int], ...]:
    """Amounts a class from a flavor; `resources:X` extra specs override it, and an amount of 0 asks for nothing.

    `disk_gib` is all that the host's own disk must hold: root (0 when booting from a volume), ephemeral disks and swap.
    """
    amounts = {VCPU: vcpus, MEMORY_MB: ram_mib, DISK_GB: disk_gib}
    for key, value in (extra_specs or {}).items():
        if key.startswith(RESOURCE_PREFIX):
            amounts[key.removeprefix(RESOURCE_PREFIX)] = _amount(key, value)
    for name, amount in amounts.items():
        if amount < 0:
            raise BadRequest(name, f"{amount} is less than nothing")
    return tuple((name, amount) for name, amount in amounts.items() if amount)


def _amount(key: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise BadRequest(key, f"{value!r} is not a whole number") from None

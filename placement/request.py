"""What is asked for: an immutable request, split into its shape and the one instance that asks.

The *shape* is everything that thousands of requests have in common (a flavor, an image's demands, a zone); rankings of
hosts are kept a shape. The rest - which hosts to avoid, which neighbours to seek - belongs to the single instance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec import Struct

from placement.errors import BadRequest
from placement.host import DISK_GB, MEMORY_MB, VCPU, Pairs
from placement.numa.guest import GuestTopology
from placement.pci import PciRequest

if TYPE_CHECKING:
    from placement.seat import Seat

RESOURCE_PREFIX = "resources:"


@dataclass(frozen=True, slots=True)
class Demands:
    """What few shapes ask. A shape without any of it has None instead, and costs nothing."""

    required_traits: frozenset[str] = frozenset()
    forbidden_traits: frozenset[str] = frozenset()
    numa: GuestTopology | None = None
    pci: tuple[PciRequest, ...] = ()
    hints: Pairs = ()  # those about hosts themselves: query, build_near_host_ip, cidr
    tenant: str = ""  # the project, where aggregates are reserved for projects
    flavor_name: str = ""  # where aggregates are reserved for flavors
    image_id: str = ""  # where hosts are reserved for images

    def hint(self, name: str) -> str:
        return next((value for key, value in self.hints if key == name), "")


NOTHING = Demands()


class Shape(Struct, frozen=True, gc=False, cache_hash=True):
    """What is asked, whoever asks. `resources`: (class, amount), amounts above 0 only, standard classes first."""

    resources: tuple[tuple[str, int], ...]
    zone: str = ""  # '' = any
    image_properties: Pairs = ()
    extra_specs: Pairs = ()
    demands: Demands | None = None

    @property
    def asks(self) -> Demands:
        return self.demands or NOTHING

    def amount(self, resource_class: str) -> int:
        return next((amount for name, amount in self.resources if name == resource_class), 0)


@dataclass(frozen=True, slots=True)
class Group:
    """A server group: its members share hosts (affinity) or keep apart (anti-affinity)."""

    id: str
    policy: str  # affinity, anti-affinity, soft-affinity, soft-anti-affinity
    max_server_per_host: int = 1  # for anti-affinity
    hosts: frozenset[str] = frozenset()  # hosts of members that the fleet's own claims may not know
    members: frozenset[str] = frozenset()  # instances, found where hosts report them

    @property
    def soft(self) -> bool:
        return self.policy.startswith("soft-")


@dataclass(frozen=True, slots=True)
class Move:
    """Of an instance that moves: the cell in which it is, and whether it may leave that."""

    preferred_cell: str
    allow_cross_cell: bool = False


class Request(Struct, frozen=True, gc=False):
    instance_id: str
    shape: Shape
    project_id: str = ""
    ignore_hosts: frozenset[str] = frozenset()  # lower case: Nova compares them so
    forced_host: str = ""
    forced_hosts: frozenset[str] = frozenset()  # lower case, as above
    forced_nodes: frozenset[str] = frozenset()  # as they are written
    destination_host: str = ""  # of a move; other than a forced host it must pass every filter
    different_host: tuple[str, ...] = ()  # instance ids
    same_host: tuple[str, ...] = ()  # instance ids
    group: Group | None = None
    move: Move | None = None
    rebuild: bool = False  # stays on its host: only what the new image asks is checked
    image_id: str = ""  # for the weigher that likes hosts which have it already
    imageless: bool = False  # nothing is known of an image, not even that it has no properties
    image: Pairs = ()  # the image's properties, for the weigher that compares them with other instances'

    @property
    def plain(self) -> bool:
        """Nothing here restricts the choice beyond the shape."""
        named = self.ignore_hosts or self.forced_host or self.forced_hosts or self.forced_nodes
        special = named or self.different_host or self.same_host or self.group or self.destination_host or self.rebuild
        return not special

    @property
    def forced(self) -> bool:
        return bool(self.forced_host or self.forced_hosts or self.forced_nodes)


class Claim(Struct, frozen=True, gc=False):
    """What one instance holds on one host. A `building` instance counts as an I/O operation of its host, as in Nova."""

    instance_id: str
    host: str
    resources: tuple[tuple[str, int], ...]
    group_id: str = ""
    building: bool = True
    seat: Seat | None = None  # its NUMA cells and devices, where it asked for any


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

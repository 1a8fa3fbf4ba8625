"""PCI devices of hosts in pools of equal ones, and what a flavor asks of them by alias.

Used by the filters in `seats.py` and by claims. Meanings are Nova's: physical functions, vDPA devices and those managed
by a remote host are only given to who asks for them; ids compare without case. Pure; pools are immutable, and
`assigned` says what a request takes of which pools, the same for the same pools.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from placement.errors import BadRequest
from placement.settings import Alias
from placement.truth import is_true

ALIAS_SPEC = "pci_passthrough:alias"
PHYSICAL, VDPA = "type-PF", "vdpa"


@dataclass(frozen=True, slots=True)
class PciPool:
    """Devices of one kind at one place. `properties`: vendor_id, product_id, dev_type and tags; `count` are free."""

    properties: tuple[tuple[str, str], ...]
    numa_node: int | None = None
    count: int = 0

    def has(self, key: str) -> str | None:
        return next((value for name, value in self.properties if name == key), None)


@dataclass(frozen=True, slots=True)
class PciRequest:
    """So many devices of any of the alternatives, each a set of properties."""

    alternatives: tuple[tuple[tuple[str, str], ...], ...]
    count: int
    numa_policy: str = "legacy"

    def asks(self, key: str, value: str) -> bool:
        return any((key, value) in alternative for alternative in self.alternatives)

    @property
    def remote_managed(self) -> bool:
        return any(
            key == "remote_managed" and is_true(value)
            for alternative in self.alternatives
            for key, value in alternative
        )


@dataclass(frozen=True, slots=True)
class Nearness:
    """Where the guest's cells are: on which of the host's cells, and which socket each of the host's cells is on."""

    cells: tuple[int, ...]
    sockets: tuple[tuple[int, int | None], ...]

    def same_socket(self) -> set[int]:
        """The host's cells on the sockets of the guest's; none where any cell does not know its socket."""
        of = dict(self.sockets)
        if None in of.values():
            return set()
        mine = {of[cell] for cell in self.cells if cell in of}
        return {cell for cell, socket in self.sockets if socket in mine}


Taken = tuple[tuple[int, int], ...]
"""(position of the pool, devices): what a guest has."""


def requests_of(
    extra_specs: Mapping[str, str], aliases: Iterable[Alias], numa_policy: str = ""
) -> tuple[PciRequest, ...]:
    """What `pci_passthrough:alias` asks ("gpu:1, vf:2"). Raises `BadRequest` for an alias that is not defined."""
    text = extra_specs.get(ALIAS_SPEC)
    if text is None:
        return ()
    defined = _by_name(aliases)
    found = []
    for part in text.split(","):
        name, count = _alias_and_count(part)
        if name not in defined:
            raise BadRequest(ALIAS_SPEC, f"PCI alias {name!r} is not defined")
        alternatives = defined[name]
        policy = numa_policy or alternatives[0].numa_policy
        found.append(PciRequest(tuple(each.spec for each in alternatives), count, policy))
    return tuple(found)


def aliases_in(extra_specs: Mapping[str, str]) -> tuple[Alias, ...]:
    """The aliases that a flavor names, each meaning the devices that hosts themselves call so."""
    text = extra_specs.get(ALIAS_SPEC)
    names = {part.partition(":")[0].strip() for part in text.split(",")} if text else set()
    return tuple(Alias(name, (("alias", name),)) for name in sorted(names))


def assigned(pools: tuple[PciPool, ...], requests: Iterable[PciRequest], near: Nearness | None = None) -> Taken | None:
    """From which pools the requests are served, one after the other, or None. Pools with fewer tags are used first."""
    free = [pool.count for pool in pools]
    order = sorted(range(len(pools)), key=lambda n: len(pools[n].properties))
    for request in requests:
        usable = _usable(pools, free, order, request, near)
        if not usable or sum(free[n] for n in usable) < request.count:
            return None
        wanted = request.count
        for n in usable:
            got = min(wanted, free[n])
            free[n] -= got
            wanted -= got
    return tuple((n, pool.count - free[n]) for n, pool in enumerate(pools) if pool.count != free[n])


def without(pools: tuple[PciPool, ...], taken: Taken) -> tuple[PciPool, ...]:
    """The pools less what is taken."""
    gone = dict(taken)
    return tuple(replace(pool, count=pool.count - gone.get(n, 0)) for n, pool in enumerate(pools))


def free_by_cell(pools: Iterable[PciPool]) -> dict[int, int]:
    free: dict[int, int] = {}
    for pool in pools:
        if pool.numa_node is not None:
            free[pool.numa_node] = free.get(pool.numa_node, 0) + pool.count
    return free


def free_devices(pools: Iterable[PciPool]) -> int:
    return sum(pool.count for pool in pools)


def _usable(
    pools: tuple[PciPool, ...], free: list[int], order: list[int], request: PciRequest, near: Nearness | None
) -> list[int]:
    matching = [n for n in order if any(_matches(pools[n], each) for each in request.alternatives)]
    if near is not None:
        matching = _near(pools, free, matching, request, near)
    return [n for n in matching if _is_offered(pools[n], request)]


def _matches(pool: PciPool, alternative: tuple[tuple[str, str], ...]) -> bool:
    for key, value in alternative:
        has = pool.has(key)
        if has is None or has.lower() != value.lower():
            return False
    return True


def _is_offered(pool: PciPool, request: PciRequest) -> bool:
    kind = pool.has("dev_type")
    if kind in (PHYSICAL, VDPA) and not request.asks("dev_type", kind):
        return False
    managed = is_true(pool.has("remote_managed") or "")
    return not managed or request.remote_managed


def _near(
    pools: tuple[PciPool, ...], free: list[int], matching: list[int], request: PciRequest, near: Nearness
) -> list[int]:
    """The strictest nearness that has enough devices, no laxer than the policy allows."""
    same_cell = [n for n in matching if pools[n].numa_node in near.cells]
    policy = request.numa_policy or "legacy"
    if policy == "required" or _enough(free, same_cell, request):
        return same_cell
    if policy == "socket":
        socket = near.same_socket()
        return [n for n in matching if pools[n].numa_node in socket]
    or_unknown = [n for n in matching if pools[n].numa_node is None or pools[n].numa_node in near.cells]
    if policy == "legacy" or _enough(free, or_unknown, request):
        return or_unknown
    return sorted(matching, key=lambda n: n not in or_unknown)


def _enough(free: list[int], positions: list[int], request: PciRequest) -> bool:
    return sum(free[n] for n in positions) >= request.count


def _by_name(aliases: Iterable[Alias]) -> dict[str, list[Alias]]:
    """Aliases of one name are alternatives; they must agree in device type and NUMA policy."""
    found: dict[str, list[Alias]] = {}
    for alias in aliases:
        others = found.setdefault(alias.name, [])
        if others and (dict(others[0].spec).get("dev_type"), others[0].numa_policy) != (
            dict(alias.spec).get("dev_type"),
            alias.numa_policy,
        ):
            raise BadRequest("pci_alias", f"the definitions of {alias.name!r} differ in device type or NUMA policy")
        others.append(alias)
    return found


def _alias_and_count(part: str) -> tuple[str, int]:
    name, colon, count = part.partition(":")
    if not colon or not count.strip().isdecimal():
        raise BadRequest(ALIAS_SPEC, f"{part!r} is not an alias with a number of devices, such as gpu:1")
    return name.strip(), int(count)

"""Where a guest's NUMA cells fit on a host's: Nova's rules, cell by cell, over all ways to assign them.

`fit` is deterministic: the roomiest cells are tried first, then the host's order. A cell never overcommits against
itself: four floating CPUs do not fit a cell of two, whatever the ratio.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice

from placement.numa.cells import CellSeat, HostCell
from placement.numa.guest import ANY, LARGE, SMALL, GuestCell, GuestTopology

Accepts = Callable[[tuple[int, ...]], bool]
"""Whether the host's cells chosen for the guest's cells, in their order, suit something else (its devices)."""


@dataclass(frozen=True, slots=True)
class Ratios:
    """How far floating CPUs and memory may be overcommitted in a cell."""

    cpu: float
    ram: float


def fit(
    cells: tuple[HostCell, ...],
    guest: GuestTopology,
    ratios: Ratios,
    devices: Mapping[int, int] | None = None,
    accepts: Accepts | None = None,
) -> tuple[CellSeat, ...] | None:
    """The seats for the guest's cells, or None. `devices`: free ones by cell; `accepts` is set where some are asked."""
    if len(cells) < len(guest.cells):
        return None
    ordered = cells if len(cells) == len(guest.cells) else _ordered(cells, guest, devices or {}, accepts is not None)
    fits: dict[tuple[int, int], CellSeat | None] = {}

    def seat(number: int, cell: HostCell) -> CellSeat | None:
        key = (number, cell.id)
        if key not in fits:
            fits[key] = _seat(cell, guest.cells[number], guest, ratios, number == 0 and guest.emulator_isolated)
        return fits[key]

    for seats in _assignments(ordered, len(guest.cells), seat, ()):
        if accepts is None or accepts(tuple(each.cell for each in seats)):
            return seats
    return None


def _assignments(
    cells: tuple[HostCell, ...],
    count: int,
    seat: Callable[[int, HostCell], CellSeat | None],
    chosen: tuple[CellSeat, ...],
) -> Iterator[tuple[CellSeat, ...]]:
    """All ways to give each guest cell a host cell of its own; a dead end is left at once."""
    if len(chosen) == count:
        yield chosen
        return
    used = {each.cell for each in chosen}
    for cell in cells:
        if cell.id not in used and (found := seat(len(chosen), cell)) is not None:
            yield from _assignments(cells, count, seat, (*chosen, found))


def _ordered(
    cells: tuple[HostCell, ...], guest: GuestTopology, devices: Mapping[int, int], wants_devices: bool
) -> tuple[HostCell, ...]:
    """The cells to try first: with devices where they are asked for (without, otherwise), then roomy ones."""

    def key(cell: HostCell) -> tuple[int, int, int]:
        free = devices.get(cell.id, 0)
        busy = -len(cell.free_dedicated) if guest.pins else cell.shared_used
        return (-free if wants_devices else free, busy, -cell.free_memory_mib)

    return tuple(sorted(cells, key=key))


def _seat(cell: HostCell, asked: GuestCell, guest: GuestTopology, ratios: Ratios, emulator: bool) -> CellSeat | None:
    page = _page(cell, asked, guest)
    if page is None:
        return None
    if guest.cpu_policy != "dedicated" and not _floats(cell, asked, ratios):
        return None
    if not guest.pins:
        return CellSeat(cell.id, asked.memory_mib, asked.shared, page_kib=page)
    if asked.pinned + emulator > len(cell.free_dedicated) or asked.memory_mib > cell.free_memory_mib:
        return None
    pinned = _pinned(cell, asked.pinned, guest.thread_policy, emulator)
    return None if pinned is None else CellSeat(cell.id, asked.memory_mib, asked.shared, pinned, page)


def _floats(cell: HostCell, asked: GuestCell, ratios: Ratios) -> bool:
    """Whether floating CPUs find room, of a guest that mixes them with its own too."""
    return (
        asked.shared <= len(cell.shared)
        and cell.shared_used + asked.shared <= len(cell.shared) * ratios.cpu
        and cell.memory_used_mib + asked.memory_mib <= cell.memory_mib * ratios.ram
    )


# ------------------------------------------------------------ pages


def _page(cell: HostCell, asked: GuestCell, guest: GuestTopology) -> int | None:
    """The page size that the guest cell would get, 0 without page tables, None where it does not fit."""
    sizes = sorted(pages.size_kib for pages in cell.pages)
    if not guest.page_kib:
        if not sizes:
            return 0 if asked.memory_mib <= cell.memory_mib else None
        return sizes[0] if _has_pages(cell, sizes[0], asked.memory_mib, only_free=guest.pins) else None
    offered = {SMALL: sizes[:1], LARGE: sizes[:0:-1], ANY: sizes[::-1]}.get(int(guest.page_kib))
    if offered is None:
        offered = [size for size in sizes if size == guest.page_kib]
    return next((size for size in offered if _has_pages(cell, size, asked.memory_mib, only_free=True)), None)


def _has_pages(cell: HostCell, size_kib: int, memory_mib: int, only_free: bool) -> bool:
    pages = cell.pages_of(size_kib)
    if pages is None:
        return False
    count = pages.free if only_free else pages.total
    kib = memory_mib * 1024
    return kib <= count * size_kib and kib % size_kib == 0


# ------------------------------------------------------------ pinning


def _pinned(cell: HostCell, count: int, thread_policy: str, emulator: bool) -> frozenset[int] | None:
    """The host's CPUs that the guest cell would have for itself, or None."""
    cores = [sorted(core & cell.free_dedicated) for core in cell.siblings]
    cores = [core for core in cores if core]
    if thread_policy == "isolate":
        return _whole_cores(cell, cores, count, emulator)
    if thread_policy == "require" and cell.threads_per_core <= 1:
        return None
    own = _by_threads(cores, count, least_threads=2 if thread_policy == "require" else 1)
    if own is None and thread_policy != "require":
        own = _first(chain.from_iterable(cores), count)
    if not own:  # a cell of which no CPU is pinned has no place among pinned ones
        return None
    return _with_emulator(own, (cpu for core in cores for cpu in core if cpu not in own), emulator)


def _by_threads(cores: list[list[int]], count: int, least_threads: int) -> frozenset[int] | None:
    """As many threads of each core as possible, and the same of each."""
    most = max(map(len, cores), default=0)
    for threads in range(most, least_threads - 1, -1):
        usable = [core[:threads] for core in cores if len(core) >= threads]
        if threads * len(usable) >= count:
            return _first(chain.from_iterable(usable), count)
    return None


def _whole_cores(cell: HostCell, cores: list[list[int]], count: int, emulator: bool) -> frozenset[int] | None:
    """A core for each CPU; its other threads are held back. Only where dedicated CPUs are not told from shared ones,
    or cores have one thread: otherwise a neighbour could still get a sibling."""
    threads = cell.threads_per_core
    if threads != 1 and cell.dedicated != cell.shared:
        return None
    free = [core for core in cores if len(core) == threads]
    if not count or len(free) < count:
        return None
    held = frozenset(chain.from_iterable(free[:count]))
    return _with_emulator(held, (cpu for core in cores for cpu in core if cpu not in held), emulator)


def _with_emulator(own: frozenset[int], others: Iterator[int], emulator: bool) -> frozenset[int] | None:
    if not emulator:
        return own
    spare = next(others, None)
    return None if spare is None else own | {spare}


def _first(cpus: Iterator[int], count: int) -> frozenset[int] | None:
    found = frozenset(islice(cpus, count))
    return found if len(found) == count else None

"""NUMA cells of a host, and what guests have of them.

Made by whoever hears hosts; kept with claims by the fleet. Immutable: taking and giving back make new cells. Invariant:
`taken` and then `given` with the same seat is the cell as before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Pages:
    """Memory pages of one size in a cell, in numbers of pages."""

    size_kib: int
    total: int
    used: int = 0
    reserved: int = 0

    @property
    def free(self) -> int:
        return self.total - self.used - self.reserved


@dataclass(frozen=True, slots=True)
class HostCell:
    """`shared_used` counts guests' CPUs that float over the shared ones; `siblings` are the threads of each core."""

    id: int
    memory_mib: int
    memory_used_mib: int = 0
    shared: frozenset[int] = frozenset()
    shared_used: int = 0
    dedicated: frozenset[int] = frozenset()
    pinned: frozenset[int] = frozenset()
    siblings: tuple[frozenset[int], ...] = ()
    pages: tuple[Pages, ...] = ()
    socket: int | None = None

    @property
    def free_dedicated(self) -> frozenset[int]:
        return self.dedicated - self.pinned

    @property
    def free_memory_mib(self) -> int:
        return self.memory_mib - self.memory_used_mib

    @property
    def threads_per_core(self) -> int:
        return max(map(len, self.siblings), default=1) or 1

    def pages_of(self, size_kib: int) -> Pages | None:
        return next((pages for pages in self.pages if pages.size_kib == size_kib), None)


@dataclass(frozen=True, slots=True)
class CellSeat:
    """What one guest cell has of a host's cell."""

    cell: int  # of the host
    memory_mib: int
    shared: int  # CPUs that float
    pinned: frozenset[int] = frozenset()  # CPUs of its own, those held back for isolation or the emulator included
    page_kib: int = 0  # 0 = the host has no page tables


def taken(cell: HostCell, seat: CellSeat) -> HostCell:
    return _changed(cell, seat, 1, cell.pinned | seat.pinned)


def given(cell: HostCell, seat: CellSeat) -> HostCell:
    """The cell without that seat again."""
    return _changed(cell, seat, -1, cell.pinned - seat.pinned)


def _changed(cell: HostCell, seat: CellSeat, sign: int, pinned: frozenset[int]) -> HostCell:
    return replace(
        cell,
        memory_used_mib=cell.memory_used_mib + sign * seat.memory_mib,
        shared_used=cell.shared_used + sign * seat.shared,
        pinned=pinned,
        pages=tuple(_pages(pages, seat, sign) for pages in cell.pages),
    )


def _pages(pages: Pages, seat: CellSeat, sign: int) -> Pages:
    if pages.size_kib != seat.page_kib:
        return pages
    return replace(pages, used=pages.used + sign * (seat.memory_mib * 1024 // pages.size_kib))

"""One resource class over the whole fleet: what each host has of it, and what is taken.

Owned by `fleet.py`; read by the capacity filter and the weighers. Invariant: `used` is the sum of the fleet's own
claims and of `other`, which is what the host says is in use beyond them. A report can therefore never hide a claim, and
what runs there unknown to us is never given away. `taken` and `offered` are the sums over all rows.
"""

from __future__ import annotations

from placement.columns import FloatColumn, IntColumn
from placement.host import Stock


class Usage:
    """How much of one thing is taken on each host."""

    __slots__ = ("other", "taken", "used")

    def __init__(self, capacity: int) -> None:
        self.taken = 0  # on all hosts
        self.used = IntColumn(capacity)
        self.other = IntColumn(capacity)

    def columns(self) -> tuple[IntColumn | FloatColumn, ...]:
        return (self.used, self.other)

    def set_reported(self, row: int, used: int) -> bool:
        """The host says that so much is in use, claims included; whether `used` changed."""
        before = self.used.at[row]
        claimed = before - self.other.at[row]
        self.other.at[row] = max(0, used - claimed)
        self.used.at[row] = after = max(claimed, used)
        self.taken += after - before
        return after != before

    def add(self, row: int, amount: int) -> None:
        """A claim comes, or goes with a negative amount."""
        self.used.at[row] += amount
        self.taken += amount

    def clear(self, row: int) -> None:
        self.taken -= self.used.at[row]
        self.used.at[row] = self.other.at[row] = 0


class Inventory(Usage):
    """What each host has of one resource class, besides what is taken of it."""

    __slots__ = ("limit", "offered", "resource_class", "usable")

    def __init__(self, resource_class: str, capacity: int) -> None:
        super().__init__(capacity)
        self.resource_class = resource_class
        self.offered = 0.0  # by all hosts: the sum of `limit`
        self.usable = IntColumn(capacity)  # total - reserved, without overcommitment
        self.limit = FloatColumn(capacity)  # usable * allocation ratio: Placement's capacity, not rounded

    def columns(self) -> tuple[IntColumn | FloatColumn, ...]:
        return (*super().columns(), self.usable, self.limit)

    def set_stock(self, row: int, stock: Stock) -> bool:
        """What the host has; whether it changed."""
        usable = stock.total - stock.reserved
        wanted = (usable, usable * stock.allocation_ratio)
        if wanted == (self.usable.at[row], self.limit.at[row]):
            return False
        self.offered += wanted[1] - self.limit.at[row]
        self.usable.at[row], self.limit.at[row] = wanted
        return True

    def clear(self, row: int) -> None:
        super().clear(row)
        self.offered -= self.limit.at[row]
        self.usable.at[row] = 0
        self.limit.at[row] = 0.0

"""Growable columns: one number a host, in one array for all hosts.

Used by `fleet.py` and `inventory.py`. `array` is numpy's view for a pass over all rows; `at` is a memoryview of the
same memory for one row, several times cheaper than indexing numpy by a scalar. Invariant: both always show the same
numbers; growing replaces both, so nobody may keep either across the arrival of a host.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Rows: TypeAlias = slice | NDArray[np.intp]
"""Which rows a pass looks at: all of them as a slice, or some by index."""

Mask: TypeAlias = NDArray[np.bool_]
Floats: TypeAlias = NDArray[np.float64]


class IntColumn:
    __slots__ = ("array", "at", "fill")

    def __init__(self, capacity: int, fill: int = 0) -> None:
        self.fill = fill
        self.array: NDArray[np.int64] = np.full(capacity, fill, dtype=np.int64)
        self.at: memoryview[int] = view_of(self.array)

    def grow(self, capacity: int) -> None:
        self.array = _extended(self.array, capacity, self.fill)
        self.at = view_of(self.array)


class FloatColumn:
    __slots__ = ("array", "at")

    def __init__(self, capacity: int) -> None:
        self.array: Floats = np.zeros(capacity, dtype=np.float64)
        self.at: memoryview[float] = view_of(self.array)

    def grow(self, capacity: int) -> None:
        self.array = _extended(self.array, capacity, 0)
        self.at = view_of(self.array)


def _extended(array: NDArray[Any], capacity: int, fill: int) -> NDArray[Any]:
    grown = np.full(capacity, fill, dtype=array.dtype)
    grown[: len(array)] = array
    return grown


def view_of(array: NDArray[Any]) -> Any:
    """The array's memory as a memoryview, whose items are Python numbers."""
    return array.data

"""Facets: what hosts have in common, stored once and judged once.

A facet is one kind of fact (the zone, the supported guests, the traits). Every distinct value gets a code, every host
a column entry; a filter judges each distinct value and the verdicts spread over the fleet by one indexing. Thousands
of equal hosts cost as much as one. Used by `fleet.py` and the filters that read facts.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import numpy as np

from placement.columns import Floats, IntColumn, Mask, Rows

Value = TypeVar("Value", bound=Hashable)


class Facet(Generic[Value]):
    """Invariant: a code stands for one value as long as any host has it; a value that no host has is forgotten."""

    def __init__(self, capacity: int) -> None:
        self.codes = IntColumn(capacity)  # code 0 = no host there
        self._values: list[Value | None] = [None]
        self._hosts = [0]  # hosts by code
        self._code_of: dict[Value, int] = {}
        self._unused: list[int] = []

    def set(self, row: int, value: Value) -> bool:
        """Returns whether the host's value changed."""
        code = self._code_of.get(value)
        old = self.codes.at[row]
        if code is not None and code == old:
            return False
        if code is None:
            code = self._new_code(value)
        self._hosts[code] += 1
        self._leave(old)
        self.codes.at[row] = code
        return True

    def clear(self, row: int) -> None:
        self._leave(self.codes.at[row])
        self.codes.at[row] = 0

    def value(self, row: int) -> Value:
        value = self._values[self.codes.at[row]]
        if value is None:
            raise LookupError(f"row {row} has no host")
        return value

    def values(self) -> list[Value]:
        """The distinct values that hosts have now."""
        return list(self._code_of)

    def mask(self, rows: Rows, admits: Callable[[Value], bool]) -> Mask | None:
        """Which rows have an admitted value; None when every value is admitted."""
        table = np.ones(len(self._values), dtype=np.bool_)
        for value, code in self._code_of.items():
            if not admits(value):
                table[code] = False
        if table.all():
            return None
        return table[self.codes.array[rows]]

    def numbers(self, rows: Rows, number: Callable[[Value], float]) -> Floats:
        """A number for each row's value; 0 where there is no host."""
        table = np.zeros(len(self._values))
        for value, code in self._code_of.items():
            table[code] = number(value)
        chosen: Floats = table[self.codes.array[rows]]
        return chosen

    def _new_code(self, value: Value) -> int:
        if self._unused:
            code = self._unused.pop()
            self._values[code] = value
        else:
            code = len(self._values)
            self._values.append(value)
            self._hosts.append(0)
        self._code_of[value] = code
        return code

    def _leave(self, code: int) -> None:
        if code == 0:
            return
        self._hosts[code] -= 1
        if self._hosts[code] == 0:
            value = self._values[code]
            if value is not None:
                del self._code_of[value]
            self._values[code] = None
            self._unused.append(code)

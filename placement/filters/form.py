"""The forms that a filter can have. Each filter file holds one idea in one of these forms.

A filter says which hosts may take a request, over many rows at once. It yields one `Check` for each thing that the
request really asks of it and that some host lacks; asked nothing, it yields nothing and costs nothing.

- `FactsFilter`: by what hosts *are*. Judged once for each distinct value; a ranking keeps the verdicts.
- `HostsFilter`: by naming hosts (to avoid, to keep to). Belongs to the single request, not to its shape.
- `UsageFilter`: by what is *taken* of hosts (`capacity.py`), asked again whenever that changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

import numpy as np

from placement.columns import Mask, Rows
from placement.fleet import Fleet, indices
from placement.request import Request, Shape


@dataclass(frozen=True, slots=True)
class Check:
    """One verdict over rows. `name` is what a refusal shows; `passed` is as long as the rows."""

    name: str
    passed: Mask


class Depends(Enum):
    """What a filter's verdict on a host depends on, besides the shape of the request."""

    FACTS = "facts"
    USAGE = "usage"
    REQUEST = "request"


class Filter(Protocol):
    @property
    def name(self) -> str: ...

    def depends(self, shape: Shape) -> Depends: ...

    def checks(self, fleet: Fleet, request: Request, rows: Rows) -> Iterator[Check]: ...

    def lack(self, fleet: Fleet, request: Request, row: int) -> str:
        """In a few words, what a refused host lacks."""


class UsageFilter(Filter, Protocol):
    def for_row(self, fleet: Fleet, shape: Shape) -> Callable[[int], bool]:
        """The same verdict for one row, fast; good until the fleet grows."""


class FactsFilter(Protocol):
    """Facts about hosts against a shape. `facet` says which fact is read, `name` what refusals are called."""

    @property
    def name(self) -> str: ...

    @property
    def facet(self) -> str: ...

    def asks(self, shape: Shape) -> bool:
        """Whether the shape asks anything here."""

    def admits(self, fact: Any, shape: Shape) -> bool: ...

    def wants(self, fact: Any, shape: Shape) -> str:
        """What a refused host lacks, in a few words."""


@dataclass(frozen=True, slots=True)
class Facts:
    """A `FactsFilter` as a `Filter` over the fleet."""

    rule: FactsFilter

    @property
    def name(self) -> str:
        return self.rule.name

    def depends(self, shape: Shape) -> Depends:
        return Depends.FACTS

    def checks(self, fleet: Fleet, request: Request, rows: Rows) -> Iterator[Check]:
        shape = request.shape
        if self.rule.asks(shape):
            passed = fleet.facets[self.rule.facet].mask(rows, lambda fact: self.rule.admits(fact, shape))
            if passed is not None:
                yield Check(self.name, passed)

    def lack(self, fleet: Fleet, request: Request, row: int) -> str:
        return self.rule.wants(fleet.facets[self.rule.facet].value(row), request.shape)


@dataclass(frozen=True, slots=True)
class Narrowing:
    """The rows that a request may use (None = all) and may not."""

    only: frozenset[int] | None = None
    never: frozenset[int] = frozenset()


class HostsFilter(Protocol):
    name: str

    def narrow(self, fleet: Fleet, request: Request) -> Narrowing | None:
        """None when the request asks nothing here."""

    def wants(self, request: Request) -> str:
        """What a refused host lacks, in a few words."""


@dataclass(frozen=True, slots=True)
class Hosts:
    """A `HostsFilter` as a `Filter` over the fleet."""

    rule: HostsFilter

    @property
    def name(self) -> str:
        return self.rule.name

    def depends(self, shape: Shape) -> Depends:
        return Depends.REQUEST

    def checks(self, fleet: Fleet, request: Request, rows: Rows) -> Iterator[Check]:
        narrowing = self.rule.narrow(fleet, request)
        if narrowing is None:
            return
        numbers = indices(rows)
        passed = np.ones(len(numbers), dtype=np.bool_)
        if narrowing.only is not None:
            passed &= np.isin(numbers, _array(narrowing.only))
        if narrowing.never:
            passed &= ~np.isin(numbers, _array(narrowing.never))
        yield Check(self.name, passed)

    def lack(self, fleet: Fleet, request: Request, row: int) -> str:
        return self.rule.wants(request)


def _array(rows: frozenset[int]) -> np.ndarray[Any, np.dtype[np.intp]]:
    return np.fromiter(rows, dtype=np.intp, count=len(rows))

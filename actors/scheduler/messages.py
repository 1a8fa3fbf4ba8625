"""What only the scheduler room says: the answer of a dry run."""

from __future__ import annotations

import msgspec


class CheckLine(msgspec.Struct, frozen=True):
    """One check that removed hosts, in the order in which they run."""

    check: str
    before: int
    removed: int


class ScoredHost(msgspec.Struct, frozen=True):
    host: str
    total: float
    weights: dict[str, float]  # weigher → what it gave, times its multiplier


class DroppedHost(msgspec.Struct, frozen=True):
    host: str
    check: str
    lack: str


class PlacementExplained(msgspec.Struct, frozen=True, kw_only=True):
    """Where a request would land, and why: changes nothing.

    `best` are the hosts of greatest weight, best first; it would land on the first, or on one that weighs the same.
    """

    profile: str
    hosts: int
    checks: tuple[CheckLine, ...]
    passed: int
    best: tuple[ScoredHost, ...]
    dropped: tuple[DroppedHost, ...]
    nearest: tuple[str, ...]

"""What placement answers: a placement, a refusal with its reasons, or an explanation of how it would decide."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct


class Placement(Struct, frozen=True, gc=False):
    instance_id: str
    host: str
    node: str


@dataclass(frozen=True, slots=True)
class NoHost:
    """No host passed. `reasons`: check → hosts it removed, in order; `nearest`: what the best misses lacked.

    `note` says what else there is: of a group that is placed whole or not at all, how many would have had room.
    """

    instance_id: str
    reasons: dict[str, int]
    nearest: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Scored:
    """A host that passed, with its weight and what each weigher gave to it."""

    host: str
    total: float
    weights: dict[str, float]


@dataclass(frozen=True, slots=True)
class Dropped:
    """A host that a check removed (the first in order), and what it lacks."""

    host: str
    check: str
    lack: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A dry run. `checks`: (check, hosts left before it, hosts it removed), only checks that removed any."""

    hosts: int
    checks: tuple[tuple[str, int, int], ...]
    passed: int
    best: tuple[Scored, ...]
    dropped: tuple[Dropped, ...]
    nearest: tuple[str, ...]

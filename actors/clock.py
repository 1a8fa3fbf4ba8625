"""Time as an argument: rooms are given a clock, so that tests and the simulator can own it."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since the epoch, for records and people."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, for durations and deadlines. They pass while the machine is suspended, too:
        what others reckon with (`actors/compute/standing.py`) does not wait for it."""


class SystemClock:
    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

"""Boots that were accepted one by one set out together, while others are under way.

Each wave of boots costs every room a message, whether one boot or a hundred are in it. So a boot that comes alone goes
at once when the cloud is idle, and waits a moment for others when it is not, or was not just now; its caller has the
answer already, so only its guest is that moment later. Owned by the conductor's service. Invariant: what was added sets
out within `COMPANY_S`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from actors.conductor.boots import Boot

COMPANY_S = 0.2  # how long a boot may wait for others
BUSY_FROM = 4  # boots under way, from which on others wait
BUSY_S = 1.5  # how long it counts that so many were: those who look every half second come in bursts
FULL = 32  # boots that are company enough


class Company:
    """`set_out` is given boots that go together."""

    def __init__(self, set_out: Callable[[list[Boot]], None]) -> None:
        self._set_out = set_out
        self._gathered: list[Boot] = []
        self._departure: asyncio.TimerHandle | None = None
        self._busy_until = 0.0

    def add(self, boots: list[Boot], in_flight: int) -> None:
        """`in_flight`: boots that are accepted and have not ended, these and those that wait among them."""
        self._gathered += boots
        loop = asyncio.get_running_loop()
        if in_flight - len(self._gathered) >= BUSY_FROM:
            self._busy_until = loop.time() + BUSY_S
        if loop.time() >= self._busy_until or len(self._gathered) >= FULL:
            self.depart()
        elif self._departure is None:
            self._departure = loop.call_later(COMPANY_S, self._waited)

    def _waited(self) -> None:
        if len(self._gathered) == 1:  # nobody comes any more: the next one need not wait
            self._busy_until = 0.0
        self.depart()

    def depart(self) -> None:
        """Whoever waits goes now."""
        if self._departure is not None:
            self._departure.cancel()
            self._departure = None
        if self._gathered:
            gathered, self._gathered = self._gathered, []
            self._set_out(gathered)

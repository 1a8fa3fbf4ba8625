"""Boots that were accepted one by one set out together, while others are under way.

Each wave of boots costs every room a message, whether one boot or a hundred are in it. So a boot that comes alone goes
at once when the cloud is idle, and waits a moment for others when it is not; its caller has the answer already, so only
its guest is that moment later. Owned by the conductor's service. Invariant: what was added sets out within `COMPANY_S`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from actors.conductor.boots import Boot

COMPANY_S = 0.1  # how long a boot may wait for others
BUSY_FROM = 4  # boots under way, from which on others wait
FULL = 16  # boots that are company enough


class Company:
    """`set_out` is given boots that go together."""

    def __init__(self, set_out: Callable[[list[Boot]], None]) -> None:
        self._set_out = set_out
        self._gathered: list[Boot] = []
        self._departure: asyncio.TimerHandle | None = None

    def add(self, boots: list[Boot], in_flight: int) -> None:
        """`in_flight`: boots that are accepted and have not ended, these and those that wait among them."""
        self._gathered += boots
        under_way = in_flight - len(self._gathered)
        if under_way < BUSY_FROM or len(self._gathered) >= FULL:
            self.depart()
        elif self._departure is None:
            self._departure = asyncio.get_running_loop().call_later(COMPANY_S, self.depart)

    def depart(self) -> None:
        """Whoever waits goes now."""
        if self._departure is not None:
            self._departure.cancel()
            self._departure = None
        if self._gathered:
            gathered, self._gathered = self._gathered, []
            self._set_out(gathered)

"""Waiting for network-vif-plugged: which ports each build still misses.

Owned by the compute room; told by the network room. Events may come early, twice, or for nobody: only expected ports
count, and a port told once stays told until the build is forgotten.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Expected:
    missing: set[str]
    all_here: asyncio.Event = field(default_factory=asyncio.Event)


class Plugs:
    def __init__(self) -> None:
        self._expected: dict[str, _Expected] = {}

    def expect(self, instance_id: str, port_ids: list[str]) -> None:
        """Begin to listen; a second call begins anew."""
        expected = _Expected(set(port_ids))
        if not port_ids:
            expected.all_here.set()
        self._expected[instance_id] = expected

    def tell(self, instance_id: str, port_id: str) -> None:
        expected = self._expected.get(instance_id)
        if expected is None:
            return
        expected.missing.discard(port_id)
        if not expected.missing:
            expected.all_here.set()

    async def plugged(self, instance_id: str, timeout_s: float) -> set[str]:
        """The ports still missing when all came or the time is up: empty = all plugged."""
        expected = self._expected.get(instance_id)
        if expected is None:
            return set()
        if not expected.all_here.is_set():
            try:
                async with asyncio.timeout(timeout_s):
                    await expected.all_here.wait()
            except TimeoutError:
                return set(expected.missing)
        return set()

    def forget(self, instance_id: str) -> None:
        """Stop listening; whoever waits goes on at once."""
        expected = self._expected.pop(instance_id, None)
        if expected is not None:
            expected.all_here.set()

    def expecting(self) -> list[str]:
        return sorted(self._expected)

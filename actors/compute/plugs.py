"""Waiting for network-vif-plugged: which ports each build still misses.

Owned by the compute room; told by the network room. Events may come early, twice, or for nobody: only expected ports
count, and a port told once stays told until the build is forgotten. Builds that wait together wait in one crowd, which
goes on when the last of them has all its ports.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection


class _Crowd:
    def __init__(self, waiting: set[str]) -> None:
        self.waiting = waiting  # instances
        self.all_here = asyncio.Event()

    def done(self, instance_id: str) -> None:
        self.waiting.discard(instance_id)
        if not self.waiting:
            self.all_here.set()


class Plugs:
    def __init__(self) -> None:
        self._missing: dict[str, set[str]] = {}  # ports by instance
        self._crowds: dict[str, _Crowd] = {}  # of the instances that are waited for

    def expect(self, instance_id: str, port_ids: Collection[str]) -> None:
        """Begin to listen; a second call begins anew."""
        self._missing[instance_id] = set(port_ids)

    def tell(self, instance_id: str, port_id: str) -> None:
        missing = self._missing.get(instance_id)
        if missing is None:
            return
        missing.discard(port_id)
        if not missing:
            self._goes_on(instance_id)

    async def plugged(self, instance_ids: Collection[str], timeout_s: float) -> dict[str, set[str]]:
        """The ports still missing when all came or the time is up, by instance: empty = all plugged."""
        waiting = {instance_id for instance_id in instance_ids if self._missing.get(instance_id)}
        if not waiting:
            return {}
        crowd = _Crowd(waiting)
        self._crowds.update(dict.fromkeys(waiting, crowd))
        try:
            async with asyncio.timeout(timeout_s):
                await crowd.all_here.wait()
        except TimeoutError:
            return {instance_id: set(self._missing[instance_id]) for instance_id in crowd.waiting}
        finally:
            for instance_id in crowd.waiting:
                self._crowds.pop(instance_id, None)
        return {}

    def forget(self, instance_id: str) -> None:
        """Stop listening; whoever waits goes on at once."""
        self._missing.pop(instance_id, None)
        self._goes_on(instance_id)

    def expecting(self) -> list[str]:
        return sorted(self._missing)

    def _goes_on(self, instance_id: str) -> None:
        crowd = self._crowds.pop(instance_id, None)
        if crowd is not None:
            crowd.done(instance_id)

"""The L3 agent: keeps the routers that this node runs as the network service says.

Part of `agent.py`. Each router is told whole, so it remembers only what it could not do, to try that again. Invariant:
what is here of a router is what was said last of it, and nothing is here of one that belongs elsewhere.
"""

from __future__ import annotations

import logging

from actors.network.dataplane import Dataplane
from actors.network.messages import RouterInfo
from actors.network.routing import is_served

log = logging.getLogger(__name__)


class RouterAgent:
    """The caller allows one call at a time, and sweeps over the taps afterwards (`agent.py`)."""

    def __init__(self, host: str, dataplane: Dataplane) -> None:
        self._host = host
        self._dataplane = dataplane
        self._failed: dict[str, RouterInfo] = {}  # to be tried again

    async def start(self, infos: list[RouterInfo]) -> None:
        """Serve these and no others; what an earlier life has left of others goes."""
        stale = set(await self._dataplane.routers()) - {info.router_id for info in infos}
        if stale:
            await self._dataplane.stop_routers(sorted(stale))
        self._failed.clear()
        await self.refresh(infos)

    async def refresh(self, infos: list[RouterInfo]) -> dict[str, str]:
        """Brings these routers to what is said, the last of each; of those that could not be brought there, why."""
        last = {info.router_id: info for info in infos}
        ours = [info for info in last.values() if is_served(info, self._host)]
        gone = last.keys() - {info.router_id for info in ours}
        for router_id in last:
            self._failed.pop(router_id, None)
        here = gone & set(await self._dataplane.routers()) if gone else set()
        if here:
            await self._dataplane.stop_routers(sorted(here))
        whys = await self._dataplane.serve_routers(ours) if ours else []
        failed = {info.router_id: why for info, why in zip(ours, whys, strict=True) if why}
        for router_id, why in failed.items():
            log.error("host %s: %s", self._host, why)
            self._failed[router_id] = last[router_id]
        return failed

    async def mend(self) -> bool:
        """Makes again what somebody took away, and tries again what failed; whether there may be new taps."""
        failed = list(self._failed.values())
        revived = await self._dataplane.revive_routers()
        for router_id in revived:
            log.error("host %s: router %s was not whole and is made again", self._host, router_id)
        if failed:
            await self.refresh(failed)
        return bool(revived or failed)

    async def announce(self) -> None:
        await self._dataplane.announce_routers()

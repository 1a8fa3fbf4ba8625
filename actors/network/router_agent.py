"""The L3 agent: keeps the routers that this node runs as the network service says.

Part of `agent.py`. Each router is told whole, so it remembers only what it could not do, to try that again. Invariant:
what is here of a router is what was said last of it, and nothing is here of one that belongs elsewhere.
"""

from __future__ import annotations

import logging
from collections.abc import Set

from actors.errors import HostError
from actors.network.dataplane import Dataplane
from actors.network.messages import RouterInfo
from actors.network.routing import is_served, served

log = logging.getLogger(__name__)


class RouterAgent:
    """The caller allows one call at a time, and sweeps over the taps afterwards (`agent.py`)."""

    def __init__(self, host: str, dataplane: Dataplane) -> None:
        self._host = host
        self._dataplane = dataplane
        self._failed: dict[str, tuple[RouterInfo, str]] = {}  # to be tried again, and why it could not be

    async def start(self, infos: list[RouterInfo]) -> None:
        """Serve these and no others; what an earlier life has left of others goes."""
        stale = set(await self._dataplane.routers()) - {info.router_id for info in infos}
        self._failed.clear()
        await self.refresh([*(RouterInfo(router_id=router_id, host="") for router_id in sorted(stale)), *infos])

    async def refresh(self, infos: list[RouterInfo]) -> dict[str, str]:
        """Brings these routers to what is said, the last of each; of those that could not be brought there, why."""
        last = {info.router_id: info for info in infos}
        ours = [served(info) for info in last.values() if is_served(info, self._host)]
        whys = await self._stop(last.keys() - {info.router_id for info in ours})
        whys |= zip((info.router_id for info in ours), await self._serve(ours), strict=True)
        for router_id, why in whys.items():
            _, known = self._failed.pop(router_id, (None, ""))
            if why:
                self._failed[router_id] = last[router_id], why
            if why and why != known:
                log.error("host %s: %s", self._host, why)
        return {router_id: why for router_id, why in whys.items() if why}

    async def _stop(self, router_ids: Set[str]) -> dict[str, str]:
        here = sorted(router_ids & set(await self._dataplane.routers())) if router_ids else []
        why = ""
        try:
            if here:
                await self._dataplane.stop_routers(here)
        except HostError as error:
            why = str(error)
        return dict.fromkeys(router_ids, "") | dict.fromkeys(here, why)

    async def _serve(self, infos: list[RouterInfo]) -> list[str]:
        return await self._dataplane.serve_routers(infos) if infos else []

    async def mend(self) -> bool:
        """Makes again what somebody took away, and tries again what failed; whether there may be new taps."""
        failed = [info for info, _ in self._failed.values()]
        revived = await self._dataplane.revive_routers()
        for router_id in revived:
            log.error("host %s: router %s was not whole and is made again", self._host, router_id)
        if failed:
            await self.refresh(failed)
        return bool(revived or failed)

    async def announce(self) -> None:
        await self._dataplane.announce_routers()

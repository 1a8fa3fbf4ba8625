"""All routers of this node, as `linux.py` serves them: each is one `Router`, and a file of the node says that it is.

The file `routers/<router id>` of the node's folder is there before anything of the router is, and goes when nothing is
left, so that an agent finds what another life of it has made. It holds what the router was brought to last (JSON);
nothing, if that is not known, as while it is being brought there. A router that a new life finds whole, with a file
that says what it shall be, is left as it is.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from pyroute2.netlink.exceptions import NetlinkError

from actors.network import namespaces, routing
from actors.network.l2 import WiringError
from actors.network.links import Links
from actors.network.messages import RouterInfo
from actors.network.netns_thread import NetnsThread
from actors.network.router import Router, made_of

AT_ONCE = 8  # routers brought up side by side


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """What a router's file holds."""

    info: RouterInfo  # what it was brought to last
    made: str  # `made_of` that; '' if some of it could not be
    footprint: str = ""  # what its namespace was like then


class Routers:
    def __init__(self, folder: Path, node: NetnsThread, links: Links) -> None:
        self._folder = folder
        self._node = node
        self._links = links
        self._routers: dict[str, Router] = {}
        self._infos: dict[str, RouterInfo] = {}  # of those that are served in this life
        self._room = asyncio.Semaphore(AT_ONCE)

    async def serve(self, infos: list[RouterInfo]) -> list[str]:
        whole = await self._whole([info for info in infos if info.router_id not in self._infos])
        self._infos |= {info.router_id: info for info in infos}
        rest = [info for info in infos if info.router_id not in whole]
        whys = dict(zip((info.router_id for info in rest), await asyncio.gather(*map(self._serve, rest)), strict=True))
        return [whys.get(info.router_id, "") for info in infos]

    async def _serve(self, info: RouterInfo) -> str:
        file = self._folder / info.router_id
        router = self._router(info.router_id)
        self._folder.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")  # whoever is killed from here on has left it half done
        why = await self._act(info.router_id, lambda router: router.serve(info))
        if router.settled is not None:
            made = "" if why else made_of(info)
            settled = Settled(info=router.settled, made=made, footprint=router.footprint)
            file.write_bytes(msgspec.json.encode(settled))
        return why

    async def _whole(self, infos: list[RouterInfo]) -> set[str]:
        """Those that an earlier life has brought to just this, and that are so still, as `revive` looks."""
        known = {info.router_id: self._read(info.router_id) for info in infos}
        settled = ((info, known[info.router_id]) for info in infos)
        same = [info for info, was in settled if was is not None and was.made == made_of(info) and was.footprint]
        changed = {info.router_id for info in await self._changed(same)}
        return {info.router_id for info in same} - changed

    async def _changed(self, infos: list[RouterInfo]) -> list[RouterInfo]:
        """Those of which a namespace or a tap is gone, or addresses, routes, rules or settings are not as they were
        left. Of one that could not be brought to what it shall be, nobody knows how it was left."""
        taps, there = await self._node.run(self._links.taps), set(namespaces.names())
        differs = [self._differs(info, taps, there) for info in infos]
        return [info for info, changed in zip(infos, await asyncio.gather(*differs), strict=True) if changed]

    async def _differs(self, info: RouterInfo, taps: dict[str, int], there: set[str]) -> bool:
        if _lacks(info, taps, there):
            return True
        router = self._router(info.router_id)
        async with self._room:
            return bool(router.footprint) and await router.seen() != router.footprint

    async def stop(self, router_ids: list[str]) -> list[str]:
        return list(await asyncio.gather(*[self._stop(router_id) for router_id in router_ids]))

    async def _stop(self, router_id: str) -> str:
        info = self._infos.pop(router_id, None) or self._settled(router_id)
        why = await self._act(router_id, lambda router: router.stop(info))
        if not why:
            (self._folder / router_id).unlink(missing_ok=True)
            self._routers.pop(router_id, None)
        return why

    def here(self) -> list[str]:
        return sorted(file.name for file in self._folder.iterdir()) if self._folder.is_dir() else []

    async def revive(self) -> list[str]:
        """Those that somebody changed are made again; what was announced is due to be told again."""
        lost = await self._changed(list(self._infos.values()))
        replies = await self.serve(lost)
        for router in self._routers.values():
            router.announcements.again()
        return [info.router_id for info, why in zip(lost, replies, strict=True) if not why]

    async def announce(self) -> None:
        """What could not be told is told later."""
        for router_id, info in list(self._infos.items()):
            if self._router(router_id).announcements.due:
                await self._act(router_id, lambda router: router.announce(info))  # noqa: B023 - at once

    async def world(self) -> dict[str, list[str]]:
        here, kinds = self.here(), routing.world([])
        found = await asyncio.gather(*[self._router(router_id).world() for router_id in here])
        return {kind: sorted(line for one in found for line in one.get(kind, ())) for kind in kinds} | {
            "routers": here,
            "router_namespaces": sorted({routing.namespace_of(each) for each in here} & set(namespaces.names())),
        }

    # ------------------------------------------------------------ inside

    def _router(self, router_id: str) -> Router:
        if router_id not in self._routers:
            known = self._read(router_id)
            router = Router(router_id, self._node, self._links, known.info if known is not None else None)
            router.footprint = known.footprint if known is not None else ""
            self._routers[router_id] = router
        return self._routers[router_id]

    async def _act(self, router_id: str, act: Callable[[Router], Awaitable[object]]) -> str:
        """Why it failed, '' if it did not."""
        async with self._room:
            try:
                await act(self._router(router_id))
            except (OSError, NetlinkError, WiringError, subprocess.SubprocessError) as error:
                return f"router {router_id}: {error}"
        return ""

    def _settled(self, router_id: str) -> RouterInfo | None:
        settled = self._read(router_id)
        return settled.info if settled is not None else None

    def _read(self, router_id: str) -> Settled | None:
        try:
            return msgspec.json.decode((self._folder / router_id).read_bytes(), type=Settled)
        except (OSError, msgspec.MsgspecError):  # written by half, or by another version
            return None


def _lacks(info: RouterInfo, taps: dict[str, int], there: set[str]) -> bool:
    wanted = {device.tap for device in routing.devices(info)}
    return routing.namespace_of(info.router_id) not in there or bool(wanted - taps.keys())

"""Compute as a Ray actor: exactly one on each worker node, by the node's own resource."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from random import Random
from typing import TYPE_CHECKING

import ray.util

from actors.clock import SystemClock
from actors.cluster import reach
from actors.cluster.collector import keep_memory_small
from actors.cluster.config import CloudConfig, NodeConfig
from actors.cluster.shell import Shell
from actors.cluster.vital import vital
from actors.errors import CallerError, HostError

if TYPE_CHECKING:
    from actors.compute.hypervisor import Hypervisor
    from actors.compute.service import Compute

log = logging.getLogger(__name__)


class ComputeActor(Shell):
    async def __init__(self, cloud: CloudConfig, node: str) -> None:  # type: ignore[misc]  # Ray awaits it
        from actors.compute.service import Compute, Rooms

        keep_memory_small()
        config = NodeConfig.of_this_node(node, ray.util.get_node_ip_address())
        rooms = Rooms(reach.conductor(), reach.scheduler(), reach.image(), reach.network(), reach.volume())
        room = self.room = Compute(config, await _hypervisor(config), rooms, SystemClock())
        await room.start()
        self._beating = vital(asyncio.create_task(_for_ever(room.heartbeat, cloud.heartbeat_s)))
        self._sweeping = vital(asyncio.create_task(_for_ever(room.strays.sweep, config.sweep_s)))
        self._syncing = vital(asyncio.create_task(_for_ever(room.powers.sync, config.sync_power_state_interval)))
        self._evicting = _evicting(room, config)
        self._watching = vital(asyncio.create_task(_end_when_over(room)))

    async def put_away(self) -> None:
        """What was prepared on this node goes, and this actor with it."""
        from actors.cluster import node as worker

        self._beating.cancel()
        self._sweeping.cancel()
        self._syncing.cancel()
        self._evicting.cancel()
        self._watching.cancel()
        await self.room.close()
        await self.room.hypervisor.close()
        await asyncio.to_thread(worker.clear, self.room.config, _say_nothing)


def _evicting(room: Compute, config: NodeConfig) -> asyncio.Future[None]:
    """Nothing goes where the operator says so."""
    if not config.remove_unused_base_images:
        return asyncio.get_running_loop().create_future()
    return vital(asyncio.create_task(_for_ever(room.evict_images, config.image_cache_manager_interval)))


async def _end_when_over(room: Compute) -> None:
    """Stale, it is no use to anybody: Ray starts another where the node is still one of the cluster."""
    await room.standing.over.wait()
    os._exit(1)


async def _for_ever(act: Callable[[], Awaitable[object]], every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        try:
            await act()
        except (ConnectionError, TimeoutError, HostError, CallerError) as error:
            log.warning("%s", error)  # who is asked is away or busy; the next time tries again


def _say_nothing(line: str) -> None:
    """Nobody reads along on a worker node."""


async def _hypervisor(config: NodeConfig) -> Hypervisor:
    """Its own libraries, and those of an image cache, are loaded only where they are used."""
    if config.hypervisor == "simulated":
        from actors.cluster.simulated_node import taps_of
        from actors.compute.simulated import SimulatedHypervisor

        return SimulatedHypervisor(config, taps_of(config), Random(config.simulated.seed))
    from actors.compute.libvirt.driver import LibvirtHypervisor
    from actors.image.node_images import NodeImages

    images = NodeImages(config.host, config.node_ip, config.image_cache, reach.image())
    await images.start()
    return LibvirtHypervisor(config, SystemClock(), images, images)

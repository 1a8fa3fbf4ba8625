"""Compute as a Ray actor: exactly one on each worker node, by the node's own resource."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from random import Random

import ray.util

from actors.clock import SystemClock
from actors.cluster import names, reach
from actors.cluster import node as worker
from actors.cluster.collector import collect_rarely
from actors.cluster.config import CloudConfig, NodeConfig
from actors.compute.hypervisor import Hypervisor
from actors.compute.service import Compute, Rooms
from actors.compute.simulated import SimulatedHypervisor
from actors.errors import HostError
from actors.image.node_images import NodeImages

log = logging.getLogger(__name__)


class ComputeActor(Compute):
    async def __init__(self, cloud: CloudConfig, node: str) -> None:  # type: ignore[misc]  # Ray awaits it
        collect_rarely()
        config = NodeConfig.of_this_node(node, ray.util.get_node_ip_address())
        rooms = Rooms(reach.conductor(), reach.scheduler(), reach.image(), reach.network(), reach.volume())
        images = NodeImages(config.host, config.node_ip, config.image_cache, rooms.image)
        if config.hypervisor != "simulated":
            await images.start()
        super().__init__(config, _hypervisor(config, images), rooms, SystemClock())
        await self.start()
        self._beating = asyncio.create_task(self._for_ever(self.heartbeat, cloud.heartbeat_s))
        self._sweeping = asyncio.create_task(self._for_ever(self.strays.sweep, config.sweep_s))

    async def clear(self) -> None:
        """The cloud is taken down: what was prepared on this node goes, and this actor with it."""
        self._beating.cancel()
        self._sweeping.cancel()
        await self.close()
        await self.hypervisor.close()
        await asyncio.to_thread(worker.clear, self.config, _say_nothing)

    async def _for_ever(self, act: Callable[[], Awaitable[object]], every_s: float) -> None:
        while True:
            await asyncio.sleep(every_s)
            try:
                await act()
            except (ConnectionError, HostError) as error:
                log.warning("%s: %s", self.config.host, error)  # who is asked is away; the next time tries again


def _say_nothing(line: str) -> None:
    """Nobody reads along on a worker node."""


def _hypervisor(config: NodeConfig, images: NodeImages) -> Hypervisor:
    if config.hypervisor == "simulated":
        agent = reach.Agents()(names.node_of(config.host))
        return SimulatedHypervisor(config, agent, Random(config.simulated.seed))
    from actors.compute.libvirt.driver import LibvirtHypervisor  # libvirt is loaded only where it is used

    return LibvirtHypervisor(config, SystemClock(), images)

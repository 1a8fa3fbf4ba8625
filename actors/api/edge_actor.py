"""The REST edge by itself, on a node that should serve beside the head: it owns nothing and asks every room.

A node gets one by advertising the resource `edge`; where it listens is in the node's own file (`api_host`, `api_port`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import ray.util

from actors.clock import SystemClock
from actors.cluster import reach
from actors.cluster.collector import keep_memory_small
from actors.cluster.config import CloudConfig, NodeConfig
from actors.cluster.shell import Shell

if TYPE_CHECKING:
    from actors.image.service import ImageRoom
    from actors.network.service import NetworkRoom
    from actors.scheduler.service import Scheduler
    from actors.volume.service import VolumeRoom


class EdgeActor(Shell):
    async def __init__(self, cloud: CloudConfig, node: str) -> None:  # type: ignore[misc]  # Ray awaits it
        from actors.api.rest.door import open_door
        from actors.api.rest.rooms import EdgeRooms

        keep_memory_small()
        config = NodeConfig.of_this_node(node, ray.util.get_node_ip_address())
        rooms = EdgeRooms(
            cloud,
            await reach.verifier(),
            SystemClock(),
            reach.identity(),
            reach.api(),
            reach.conductor(),
            cast("Scheduler", reach.scheduler()),
            cast("ImageRoom", reach.image()),
            cast("NetworkRoom", reach.network()),
            cast("VolumeRoom", reach.volume()),
        )
        self._door = await open_door(rooms, config.api_host or config.node_ip, config.api_port)
        self.room = self._door

"""The network agent as a Ray actor: exactly one on each worker node, by the node's own resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ray.util

from actors.clock import SystemClock
from actors.cluster import reach
from actors.cluster.collector import keep_memory_small
from actors.cluster.config import CloudConfig, NodeConfig
from actors.cluster.shell import Shell
from actors.cluster.vital import vital

if TYPE_CHECKING:
    from actors.network.dataplane import Dataplane


class NetworkAgentActor(Shell):
    async def __init__(self, cloud: CloudConfig, node: str) -> None:  # type: ignore[misc]  # Ray awaits it
        from actors.compute import metadata
        from actors.network.agent import NetworkAgent

        keep_memory_small()
        config = NodeConfig.of_this_node(node, ray.util.get_node_ip_address())
        conductor = reach.conductor()

        async def documents(instance_id: str) -> dict[str, bytes]:
            found = await conductor.instance(instance_id)
            return metadata.documents(found.spec, instance_id, found.vifs, [])

        dataplane = _dataplane(config, cloud)
        told = documents if config.hypervisor != "simulated" else None  # nobody there would ask
        room = self.room = NetworkAgent(config, cloud, reach.network(), dataplane, SystemClock(), told)
        await room.start()
        for loop in room.loops:
            vital(loop)

    async def put_away(self) -> None:
        await self.room.stop(True)


def _dataplane(config: NodeConfig, cloud: CloudConfig) -> Dataplane:
    if config.hypervisor == "simulated":
        from actors.cluster.simulated_node import taps_of
        from actors.network.simulated import SimulatedDataplane

        return SimulatedDataplane(taps_of(config))
    from actors.network.linux import LinuxDataplane  # netlink is loaded only where it is used

    return LinuxDataplane(config, cloud)

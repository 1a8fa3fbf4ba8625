"""The network agent as a Ray actor: exactly one on each worker node, by the node's own resource."""

from __future__ import annotations

import ray.util

from actors.clock import SystemClock
from actors.cluster import reach
from actors.cluster.config import CloudConfig, NodeConfig
from actors.compute import metadata
from actors.network.agent import NetworkAgent
from actors.network.dataplane import Dataplane
from actors.network.simulated import SimulatedDataplane


class NetworkAgentActor(NetworkAgent):
    async def __init__(self, cloud: CloudConfig, node: str) -> None:  # type: ignore[misc]  # Ray awaits it
        config = NodeConfig.of_this_node(node, ray.util.get_node_ip_address())
        conductor = reach.conductor()

        async def documents(instance_id: str) -> dict[str, bytes]:
            found = await conductor.instance(instance_id)
            return metadata.documents(found.spec, instance_id, found.vifs, [])

        super().__init__(config, cloud, reach.network(), _dataplane(config, cloud), SystemClock(), documents)
        await self.start()


def _dataplane(config: NodeConfig, cloud: CloudConfig) -> Dataplane:
    if config.hypervisor == "simulated":
        return SimulatedDataplane()
    from actors.network.linux import LinuxDataplane  # netlink is loaded only where it is used

    return LinuxDataplane(config, cloud)

"""The supervisor: starts every service, and keeps one compute actor and one network agent on each worker node.

A detached actor on the head. It watches the nodes: one that joins gets its two actors, by the node's own resources
(`compute`, `network`), so that Ray itself allows exactly one of each; one that leaves has them retired, and the
conductor and the scheduler are told. Ray restarts any of these actors that dies; each loads its own rows again.
"""

from __future__ import annotations

import asyncio
import importlib
from dataclasses import dataclass
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors.cluster import names, reach
from actors.cluster.config import CloudConfig

LOOK_S = 0.5  # how often the nodes are looked at, at 2 ms of CPU each
READY_LIMIT_S = 120.0  # for all services to answer after they were started


@dataclass(frozen=True, slots=True)
class Service:
    name: str
    actor_class: str  # module:class, imported only in the actor's own process


SERVICES = (
    Service(names.CONDUCTOR, "actors.conductor.actor:ConductorActor"),
    Service(names.IDENTITY, "actors.identity.actor:IdentityActor"),
    Service(names.SCHEDULER, "actors.scheduler.actor:SchedulerActor"),
    Service(names.IMAGE, "actors.image.actor:ImageActor"),
    Service(names.NETWORK, "actors.network.actor:NetworkActor"),
    Service(names.VOLUME, "actors.volume.actor:VolumeActor"),
    Service(names.API, "actors.api.actor:ApiActor"),
)
COMPUTE = "actors.compute.actor:ComputeActor"
AGENT = "actors.network.agent_actor:NetworkAgentActor"


class Supervisor:
    async def __init__(self, cloud: CloudConfig) -> None:  # type: ignore[misc]  # Ray awaits it, also after a crash
        self._cloud = cloud
        self._nodes: dict[str, str] = {}  # node name → Ray's node id
        self._services = {service.name: _start(service, cloud) for service in SERVICES}
        self._look()
        self._watching = asyncio.create_task(self._watch())

    async def ready(self) -> list[str]:
        """Waits until every service and the actors of every node that is there now answer; these nodes' names."""
        nodes = sorted(self._nodes)  # one that joins while we wait is not ready yet
        actors = [*self._services.values(), *(self._node_actor(kind, node) for node in nodes for kind in _KINDS)]
        pings = [actor.__ray_ready__.remote() for actor in actors]
        await asyncio.wait_for(asyncio.gather(*pings), READY_LIMIT_S)
        return nodes

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            for node in self._look():
                await self._tell_left(node)

    def _look(self) -> list[str]:
        """Start actors on nodes that joined; retire those of nodes that left, whose names are returned."""
        alive = dict(worker_nodes())
        left = [node for node, node_id in self._nodes.items() if alive.get(node) != node_id]
        for node in left:
            del self._nodes[node]
            _retire(names.compute_name(node))
            _retire(names.agent_name(node))
        for node, node_id in alive.items():
            if node not in self._nodes:
                self._nodes[node] = node_id
                _start_on_node(AGENT, names.agent_name(node), names.NETWORK_RESOURCE, (self._cloud, node), node_id)
                _start_on_node(COMPUTE, names.compute_name(node), names.COMPUTE_RESOURCE, (self._cloud, node), node_id)
        return left

    async def _tell_left(self, node: str) -> None:
        hosts = await reach.conductor().node_left(node)
        await reach.scheduler().forget_hosts(hosts)
        await reach.network().forget_hosts([node])
        await reach.image().forget_hosts([node])

    def _node_actor(self, kind: Any, node: str) -> Any:
        return ray.get_actor(kind(node), namespace=names.NAMESPACE)


_KINDS = (names.compute_name, names.agent_name)


def worker_nodes() -> list[tuple[str, str]]:
    """(name, Ray's node id) of each living node that advertises the compute resource."""
    return [
        (node["Labels"].get(names.HOST_LABEL) or node["NodeManagerHostname"], node["NodeID"])
        for node in ray.nodes()
        if node["Alive"] and names.COMPUTE_RESOURCE in node["Resources"]
    ]


def _start(service: Service, cloud: CloudConfig) -> Any:
    """The services have their files on the head: each starts there, also again after a crash."""
    return _actor(service.actor_class, service.name, names.ON_THE_HEAD).remote(cloud)


def _start_on_node(actor_class: str, name: str, resource: str, arguments: tuple[CloudConfig, str], node_id: str) -> Any:
    there = NodeAffinitySchedulingStrategy(node_id=node_id, soft=False)
    return _actor(actor_class, name, {resource: 1}, there).remote(*arguments)


def _actor(actor_class: str, name: str, resources: dict[str, float], where: Any = "DEFAULT") -> Any:
    module, _, class_name = actor_class.partition(":")
    found = getattr(importlib.import_module(module), class_name)
    return ray.remote(found).options(
        name=name,
        namespace=names.NAMESPACE,
        lifetime="detached",
        get_if_exists=True,
        max_restarts=-1,
        max_task_retries=0,
        num_cpus=0,
        resources=resources,
        scheduling_strategy=where,
        enable_task_events=False,
    )


def _retire(name: str) -> None:
    try:
        ray.kill(ray.get_actor(name, namespace=names.NAMESPACE), no_restart=True)
    except ValueError:
        return  # gone already

"""The supervisor: starts every service, and keeps one compute actor and one network agent on each worker node, and a
REST edge on each node that should serve one (`edges.py`).

A detached actor on the head. It watches the nodes: one that joins gets its two actors, by the node's own resources
(`compute`, `network`), so that Ray itself allows exactly one of each; one that leaves has them retired, and the
others are told, also when the supervisor itself was away meanwhile. Ray restarts any of these actors that dies; each
loads its own rows again.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import ray
from ray.exceptions import ActorUnavailableError, ActorUnschedulableError, RayActorError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors.cluster import names, reach
from actors.cluster.config import CloudConfig
from actors.cluster.edges import Edges
from actors.cluster.evacuation import evacuate_later
from actors.cluster.vital import vital

LOOK_S = 0.5  # how often the nodes are looked at, at 1 ms of CPU each
LOOKS_A_CHECK = 10  # looks at the nodes between looks at whether every actor exists
PAUSE_S = 0.1  # between looks at whether a name is free again
READY_LIMIT_S = 120.0  # for all services to answer after they were started
JOIN_LIMIT_S = 15.0  # after a start, for the nodes that the conductor knows to be there

Answer = TypeVar("Answer")
log = logging.getLogger(__name__)


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
EDGE = "actors.api.edge_actor:EdgeActor"
AGENT = "actors.network.agent_actor:NetworkAgentActor"


class Supervisor:
    async def __init__(self, cloud: CloudConfig) -> None:  # type: ignore[misc]  # Ray awaits it, also after a crash
        self._cloud = cloud
        self._nodes: dict[str, str] = {}  # node name → Ray's node id
        self._leaving: dict[str, asyncio.Task[None]] = {}  # nodes whose leaving is being told; they join again later
        self._tasks: set[asyncio.Task[None]] = set()
        self._services = {service.name: _start(service, cloud) for service in SERVICES}
        self._edges = Edges(self._start_edge, _retire, _exists)
        self._look()
        self._edges.check()
        self._spawn(self._watch())
        self._spawn(self._miss())

    async def ready(self) -> list[str]:
        """Waits until every service and the actors of every node that is there now answer; these nodes' names."""
        nodes = sorted(self._nodes)  # one that joins while we wait is not ready yet
        actors = [*self._services.values(), *(_actor_of(kind, node) for node in nodes for kind in _KINDS)]
        await asyncio.wait_for(asyncio.gather(*map(_answer_of, actors)), READY_LIMIT_S)
        return nodes

    async def cloud_id(self) -> str:
        return self._cloud.cloud_id

    async def _watch(self) -> None:
        looks = 0
        while True:
            await asyncio.sleep(LOOK_S)
            looks += 1
            try:
                self._look()
                if looks % LOOKS_A_CHECK == 0:
                    self._check()
            except (RayError, ConnectionError, TimeoutError) as error:  # the head is away, and comes back
                log.warning("the nodes could not be looked at: %s", error)

    async def _miss(self) -> None:
        """Nodes that left while no supervisor watched: the conductor knows them, and they do not come."""
        await asyncio.sleep(JOIN_LIMIT_S)
        for node in await _surely(lambda: reach.conductor().present()):
            if node not in self._nodes and node not in self._leaving:
                self._leave(node)
        for node in await _surely(lambda: reach.conductor().left()):  # as long ago as that was
            if node not in self._leaving:
                self._spawn(self._evacuate(node))

    def _look(self) -> None:
        """Start actors on nodes that joined; retire those of nodes that left."""
        nodes = ray.nodes()
        self._edges.look(_advertising(names.EDGE_RESOURCE, nodes))
        alive = _advertising(names.COMPUTE_RESOURCE, nodes)
        for node, node_id in list(self._nodes.items()):
            if alive.get(node) != node_id:
                self._leave(node)
        for node, node_id in alive.items():
            if node not in self._nodes and node not in self._leaving:
                self._nodes[node] = node_id
                self._start_on_node(node, node_id)
                self._spawn(self._expect(node, node_id))

    def _check(self) -> None:
        """An actor whose start failed for good, since others were away too long, is started once more."""
        for service in SERVICES:
            if not _exists(service.name):
                self._services[service.name] = _start(service, self._cloud)
        self._edges.check()
        for node, node_id in self._nodes.items():
            if not all(_exists(kind(node)) for kind in _KINDS):
                self._start_on_node(node, node_id)

    def _start_on_node(self, node: str, node_id: str) -> None:
        arguments = (self._cloud, node)
        _start_on_node(AGENT, names.agent_name(node), names.NETWORK_RESOURCE, arguments, node_id)
        _start_on_node(COMPUTE, names.compute_name(node), names.COMPUTE_RESOURCE, arguments, node_id)

    def _start_edge(self, node: str, node_id: str) -> None:
        _start_on_node(EDGE, names.edge_name(node), names.EDGE_RESOURCE, (self._cloud, node), node_id)

    async def _expect(self, node: str, node_id: str) -> None:
        """Ray may answer with an actor that is bound to an earlier life of the node, and will never start."""
        where = await asyncio.gather(*(_whereabouts(kind(node)) for kind in _KINDS))
        if self._nodes.get(node) == node_id and set(where) != {node_id}:
            self._leave(node)

    def _leave(self, node: str) -> None:
        self._nodes.pop(node, None)
        for kind in _KINDS:
            _retire(kind(node))
        self._leaving[node] = self._spawn(self._tell_left(node))

    async def _tell_left(self, node: str) -> None:
        """Only when everybody knows, and the names of its actors are free, may it join again.

        The network room hears at once: what the conductor takes back must not wait for the agent that is gone.
        """
        hosts, _ = await asyncio.gather(
            _surely(lambda: reach.conductor().node_left(node)), _surely(lambda: reach.network().forget_hosts([node]))
        )
        await _surely(lambda: reach.scheduler().forget_hosts(hosts))
        await _surely(lambda: reach.image().forget_hosts([node]))
        while any(_exists(kind(node)) for kind in _KINDS):  # noqa: ASYNC110 - Ray tells nobody
            await asyncio.sleep(PAUSE_S)
        del self._leaving[node]
        self._spawn(self._evacuate(node))

    async def _evacuate(self, node: str) -> None:
        await evacuate_later(self._cloud, node, lambda: node in self._nodes)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return vital(task)


_KINDS = (names.compute_name, names.agent_name)


async def _surely(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """Asked again for as long as the room is away."""
    while True:
        try:
            return await ask()
        except ConnectionError as error:
            log.warning("asked again: %s", error)


async def _answer_of(actor: Any) -> None:
    """Returns when it answers; one that Ray is starting again is waited for, one that can't start is not."""
    while True:
        try:
            await actor.__ray_ready__.remote()
            return
        except ActorUnavailableError:
            await asyncio.sleep(PAUSE_S)


async def _whereabouts(name: str) -> str:
    """The id of the Ray node on which the actor runs; '' if it does not answer in time. One that dies comes back."""
    try:
        async with asyncio.timeout(READY_LIMIT_S):
            while True:
                try:
                    actor = ray.get_actor(name, namespace=names.NAMESPACE)
                    return str(await actor.__ray_call__.remote(_own_node_id))
                except RayActorError:
                    await asyncio.sleep(PAUSE_S)  # Ray starts it again
    except (ValueError, TimeoutError, ActorUnschedulableError):
        return ""


def _own_node_id(_: Any) -> str:
    return str(ray.get_runtime_context().get_node_id())


def _actor_of(kind: Callable[[str], str], node: str) -> Any:
    return ray.get_actor(kind(node), namespace=names.NAMESPACE)


def _exists(name: str) -> bool:
    try:
        ray.get_actor(name, namespace=names.NAMESPACE)
    except ValueError:
        return False
    return True


def worker_nodes() -> list[tuple[str, str]]:
    """(name, Ray's node id) of each living node that advertises the compute resource."""
    return list(_advertising(names.COMPUTE_RESOURCE, ray.nodes()).items())


def _advertising(resource: str, nodes: list[dict[str, Any]]) -> dict[str, str]:
    """Name → Ray's node id of each living node that advertises the resource; `nodes` as Ray tells them."""
    return {
        node["Labels"].get(names.HOST_LABEL) or node["NodeManagerHostname"]: node["NodeID"]
        for node in nodes
        if node["Alive"] and resource in node["Resources"]
    }


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

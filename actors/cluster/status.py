"""What runs, as a user wants to see it: from the cloud's own notes and from Ray."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import ray

from actors.cluster import bringup, names
from actors.cluster.config import CloudConfig, from_json
from actors.cluster.supervisor import SERVICES, worker_nodes

ANSWER_S = 3.0  # for an actor to say that it lives


class ActorStatus(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    state: str  # ALIVE, SILENT (it does not answer: starting or restarting), MISSING
    node: str  # '' = the head


class CloudStatus(msgspec.Struct, frozen=True, kw_only=True):
    home: str
    up: bool
    hypervisor: str = ""
    address: str = ""
    nodes: tuple[str, ...] = ()  # that are there now; of those that `up` started, actors are listed in any case
    actors: tuple[ActorStatus, ...] = ()
    servers: dict[str, int] = {}  # status → how many


def cloud_status(home: Path) -> CloudStatus:
    runtime = bringup.running(home)
    if runtime is None:
        return CloudStatus(home=str(home), up=False)
    if trouble := _lost_database(home):
        raise RuntimeError(trouble)
    from actors.cloud import Cloud

    with Cloud.connect(home) as cloud:
        nodes = tuple(sorted(name for name, _ in worker_nodes()))
        actors = _actors(sorted({*nodes, *(node.host for node in runtime.nodes)}))
        counts = Counter(server.status for server in cloud.servers())
    return CloudStatus(
        home=str(home),
        up=True,
        hypervisor=runtime.hypervisor,
        address=runtime.address,
        nodes=nodes,
        actors=actors,
        servers=dict(counts),
    )


def _lost_database(home: Path) -> str:
    """Why its conductor can't start: the database belongs to another cloud; '' = it does not."""
    file = CloudConfig(home=home).file
    cloud = from_json(CloudConfig, file.read_bytes()) if file.exists() else CloudConfig(home=home)
    if not cloud.cloud_id:
        return ""
    from actors.conductor.ownership import Identity, stranger

    return stranger(cloud.database, Identity(cloud.cloud_id, cloud.place))


def _actors(nodes: Sequence[str]) -> tuple[ActorStatus, ...]:
    """Every actor that should be there, asked all at once whether it answers."""
    wanted = [(names.SUPERVISOR, ""), *((service.name, "") for service in SERVICES)]
    wanted += [(name(node), node) for node in nodes for name in (names.agent_name, names.compute_name)]
    pings = {name: ping for name, _ in wanted if (ping := _ping(name)) is not None}
    answered, _ = ray.wait(list(pings.values()), num_returns=len(pings), timeout=ANSWER_S)
    return tuple(ActorStatus(name=name, node=node, state=_state(pings.get(name), answered)) for name, node in wanted)


def _ping(name: str) -> Any:
    try:
        return ray.get_actor(name, namespace=names.NAMESPACE).__ray_ready__.remote()
    except ValueError:
        return None


def _state(ping: Any, answered: list[Any]) -> str:
    if ping is None:
        return "MISSING"
    return "ALIVE" if ping in answered else "SILENT"

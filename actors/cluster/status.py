"""What runs, as a user wants to see it: from the cloud's own notes and from Ray."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import ray
from ray.util.state import list_actors

from actors.cluster import bringup, names
from actors.cluster.supervisor import SERVICES


class ActorStatus(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    state: str  # Ray's: ALIVE, RESTARTING, PENDING_CREATION, DEAD; or MISSING
    node: str
    pid: int
    restarts: int


class CloudStatus(msgspec.Struct, frozen=True, kw_only=True):
    home: str
    up: bool
    hypervisor: str = ""
    address: str = ""
    nodes: tuple[str, ...] = ()
    actors: tuple[ActorStatus, ...] = ()
    servers: dict[str, int] = {}  # status → how many


def cloud_status(home: Path) -> CloudStatus:
    runtime = bringup.running(home)
    if runtime is None:
        return CloudStatus(home=str(home), up=False)
    from actors.cloud import Cloud

    nodes = tuple(node.host for node in runtime.nodes)
    with Cloud.connect(home) as cloud:
        wanted = [names.SUPERVISOR, *(service.name for service in SERVICES)]
        wanted += [name(node) for node in nodes for name in (names.agent_name, names.compute_name)]
        actors = _actors(wanted)
        counts = Counter(server.status for server in cloud.servers())
    return CloudStatus(
        home=str(home),
        up=True,
        hypervisor=runtime.nodes[0].hypervisor,
        address=runtime.address,
        nodes=nodes,
        actors=actors,
        servers=dict(counts),
    )


def _actors(wanted: list[str]) -> tuple[ActorStatus, ...]:
    labels = {node["NodeID"]: node["Labels"].get(names.HOST_LABEL, "") for node in ray.nodes()}
    rows: list[Any] = list_actors(filters=[("ray_namespace", "=", names.NAMESPACE)], detail=True, limit=10_000)
    newest = {row.name: row for row in rows if row.state != "DEAD"}
    return tuple(_status(name, newest.get(name), labels) for name in wanted)


def _status(name: str, row: Any, labels: dict[str, str]) -> ActorStatus:
    if row is None:
        return ActorStatus(name=name, state="MISSING", node="", pid=0, restarts=0)
    restarts = int(row.num_restarts or 0)
    return ActorStatus(
        name=name, state=row.state, node=labels.get(row.node_id, ""), pid=row.pid or 0, restarts=restarts
    )

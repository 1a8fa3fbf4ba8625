"""What runs of a home's cloud, as `up` wrote it down, and how a process becomes a driver of it.

Written by `bringup.py` (a cloud with Ray of its own) and `join.py` (a cloud on a Ray cluster that was there); read by
every command and driver script. Invariant: the file is there from before the first thing is started until after the
last one is stopped.
"""

from __future__ import annotations

import os
from pathlib import Path

import ray
from msgspec import Struct
from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]  # Ray's compiled part

from actors.cluster import names, ray_node
from actors.cluster.config import HypervisorName, NodeConfig, from_json, to_json
from actors.cluster.ray_node import RayProcess


class Runtime(Struct, kw_only=True):
    address: str  # of the head's GCS, host:port
    dashboard: str
    hypervisor: HypervisorName = "simulated"
    processes: list[RayProcess]  # Ray's, that are ours to stop; none where the cloud joined a cluster
    nodes: list[NodeConfig]  # that are ours to clear up after
    authentication: dict[str, str] = {}  # variables that let a process talk to this Ray
    api: str = ""  # URL of the REST edge
    started_at: float


def runtime_file(home: Path) -> Path:
    return home / "runtime.json"


def read(home: Path) -> Runtime | None:
    file = runtime_file(home)
    return from_json(Runtime, file.read_bytes()) if file.exists() else None


def running(home: Path) -> Runtime | None:
    """The cloud of this home, if its head lives."""
    runtime = read(home)
    return runtime if runtime is not None and is_up(runtime) else None


def is_up(runtime: Runtime) -> bool:
    """Its head lives and answers: `ray start --block` stays when all that it started was told to end."""
    alive = not runtime.processes or ray_node.is_alive(runtime.processes[0].pid)
    return alive and ray_node.answers(runtime.address)


def save(home: Path, runtime: Runtime) -> None:
    runtime_file(home).write_bytes(to_json(runtime))


def connect(address: str, home: Path) -> None:
    """Make this process a driver of the cluster; nothing of Ray's own talk on the terminal."""
    if ray.is_initialized():
        return
    for name, value in ray_node.CALLING.items():
        os.environ.setdefault(name, value)
    runtime = running(home)
    if runtime is not None:
        authenticate(runtime.authentication)
    elif ray_node.AUTH_MODE not in os.environ:  # a job has them in its environment
        authenticate(ray_node.authentication(home))
    ray.init(address=address, namespace=names.NAMESPACE, log_to_driver=False, logging_level="ERROR")


def authenticate(variables: dict[str, str]) -> None:
    os.environ.update(variables)
    Config.initialize("")  # Ray read its settings when it was imported,
    AuthenticationTokenLoader.instance().reset_cache()  # and keeps the token of another home

"""Starts the supervisor, and through it every service; asks them to stop, and ends them.

Called by `bringup.py` and `join.py`, in a process that is a driver of the cluster. Both may be done twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import ray

from actors.cluster import names
from actors.cluster.config import CloudConfig

READY_LIMIT_S = 180.0  # for every service, and the nodes that are waited for
STOP_LIMIT_S = 30.0  # for one service to put away what it owns

Say = Callable[[str], None]


def start_services(cloud: CloudConfig, nodes: int, say: Say) -> None:
    """Returns when every service and at least `nodes` worker nodes serve. What runs already is left as it is."""
    from actors.cluster.supervisor import Supervisor

    handle = (
        ray.remote(Supervisor)
        .options(
            name=names.SUPERVISOR,
            namespace=names.NAMESPACE,
            lifetime="detached",
            get_if_exists=True,
            max_restarts=-1,
            num_cpus=0,
            resources=names.ON_THE_HEAD,
            enable_task_events=False,
        )
        .remote(cloud)
    )
    say("starting the services")
    deadline = time.monotonic() + READY_LIMIT_S
    while len(ray.get(handle.ready.remote(), timeout=READY_LIMIT_S)) < nodes:
        if time.monotonic() > deadline:
            raise RuntimeError(f"not all of the {nodes} nodes came up within {READY_LIMIT_S:g} s")
        time.sleep(0.2)  # a node that starts announces itself to Ray, not to us


def claim_database(cloud: CloudConfig, say: Say, by_force: bool) -> None:
    """Raises RuntimeError where it belongs to another cloud, unless `by_force`. One that does not answer may do so when
    the conductor asks it, which looks as well."""
    if not cloud.cloud_id:
        return
    from actors.conductor.ownership import Identity, UnknownOwnerError, claim

    try:
        claim(cloud.database, Identity(cloud.cloud_id, cloud.place), say, by_force)
    except UnknownOwnerError as error:
        if by_force:
            raise
        say(str(error))


def running_cloud() -> str | None:
    """The id of the cloud that this Ray has already; None where it has none."""
    try:
        supervisor: Any = ray.get_actor(names.SUPERVISOR, namespace=names.NAMESPACE)
    except ValueError:
        return None
    asked = getattr(supervisor, "cloud_id", None)  # one of an earlier version can't be asked
    return str(ray.get(asked.remote(), timeout=READY_LIMIT_S)) if asked is not None else ""


def ask_to_stop(nodes: Sequence[str], say: Say) -> None:
    """Those who own things outside the database put them away; one that can't answer is cleared up after."""
    say("stopping the services")
    for node in nodes:
        put_away(names.agent_name(node), say)
    put_away(names.VOLUME, say)


def put_away(name: str, say: Say) -> None:
    try:
        actor: Any = ray.get_actor(name, namespace=names.NAMESPACE)
        ray.get(actor.put_away.remote(), timeout=STOP_LIMIT_S)
    except (ValueError, ray.exceptions.RayError) as error:
        say(f"{name} could not put away what it owns: {type(error).__name__}")


def end(name: str) -> None:
    """Kill the actor for good; does nothing if it is gone."""
    try:
        ray.kill(ray.get_actor(name, namespace=names.NAMESPACE), no_restart=True)
    except ValueError:
        return

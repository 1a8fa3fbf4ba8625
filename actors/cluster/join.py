"""A cloud on a Ray cluster that is there already: `ray up cluster.yaml`, a cluster of the user's own, a managed one.

`join` starts the services on the cluster's head, and worker nodes come as they join Ray; `leave` takes the cloud's
actors away again and leaves Ray running. Both may be run twice.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import ray

from actors.cluster import edge_port, identity, names, ray_node, runtime
from actors.cluster.clouds_file import write_clouds_file
from actors.cluster.config import CloudConfig, to_json
from actors.cluster.runtime import Runtime
from actors.cluster.services import (
    Say,
    ask_to_stop,
    claim_database,
    end,
    put_away,
    running_cloud,
    start_services,
)
from actors.cluster.supervisor import SERVICES, worker_nodes

AUTHENTICATION = (ray_node.AUTH_MODE, ray_node.AUTH_TOKEN_PATH)  # kept for later commands; a token itself is not


def join(cloud: CloudConfig, address: str, nodes: int, say: Say, take_database: bool = False) -> Runtime:
    """Start the cloud on the cluster at `address` ('auto' = this machine's); returns when `nodes` workers serve."""
    already = runtime.running(cloud.home)
    if already is not None and already.processes:
        raise RuntimeError(f"{cloud.home} has a cloud with a Ray of its own already; stop it with `novaray down`")
    cloud.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    cloud = edge_port.settled(cloud)
    if ray.is_initialized():
        raise RuntimeError("this process is connected to a Ray cluster already")
    try:
        context = ray.init(address=address, namespace=names.NAMESPACE, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, ray.exceptions.RayError) as error:
        raise RuntimeError(f"no Ray cluster answers at {address}: {error}") from None
    say(f"joined Ray at {context.address_info['gcs_address']}")
    known = running_cloud()
    cloud = identity.settled(cloud, known or "")
    if known is None or take_database:
        claim_database(cloud, say, take_database)
    cloud.file.write_bytes(to_json(cloud))
    joined = Runtime(
        address=context.address_info["gcs_address"],
        dashboard=_url(context.address_info.get("webui_url") or ""),
        hypervisor=cloud.hypervisor,
        processes=[],
        nodes=[],
        authentication={name: os.environ[name] for name in AUTHENTICATION if name in os.environ},
        api=cloud.api_url,
        started_at=already.started_at if already else time.time(),
    )
    runtime.save(cloud.home, joined)
    start_services(cloud, nodes, say)
    write_clouds_file(cloud)
    return joined


def leave(joined: Runtime, home: Path, say: Say) -> None:
    """Stop the cloud's services on every node; its Ray, the database and the images stay."""
    if not runtime.is_up(joined):
        return
    runtime.connect(joined.address, home)
    nodes = [name for name, _ in worker_nodes()]
    ask_to_stop(nodes, say)
    end(names.SUPERVISOR)  # first: it would start the others again
    for node in nodes:
        put_away(names.compute_name(node), say)
    for name in (*(kind(node) for node in nodes for kind in (names.compute_name, names.agent_name)), *_services()):
        end(name)


def _services() -> list[str]:
    """Those who write to the conductor before the conductor."""
    return [service.name for service in reversed(SERVICES)]


def _url(host_and_port: str) -> str:
    return f"http://{host_and_port}" if host_and_port else ""

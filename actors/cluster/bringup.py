"""One command up, one command down: a whole cloud on this machine.

`up` writes the configuration, prepares each node (its namespace and hypervisor daemon, when it has a real one), starts
Ray, the supervisor and through it every service, and puts in what a first user needs. `down` takes all of it away
again but the state in the home folder. Both may be run twice.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import ray
from pydantic import BaseModel
from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]  # Ray's compiled part
from ray.util import get_node_ip_address

from actors.cluster import names, ray_node
from actors.cluster.config import CloudConfig, HypervisorName, NodeConfig, SimulatedConfig
from actors.cluster.ray_node import HeadOptions, RayProcess

READY_LIMIT_S = 180.0
STOP_LIMIT_S = 30.0
UNDERLAY = "172.31.{high}.{low}"  # addresses of nodes inside their own namespaces only

Say = Callable[[str], None]


class UpOptions(BaseModel):
    nodes: int = 1
    hypervisor: HypervisorName = "libvirt"
    simulated: SimulatedConfig = SimulatedConfig()
    dashboard: bool = True
    database_url: str = ""


class Runtime(BaseModel):
    """What is running, as `up` wrote it down."""

    address: str
    dashboard: str
    processes: list[RayProcess]
    nodes: list[NodeConfig]
    started_at: float


def runtime_file(home: Path) -> Path:
    return home / "runtime.json"


def running(home: Path) -> Runtime | None:
    """The cloud of this home, if its head lives."""
    file = runtime_file(home)
    if not file.exists():
        return None
    runtime = Runtime.model_validate_json(file.read_bytes())
    return runtime if ray_node.is_alive(runtime.processes[0].pid) else None


def up(cloud: CloudConfig, options: UpOptions, say: Say) -> Runtime:
    """Bring the cloud up and wait until it serves; returns what runs. One that is up already is left as it is."""
    already = running(cloud.home)
    if already is not None:
        return already
    cloud.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    cloud.file.write_text(cloud.model_dump_json(indent=2))
    nodes = [_node_config(cloud, options, index) for index in range(1, options.nodes + 1)]
    files = [_write_node(node) for node in nodes]
    head = ray_node.start_head(
        cloud.home, nodes[0].host, files[0], HeadOptions(node_ip=get_node_ip_address(), dashboard=options.dashboard)
    )
    runtime = Runtime(
        address=head.address, dashboard=head.dashboard, processes=[head], nodes=nodes, started_at=time.time()
    )
    _save(cloud, runtime)
    say(f"starting Ray at {head.address}")
    with ThreadPoolExecutor(max_workers=len(nodes)) as pool:
        prepared = [pool.submit(_prepare_node, node, say) for node in nodes]
        ray_node.await_address(head, cloud.home / "logs" / f"ray-{head.node}.log")
        for node, file in zip(nodes[1:], files[1:], strict=True):
            runtime.processes.append(ray_node.start_worker(cloud.home, node.host, file, head))
            _save(cloud, runtime)
        for one in prepared:
            one.result()
    connect(runtime.address, cloud.home)
    _start_supervisor(cloud, options.nodes, say)
    return runtime


def connect(address: str, home: Path) -> None:
    """Make this process a driver of the cluster; nothing of Ray's own talk on the terminal."""
    if ray.is_initialized():
        return
    if ray_node.AUTH_MODE not in os.environ or running(home) is not None:  # a job has them in its environment
        os.environ.update(ray_node.authentication(home))
        Config.initialize("")  # Ray read its settings when it was imported,
        AuthenticationTokenLoader.instance().reset_cache()  # and keeps the token of another home
    ray.init(address=address, namespace=names.NAMESPACE, log_to_driver=False, logging_level="ERROR")


def _start_supervisor(cloud: CloudConfig, nodes: int, say: Say) -> None:
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


def _node_config(cloud: CloudConfig, options: UpOptions, index: int) -> NodeConfig:
    host = f"node-{index}"
    cell = int(ray_node.home_id(cloud.home), 16) % 200
    return NodeConfig(
        host=host,
        home=cloud.nodes / host,
        hypervisor=options.hypervisor,
        simulated=options.simulated,
        netns=f"nvr-{ray_node.home_id(cloud.home)}-n{index}" if options.hypervisor == "libvirt" else "",
        underlay_ip=UNDERLAY.format(high=cell, low=index),
        underlay_device="underlay0",
    )


def _write_node(node: NodeConfig) -> Path:
    node.home.mkdir(parents=True, exist_ok=True)
    file = node.home / "node.json"
    file.write_text(node.model_dump_json(indent=2))
    return file


def _prepare_node(node: NodeConfig, say: Say) -> None:
    """The node's namespace and its hypervisor daemon; nothing where hypervisors are simulated."""
    if node.hypervisor == "simulated":
        return
    from actors.compute.libvirt.daemon import await_daemon, start_daemon
    from actors.network.node_network import make_node_network

    say(f"starting libvirt for {node.host}")
    make_node_network(node)
    start_daemon(node)
    await_daemon(node, READY_LIMIT_S)


def down(home: Path, say: Say, purge: bool = False) -> None:
    """Stop everything that `up` started; with `purge` remove the home folder too."""
    file = runtime_file(home)
    if file.exists():
        runtime = Runtime.model_validate_json(file.read_bytes())
        _stop_services(runtime, home, say)
        if ray.is_initialized():
            ray.shutdown()
        say("stopping Ray")
        for process in reversed(runtime.processes):
            ray_node.stop(process)
        for node in runtime.nodes:
            _clear_node(node, say)
        ray_node.forget(runtime.processes[0])
        file.unlink()
    if purge:
        shutil.rmtree(home, ignore_errors=True)


def _stop_services(runtime: Runtime, home: Path, say: Say) -> None:
    """Ask those who own things outside the database to put them away; one that can't answer is cleared up after."""
    if not ray_node.is_alive(runtime.processes[0].pid):
        return
    say("stopping the services")
    connect(runtime.address, home)
    owners = [names.agent_name(node.host) for node in runtime.nodes]
    for name, method, argument in [*((owner, "stop", True) for owner in owners), (names.VOLUME, "close", True)]:
        try:
            actor = ray.get_actor(name, namespace=names.NAMESPACE)
            ray.get(getattr(actor, method).remote(argument), timeout=STOP_LIMIT_S)
        except (ValueError, ray.exceptions.RayError) as error:
            say(f"{name} could not be asked to stop: {type(error).__name__}")


def _clear_node(node: NodeConfig, say: Say) -> None:
    if node.hypervisor == "simulated":
        return
    from actors.compute.libvirt.daemon import stop_daemon
    from actors.network.node_network import remove_node_network

    say(f"stopping libvirt of {node.host}")
    stop_daemon(node)
    remove_node_network(node)


def _save(cloud: CloudConfig, runtime: Runtime) -> None:
    runtime_file(cloud.home).write_text(runtime.model_dump_json(indent=2))

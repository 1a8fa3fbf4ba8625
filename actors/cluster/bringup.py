"""One command up, one command down: a whole cloud on this machine.

`up` writes the configuration, prepares each node (its namespace and hypervisor daemon, when it has a real one), starts
Ray, the supervisor and through it every service, and puts in what a first user needs. `down` takes all of it away
again but the state in the home folder. Both may be run twice.
"""

from __future__ import annotations

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import ray
from ray.util import get_node_ip_address

from actors.cluster import edge_port, identity, join, node, ray_node
from actors.cluster.clouds_file import write_clouds_file
from actors.cluster.config import (
    CloudConfig,
    ConfigError,
    HypervisorName,
    NodeConfig,
    SimulatedConfig,
    from_json,
    to_json,
)
from actors.cluster.ray_node import HeadOptions
from actors.cluster.runtime import Runtime, connect, is_up, read, running, runtime_file, save
from actors.cluster.services import Say, ask_to_stop, claim_database, start_services
from actors.network import external

__all__ = ["Runtime", "UpOptions", "connect", "down", "running", "up"]

JOIN_LIMIT_S = 180.0  # for the head's node to be there
UNDERLAY = "172.31.{high}.{low}"  # addresses of nodes inside their own namespaces only


@dataclass(frozen=True, slots=True)
class UpOptions:
    nodes: int = 1
    hypervisor: HypervisorName = "libvirt"
    simulated: SimulatedConfig = field(default_factory=SimulatedConfig)
    dashboard: bool = True
    database_url: str = ""
    take_database: bool = False  # also from another cloud that runs
    external_cidr: str = ""  # of a network in which floating IPs reach guests from this machine; '' = none


def up(cloud: CloudConfig, options: UpOptions, say: Say) -> Runtime:
    """Bring the cloud up and wait until it serves; returns what runs. One that is up already is left as it is, and one
    of which nodes died, the head or all of them, is healed: what `options` say is for a new one."""
    already = read(cloud.home)
    if already is not None and already.processes:
        claim_database(from_json(CloudConfig, cloud.file.read_bytes()), say, options.take_database)
        return _heal(cloud, already, say)
    if already is not None and is_up(already):
        return already  # it has joined a Ray that is not ours
    _check_external(options)
    cloud.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    cloud = identity.settled(edge_port.settled(cloud))
    claim_database(cloud, say, options.take_database)
    cloud.file.write_bytes(to_json(cloud))
    nodes = [_node_config(cloud, options, index) for index in range(1, options.nodes + 1)]
    files = [_write_node(one) for one in nodes]
    head = ray_node.start_head(
        cloud.home, nodes[0].host, files[0], HeadOptions(node_ip=get_node_ip_address(), dashboard=options.dashboard)
    )
    runtime = Runtime(
        address=head.address,
        dashboard=head.dashboard,
        hypervisor=options.hypervisor,
        processes=[head],
        nodes=nodes,
        authentication=ray_node.authentication(cloud.home),
        api=cloud.api_url,
        started_at=time.time(),
    )
    save(cloud.home, runtime)
    say(f"starting Ray at {head.address}")
    with ThreadPoolExecutor(max_workers=len(nodes)) as pool:
        prepared = [pool.submit(node.prepare, one, say) for one in nodes]
        ray_node.await_address(head, cloud.home / "logs" / f"ray-{head.node}.log")
        for worker, file in zip(nodes[1:], files[1:], strict=True):
            runtime.processes.append(ray_node.start_worker(cloud.home, worker.host, file, head))
            save(cloud.home, runtime)
        for one in prepared:
            one.result()
    _join(runtime, cloud.home)
    start_services(cloud, options.nodes, say)
    write_clouds_file(cloud)
    return runtime


def _check_external(options: UpOptions) -> None:
    """Before anything is made. Raises `ConfigError`."""
    if options.external_cidr:
        try:
            (external.checked if options.hypervisor == "simulated" else external.check_free)(options.external_cidr)
        except ValueError as error:
            raise ConfigError(str(error)) from None


def _heal(cloud: CloudConfig, known: Runtime, say: Say) -> Runtime:
    """Start those nodes again that nobody keeps any more. The head goes on from its state on disk, at its address."""
    configs = {one.host: one for one in known.nodes}
    for index, process in enumerate(known.processes):
        if not ray_node.is_kept(process):
            say(f"starting {process.node} again")
            ray_node.stop(process)  # what its keeper left; guests live on, and are found again
            node.prepare(configs[process.node], say)
            known.processes[index] = ray_node.start_again(cloud.home, process)
            save(cloud.home, known)
    head = known.processes[0]
    ray_node.await_address(head, cloud.home / "logs" / f"ray-{head.node}.log")
    _join(known, cloud.home)
    start_services(cloud, len(known.processes), say)
    return known


def _join(runtime: Runtime, home: Path) -> None:
    """The head answers some time before its node can be joined, and a start that took too long is tried again."""
    deadline = time.monotonic() + JOIN_LIMIT_S
    while True:
        try:
            connect(runtime.address, home)
            return
        except ConnectionError:
            if time.monotonic() >= deadline:
                raise


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
        physical_networks={external.PHYSICAL_NETWORK: external.DEVICE} if options.external_cidr else {},
        external_cidr=options.external_cidr,
    )


def _write_node(config: NodeConfig) -> Path:
    config.home.mkdir(parents=True, exist_ok=True)
    file = config.home / "node.json"
    file.write_bytes(to_json(config))
    return file


def down(home: Path, say: Say, purge: bool = False) -> None:
    """Stop everything that `up` started; with `purge` remove the home folder too."""
    runtime = read(home)
    if runtime is not None:
        if runtime.processes:
            _stop(runtime, home, say)
        else:
            join.leave(runtime, home, say)
        if ray.is_initialized():
            ray.shutdown()
        runtime_file(home).unlink()
    if purge:
        shutil.rmtree(home, ignore_errors=True)


def _stop(runtime: Runtime, home: Path, say: Say) -> None:
    if is_up(runtime):
        try:
            connect(runtime.address, home)
        except ConnectionError as error:  # Ray is half dead: nobody can be asked, and all of it is cleared up after
            say(f"the services can't be asked to stop: {error}")
        else:
            ask_to_stop([one.host for one in runtime.nodes], say)
    if ray.is_initialized():
        ray.shutdown()
    say("stopping Ray")
    for process in reversed(runtime.processes):
        ray_node.stop(process)
    for one in runtime.nodes:
        node.clear(one, say)
    if runtime.hypervisor != "simulated":
        node.end_volume_exports(CloudConfig(home=home).volumes)
    ray_node.forget(home, runtime.processes[0])

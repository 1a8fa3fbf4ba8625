"""Ray's own processes of one cloud on this machine: the head, and further nodes, each under a keeper of its own.

The keeper (`keeper.py`) starts its node and starts again what of it dies. A cloud is stopped by the process ids that it
wrote down and the node's file in the environment of each, and never touches another Ray cluster on the machine.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct, structs

from actors.cluster import keeper, ray_hook
from actors.cluster.config import NODE_FILE_VARIABLE
from actors.cluster.keeper import descendants, is_alive
from actors.cluster.names import COMPUTE_RESOURCE, HOST_LABEL, NETWORK_RESOURCE
from actors.cluster.ports import free_ports

__all__ = ["RayProcess", "descendants", "is_alive"]

WORKER = {COMPUTE_RESOURCE: 1, NETWORK_RESOURCE: 1}  # what a worker node advertises
START_LIMIT_S = 60.0  # for a node to answer
STOP_LIMIT_S = 2.0  # for a node's processes to end after SIGTERM
OBJECT_STORE_BYTES = 200 * 1024 * 1024  # nothing big travels through it
SHORT_ENOUGH = 40  # characters of a folder under which Ray's socket paths stay below the kernel's 107

CALLING = {  # of every process that calls an actor, drivers too
    "RAY_max_direct_call_object_size": str(4 << 20),  # batches are inline: the object store would be a detour
    "RAY_timeout_ms_task_wait_for_death_info": "0",  # a call to an actor that died fails at once, not 1 to 2 s later
}
LEAN = {  # Ray's own settings: no spare workers, a dead node is noticed in seconds, little is done while nobody asks
    "RAY_enable_worker_prestart": "0",
    "RAY_prestart_worker_first_driver": "0",
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "2500",  # a dead node refuses at once; one that is only overloaded has this time
    "RAY_health_check_failure_threshold": "3",
    "RAY_task_events_report_interval_ms": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_memory_monitor_refresh_ms": "2000",
    "RAY_raylet_report_resources_period_milliseconds": "500",
    "RAY_debug_dump_period_milliseconds": "600000",
    "REPORTER_UPDATE_INTERVAL_MS": "60000",
    "METRICS_RECORD_INTERVAL_S": "60",  # the dashboard adds up the memory of each of its nine processes
    "SCAN_EVENT_DIR_INTERVAL_SECONDS": "60",  # and looks for files of events, which no node here writes
    "RAY_START_HOOK": f"{ray_hook.__name__}.{ray_hook.prepare.__name__}",
    **CALLING,
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),  # a batch is a megabyte: it takes memory that was used before,
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),  # and what is free goes back by and by (collector.py), not at once
    "MALLOC_ARENA_MAX": "1",  # each of Ray's threads would get memory of its own, and there are dozens in a process
    "RAY_DEDUP_LOGS": "0",
}


AUTH_MODE = "RAY_AUTH_MODE"
AUTH_TOKEN_PATH = "RAY_AUTH_TOKEN_PATH"


def authentication(home: Path) -> dict[str, str]:
    """The variables that let a process talk to this home's Ray: its token is made once, and its owner's alone."""
    file = home / "ray-token"
    if not file.exists():
        fresh = file.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_hex(32))
        fresh.replace(file)
    return {AUTH_MODE: "token", AUTH_TOKEN_PATH: str(file)}


class RayProcess(Struct, frozen=True, kw_only=True):
    """One Ray node that this cloud owns."""

    node: str
    pid: int  # its keeper's
    file: Path  # the node's settings
    address: str  # of the head's GCS, host:port
    dashboard: str = ""  # http://host:port where there is one
    folder: Path  # Ray's temporary folder
    arguments: list[str]  # of its `ray start`


@dataclass(frozen=True, slots=True)
class HeadOptions:
    node_ip: str  # Ray's drivers turn a loopback address into this machine's own, so it must be that one
    dashboard: bool = True
    worker: bool = True  # the head is a worker node too


def start_head(home: Path, node: str, node_file: Path, options: HeadOptions) -> RayProcess:
    """Start the head; returns at once. Wait with `await_address`."""
    folder = ray_folder(home)
    shutil.rmtree(state_folder(home), ignore_errors=True)  # of a cloud that is no more
    port, dashboard_port = free_ports(options.node_ip, 2)
    arguments = [
        "--head",
        f"--port={port}",
        f"--temp-dir={folder}",
        "--no-monitor",  # none: the nodes of such a cloud are as many as were asked for
        f"--include-dashboard={'true' if options.dashboard else 'false'}",
        f"--dashboard-host={options.node_ip}",
        f"--dashboard-port={dashboard_port}",
    ]
    head = RayProcess(
        node=node,
        pid=0,
        file=node_file,
        address=f"{options.node_ip}:{port}",
        dashboard=f"http://{options.node_ip}:{dashboard_port}" if options.dashboard else "",
        folder=folder,
        arguments=[*arguments, *_node_arguments(options.node_ip, node, WORKER if options.worker else {})],
    )
    return start_again(home, head)


def start_worker(
    home: Path, node: str, node_file: Path, head: RayProcess, resources: Mapping[str, int] = WORKER
) -> RayProcess:
    """A further node; what it advertises says which actors it gets."""
    ip = head.address.rpartition(":")[0]
    arguments = [f"--address={head.address}", *_node_arguments(ip, node, resources)]
    worker = RayProcess(node=node, pid=0, file=node_file, address=head.address, folder=head.folder, arguments=arguments)
    return start_again(home, worker)


def start_again(home: Path, process: RayProcess) -> RayProcess:
    """The node as it was started before: a head finds its state on disk, and others find it at its old address."""
    process.folder.mkdir(parents=True, exist_ok=True)
    pid = _start(home, process)
    return structs.replace(process, pid=pid)


def _node_arguments(node_ip: str, node: str, resources: Mapping[str, int]) -> list[str]:
    return [
        f"--node-ip-address={node_ip}",
        f"--object-store-memory={OBJECT_STORE_BYTES}",
        f"--resources={json.dumps(dict(resources))}",
        f"--labels={HOST_LABEL}={node}",
        "--dashboard-agent-listen-port=0",  # any: its fixed one could be another cloud's, and then no job is taken
        "--include-log-monitor=false",  # it reads all logs all the time, to print them on drivers that do not ask
        "--disable-usage-stats",
    ]


def _start(home: Path, wanted: RayProcess) -> int:
    log = home / "logs" / f"ray-{wanted.node}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    scratch = ray_folder(home) / "tmp"  # Ray's killed processes leave sockets where they keep temporary files
    scratch.mkdir(parents=True, exist_ok=True)
    ours = {NODE_FILE_VARIABLE: str(wanted.file), "NOVARAY_HOME": str(home), "TMPDIR": str(scratch)}
    on_disk = {"RAY_gcs_storage": "rocksdb", "RAY_gcs_storage_path": str(state_folder(home))}
    environment = os.environ | LEAN | on_disk | authentication(home) | ours
    program = Path(sys.executable).with_name("ray")
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", keeper.__name__, wanted.node, program, "start", *wanted.arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return process.pid


def await_address(process: RayProcess, log: Path) -> None:
    """Wait until the head's GCS takes connections; raises RuntimeError with the end of its log if it ended."""
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        if not is_alive(process.pid):
            break
        if answers(process.address):
            return
        time.sleep(0.1)  # the only way to know: Ray tells nobody when it listens
    tail = log.read_text(errors="replace")[-2000:] if log.exists() else ""
    raise RuntimeError(f"Ray did not start within {START_LIMIT_S:g} s:\n{tail}")


def answers(address: str) -> bool:
    """Does a GCS take connections there?"""
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((host, int(port))) == 0


def stop(process: RayProcess) -> None:
    """End the node and all of Ray that runs for it; does nothing if it is gone, also if its pid is another's by now.

    Its keeper ends first, so that nothing is started again; a node whose keeper was killed is found by its settings.
    """
    family = _family(process)
    for pid in family:
        _signal(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_LIMIT_S
    while time.monotonic() < deadline and any(is_alive(pid) for pid in family):
        time.sleep(0.05)  # they are no children of ours, so nobody tells when they have ended
    for pid in family:
        _signal(pid, signal.SIGKILL)


def _family(process: RayProcess) -> list[int]:
    """The keeper, every process of Ray's that was told of this node's settings, and what of Ray's is below these.

    Below: a process that gave itself a title has written it over its settings, as Ray's agents do.
    """
    mark = os.fsencode(process.file)
    found = [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]
    rays = [pid for pid in found if keeper.is_rays(pid) and keeper.environment_of(pid).get(_NODE_FILE) == mark]
    roots = [*([process.pid] if is_kept(process) else []), *rays]
    below = [pid for root in roots for pid in keeper.descendants(root) if keeper.is_rays(pid)]
    return list(dict.fromkeys([*roots, *below]))


def is_kept(process: RayProcess) -> bool:
    """Does its keeper live?"""
    return is_alive(process.pid) and keeper.__name__.encode() in keeper.words_of(process.pid)


_NODE_FILE = NODE_FILE_VARIABLE.encode()


def forget(home: Path, head: RayProcess) -> None:
    """Remove Ray's temporary files, and what the head knew of its cluster."""
    shutil.rmtree(head.folder, ignore_errors=True)
    shutil.rmtree(state_folder(home), ignore_errors=True)


def ray_folder(home: Path) -> Path:
    """Ray keeps unix sockets here, whose paths must be short: a deep home gets a short stand-in."""
    if len(str(home)) <= SHORT_ENOUGH:
        return home / "ray"
    return Path(tempfile.gettempdir()) / f"novaray-{home_id(home)}"


def state_folder(home: Path) -> Path:
    """Where the head keeps which nodes and actors there are."""
    return home / "gcs"


def home_id(home: Path) -> str:
    """Six hex digits that tell clouds on one machine apart."""
    return hashlib.sha256(str(home).encode()).hexdigest()[:6]


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return

"""`ray up cluster.yaml`, a job, `ray down`: the repository's own file, on machines that are processes of this one.

Only what a machine of its own would not need is changed in the file: the provider, paths below a temporary folder,
free ports, this machine's address.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.util import get_node_ip_address

from actors.cluster.ports import free_ports
from benchmarks.cluster import ROWS
from benchmarks.storm import BOOTS
from tests.cluster.local_provider import processes
from tests.running import FOREIGN

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent
UP_LIMIT_S = 240.0
HOSTS = 5  # simulated on each worker
STORM = 50  # boots in flight
DEFAULTS: dict[str, Any] = {  # Ray has them for the providers it knows
    "head_setup_commands": [],
    "initialization_commands": [],
    "cluster_synced_files": [],
    "docker": {},
    "idle_timeout_minutes": 5,
    "upscaling_speed": 1.0,
}


@dataclass(frozen=True, slots=True)
class Cluster:
    folder: Path
    address: str
    dashboard: str

    @property
    def file(self) -> Path:
        return self.folder / "cluster.yaml"

    @property
    def home(self) -> Path:
        return self.folder / "state"

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        kept["XDG_CACHE_HOME"] = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        user = {"HOME": str(self.folder / "user"), "PYTHONPATH": str(ROOT), "RAY_AUTH_MODE": "token"}
        return kept | user | {"NOVARAY_HOME": str(self.home)}

    def run(self, *command: str) -> str:
        done = subprocess.run(
            [PROGRAMS / command[0], *command[1:]],
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=UP_LIMIT_S,
            cwd=ROOT,
        )
        logs = "\n".join(log.read_text(errors="replace")[-3_000:] for log in self.folder.glob("machines/*/log"))
        assert done.returncode == 0, f"{command}: {done.stdout[-5000:]}\n{done.stderr[-5000:]}\n{logs}"
        return done.stdout


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="nvy-", dir="/tmp"))
    try:
        made = written(folder)
        try:
            made.run("ray", "up", "-y", "--no-config-cache", str(made.file))
            yield made
        finally:
            made.run("ray", "down", "-y", str(made.file))
            left = [pid for machine in folder.glob("machines/*") for pid in processes(machine)]
        assert left == []
    finally:
        shutil.rmtree(folder)


def written(folder: Path) -> Cluster:
    """The repository's cluster.yaml, for machines below the folder."""
    ip = get_node_ip_address()
    port, dashboard_port, client_port = free_ports(ip, 3)
    text = (ROOT / "cluster.yaml").read_text()
    for theirs, ours in (
        ("/opt/novaray/.venv/bin", str(PROGRAMS)),
        ("/opt/novaray/novaray", str(PROGRAMS / "novaray")),
        ("/etc/novaray", str(folder / "etc")),
        ("/var/lib/novaray", str(folder / "state")),
        ("--hypervisor libvirt", "--hypervisor simulated"),
        ("ray start --head --port=6379", f"ray start --head --port={port} {head_options(folder, dashboard_port)}"),
        ("--address auto", f"--address {ip}:{port}"),  # this machine may have other clusters
        ("--address=$RAY_HEAD_IP:6379", f"--address=$RAY_HEAD_IP:{port}"),
        (
            "ray start ",
            f"ray start {own_address(ip, client_port)} ",
        ),
    ):
        assert theirs in text, theirs
        text = text.replace(theirs, ours)
    config = DEFAULTS | yaml.safe_load(text)
    provider = {"type": "external", "module": "tests.cluster.local_provider.LocalProvider", "ip": ip}
    config["provider"] = provider | {"folder": str(folder / "machines")}
    config["auth"] = {}
    del config["file_mounts"]["/opt/novaray"]
    config["file_mounts"]["~/.ray/auth_token"] = str(token(folder / "user"))
    made = Cluster(folder, f"{ip}:{port}", f"http://{ip}:{dashboard_port}")
    made.file.write_text(yaml.safe_dump(config))
    (folder / "etc").mkdir()
    (folder / "etc" / "node.json").write_text(json.dumps({"hypervisor": "simulated", "simulated": {"hosts": HOSTS}}))
    return made


def own_address(ip: str, client_port: int) -> str:
    return f"--node-ip-address={ip} --ray-client-server-port={client_port} --dashboard-agent-listen-port=0"


def head_options(folder: Path, dashboard_port: int) -> str:
    return f"--temp-dir={folder / 'ray'} --dashboard-host=0.0.0.0 --dashboard-port={dashboard_port}"


def token(home: Path) -> Path:
    file = home / ".ray" / "auth_token"
    file.parent.mkdir(parents=True)
    file.touch(mode=0o600)
    file.write_text(secrets.token_hex(32))
    return file


def test_a_job_boots_on_every_worker(cluster: Cluster) -> None:
    await_workers(cluster)
    script = str(ROOT / "examples" / "boot_fifty.py")
    printed = cluster.run("ray", "job", "submit", "--address", cluster.dashboard, "--", sys.executable, script)
    assert f"50 servers on {2 * HOSTS} hosts" in printed, printed


def test_the_storm_runs_as_a_job(cluster: Cluster) -> None:
    await_workers(cluster)
    storm = [sys.executable, "-m", "benchmarks.cluster", str(STORM)]
    printed = cluster.run("ray", "job", "submit", "--address", cluster.dashboard, "--", *storm)
    (told,) = (line for line in printed.splitlines() if line.startswith(ROWS))
    (row,) = json.loads(told.removeprefix(ROWS))
    assert (row["in_flight"], row["boots"]) == (STORM, BOOTS[STORM]) and row["boots_per_s"] > 0


def test_down_leaves_ray_and_up_brings_the_cloud_back(cluster: Cluster) -> None:
    cluster.run("novaray", "down")
    listed = cluster.run("ray", "status", "--address", cluster.address)
    assert "compute" in listed and "1.0/" not in listed  # the workers are there, and nobody takes their resources
    await_workers(cluster)
    assert json.loads(cluster.run("novaray", "status", "--json"))["nodes"] == ["worker-1", "worker-2"]


def await_workers(cluster: Cluster) -> None:
    """They come by themselves after the head; `up` may be run again, and waits for so many."""
    cluster.run("novaray", "up", "--address", cluster.address, "--hypervisor", "simulated", "--nodes", "2")

"""The storm as a Ray job: submitted to a cluster of several nodes, as its users submit theirs.

`run()` starts the cluster and gives the rows, which the job prints as its last line. The job is this very module: it
joins the cloud in whose cluster it runs, and goes through the waves of `storm.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from actors.cloud import Cloud
from actors.cluster import bringup
from actors.cluster.config import CloudConfig, SimulatedConfig
from actors.cluster.runtime import Runtime
from actors.cluster.seed import seed
from benchmarks.fleet import Say, warm
from benchmarks.measure import Meter, Row
from benchmarks.storm import BOOTS, storm

IN_FLIGHT = (50, 500, 5_000)
NODES = 4
HOSTS = 1_000  # on all nodes together
JOB_LIMIT_S = 1_800.0
ROOT = Path(__file__).parents[1]


def run(
    in_flight: Sequence[int] = IN_FLIGHT, nodes: int = NODES, hosts: int = HOSTS, say: Say = lambda line: None
) -> list[Row]:
    home = Path(tempfile.mkdtemp(prefix="nvr-"))
    fleet = SimulatedConfig(hosts=max(1, hosts // nodes))
    options = bringup.UpOptions(nodes=nodes, hypervisor="simulated", simulated=fleet)
    say(f"starting a cluster of {nodes} nodes, {fleet.hosts} simulated hosts on each")
    try:
        config = CloudConfig(home=home, hypervisor="simulated")
        runtime = bringup.up(config, options, say)
        with Cloud.connect(home) as cloud:
            seed(cloud, config, say)
        say("submitting the storm as a Ray job")
        rows = submit(runtime, home, in_flight)
    finally:
        bringup.down(home, lambda line: None, purge=True)
    return [{"in_flight": row["in_flight"], "nodes": nodes, "hosts": nodes * fleet.hosts} | row for row in rows]


def submit(runtime: Runtime, home: Path, in_flight: Sequence[int]) -> list[Row]:
    """`ray job submit`; raises RuntimeError with the end of what it printed if the job fails."""
    ray = str(Path(sys.executable).with_name("ray"))
    ours = {"NOVARAY_HOME": str(home), "PYTHONPATH": str(ROOT)}
    settings = ["--address", runtime.dashboard, "--runtime-env-json", json.dumps({"env_vars": ours})]
    job = [sys.executable, "-m", "benchmarks.cluster", *map(str, in_flight)]
    done = subprocess.run(
        [ray, "job", "submit", *settings, "--", *job],
        env=os.environ | runtime.authentication | ours,
        capture_output=True,
        text=True,
        timeout=JOB_LIMIT_S,
    )
    found = [line for line in done.stdout.splitlines() if line.startswith(ROWS)]
    if done.returncode or not found:
        raise RuntimeError(f"the job ended with {done.returncode}:\n{(done.stdout + done.stderr)[-3_000:]}")
    return cast(list[Row], json.loads(found[-1].removeprefix(ROWS)))


ROWS = "rows: "  # before what the job prints for `submit`


def main(words: Sequence[str]) -> None:
    """The job."""
    with Cloud.connect() as cloud:
        warm(cloud)
        meter = Meter(cloud.home)
        rows: list[dict[str, Any]] = []
        for size in map(int, words):
            rows.append({"in_flight": size} | storm(cloud, meter, size, BOOTS.get(size, 10 * size)))
        print(ROWS + json.dumps(rows))


if __name__ == "__main__":
    main(sys.argv[1:])

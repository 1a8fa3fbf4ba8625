"""Memory of a whole cloud, Ray included, as its instances grow; and what it costs to have it stand idle.

Every service of the REST edge has been asked before, since each is loaded when it is asked first.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from actors.api.rest.app import SERVICES
from actors.cluster import runtime
from actors.cluster.collector import STARTED_S
from actors.cluster.runtime import Runtime
from benchmarks.fleet import Say, fill, fresh_fleet
from benchmarks.measure import Meter, Row

HOSTS = 1_000
INSTANCES = (0, 1_000, 10_000)
IDLE_S = 10.0  # how long an idle cloud is watched
SETTLE_S = 3.0  # after a storm, before it is called idle


def run(hosts: int = HOSTS, instances: Sequence[int] = INSTANCES, say: Say = lambda line: None) -> list[Row]:
    rows = []
    began = time.perf_counter()
    with fresh_fleet(hosts, say) as (cloud, meter):
        ready_s = time.perf_counter() - began
        ask_each_service(runtime.read(cloud.home))
        time.sleep(STARTED_S)
        held = 0
        for count in instances:
            fill(cloud, f"memory-{count}", count - held, say)
            held = count
            say(f"watching it stand idle with {count} instances")
            idle = idle_percent(meter)
            rows.append({"hosts": hosts, "instances": count, "pss_mb": round(meter.pss_mib()), "idle_percent": idle})
    return [row | {"ready_s": round(ready_s, 1)} for row in rows]


def ask_each_service(running: Runtime | None) -> None:
    assert running is not None
    for prefix in SERVICES:
        with suppress(HTTPError):  # a service of websockets refuses
            urlopen(f"{running.api}/{prefix}/").close()


def idle_percent(meter: Meter) -> float:
    """CPU time of all its processes, as a share of one core; the driver's own does not count."""
    time.sleep(SETTLE_S)
    before = meter.cpu_s()
    time.sleep(IDLE_S)
    used = {name: seconds - before.get(name, 0.0) for name, seconds in meter.cpu_s().items() if name != "driver"}
    return round(100 * sum(used.values()) / IDLE_S, 1)


def plot(rows: Sequence[Row], file: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot([row["instances"] for row in rows], [row["pss_mb"] for row in rows], marker="o")
    axes.set(title=f"Memory of a cloud of {rows[0]['hosts']:,} hosts", xlabel="instances", ylabel="PSS, MiB")
    axes.set_ylim(bottom=0)
    figure.savefig(file)

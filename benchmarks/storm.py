"""A storm of boots, from the driver to ACTIVE, with so many in flight at a time.

`run()` gives the rows. A storm goes in waves: as many servers as may be in flight are launched in one call, and the
next wave when the driver has seen all of them ACTIVE, so a boot's latency is that of its whole wave. Deleting them
all again is measured too.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from actors.cloud import Cloud, Server
from benchmarks.fleet import Say, by_id, delete, fleet, wave
from benchmarks.measure import Meter, Row, calibration_ms, percentiles, spent

BOOTS = {1: 40, 50: 1_000, 500: 5_000, 5_000: 15_000}  # in flight → boots in all
HOSTS = 1_000
SHOWN_SHARE = 0.02  # of the cost of a boot: what a process must have to stand in the picture


def run(in_flight: Sequence[int] = tuple(BOOTS), hosts: int = HOSTS, say: Say = lambda line: None) -> list[Row]:
    with fleet(hosts, say) as (cloud, meter):
        rows = []
        for size in in_flight:
            boots = BOOTS.get(size, 10 * size)
            say(f"{boots} boots, {size} in flight")
            rows.append({"in_flight": size, "hosts": hosts} | storm(cloud, meter, size, boots))
        return rows


def storm(cloud: Cloud, meter: Meter, in_flight: int, boots: int) -> Row:
    """Boots in waves, then deletes them in waves of the same size."""
    speed_ms, options = calibration_ms(), by_id(cloud)
    servers: list[Server] = []
    waves_s: list[float] = []
    before, began = meter.read(), time.perf_counter()
    while len(servers) < boots:
        size = min(in_flight, boots - len(servers))
        wave_began = time.perf_counter()
        servers += wave(cloud, f"storm-{len(servers)}", size, options)
        waves_s += [time.perf_counter() - wave_began] * size
    took_s, after = time.perf_counter() - began, meter.read()
    speed_ms = (speed_ms + calibration_ms()) / 2
    deleted_s = delete(cloud, servers, in_flight)
    return {
        "boots": boots,
        "boots_per_s": round(boots / took_s, 1),
        "deletes_per_s": round(boots / deleted_s, 1),
        **percentiles(waves_s),
        **spent(before, after, boots),
        "calibration_ms": round(speed_ms, 2),
    }


def plot(rows: Sequence[Row], file: Path) -> None:
    """CPU time a boot by process, and boots a second, over how many are in flight."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.5), layout="constrained")
    cost, speed = figure.subplots(1, 2)
    labels = [f"{row['in_flight']:,}" for row in rows]
    most = {name: ms / row["cpu_ms_per_boot"] for row in rows for name, ms in row["cpu_ms_by_process"].items()}
    names = sorted(name for name, share in most.items() if share >= SHOWN_SHARE)
    floor = [0.0] * len(rows)
    for name in names:
        heights = [row["cpu_ms_by_process"].get(name, 0.0) / row["cpu_ms_per_boot"] for row in rows]
        cost.bar(labels, heights, bottom=floor, label=name)
        floor = [low + height for low, height in zip(floor, heights, strict=True)]
    for place, row in enumerate(rows):
        cost.text(place, 1.01, f"{row['cpu_ms_per_boot']:.2f} ms", ha="center")
    cost.set(title="CPU time a boot, by process", xlabel="boots in flight", ylabel="share", ylim=(0, 1.08))
    cost.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    speed.plot(labels, [row["boots_per_s"] for row in rows], marker="o", label="boots")
    speed.plot(labels, [row["deletes_per_s"] for row in rows], marker="s", label="deletions")
    speed.set(title="Servers a second", xlabel="in flight", yscale="log")
    speed.legend()
    figure.savefig(file)

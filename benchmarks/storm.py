"""A storm of boots, from the driver to ACTIVE, with so many in flight at a time.

`run()` gives the rows. A storm goes in waves: as many servers as may be in flight are launched in one call, and the
next wave when the driver has seen all of them ACTIVE, so a boot's latency is that of its whole wave. Deleting them
all again is measured too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from actors.cloud import Cloud, Server
from benchmarks.measure import Meter, Row, calibration_ms, percentiles, spent

BOOTS = {1: 40, 50: 1_000, 500: 5_000, 5_000: 15_000}  # in flight → boots in all
HOSTS = 1_000
WARM_UP = (1, 50, 500)  # waves before the first measurement

Say = Callable[[str], None]


def run(in_flight: Sequence[int] = tuple(BOOTS), hosts: int = HOSTS, say: Say = lambda line: None) -> list[Row]:
    say(f"starting a cloud of {hosts} simulated hosts")
    with Cloud.embedded(hosts=hosts) as cloud:
        meter = Meter(cloud.home)
        warm_up(cloud)
        rows = []
        for size in in_flight:
            boots = BOOTS.get(size, 10 * size)
            say(f"{boots} boots, {size} in flight")
            rows.append({"in_flight": size, "hosts": hosts} | storm(cloud, meter, size, boots))
        return rows


def warm_up(cloud: Cloud) -> None:
    for size in WARM_UP:
        cloud.delete(_wave(cloud, f"warm-{size}", size))


def storm(cloud: Cloud, meter: Meter, in_flight: int, boots: int) -> Row:
    """Boots in waves, then deletes them in waves of the same size."""
    speed_ms = calibration_ms()
    servers: list[Server] = []
    waves_s: list[float] = []
    before, began = meter.read(), time.perf_counter()
    while len(servers) < boots:
        size = min(in_flight, boots - len(servers))
        wave_began = time.perf_counter()
        servers += _wave(cloud, f"storm-{len(servers)}", size)
        waves_s += [time.perf_counter() - wave_began] * size
    took_s, after = time.perf_counter() - began, meter.read()
    deleted_s = _delete(cloud, servers, in_flight)
    return {
        "boots": boots,
        "boots_per_s": round(boots / took_s, 1),
        "deletes_per_s": round(boots / deleted_s, 1),
        **percentiles(waves_s),
        **spent(before, after, boots),
        "calibration_ms": speed_ms,
    }


def _wave(cloud: Cloud, name: str, size: int) -> list[Server]:
    return cloud.wait(cloud.boot_many([f"{name}-{index}" for index in range(size)]))


def _delete(cloud: Cloud, servers: list[Server], at_a_time: int) -> float:
    began = time.perf_counter()
    for first in range(0, len(servers), at_a_time):
        cloud.delete(servers[first : first + at_a_time])
    return time.perf_counter() - began

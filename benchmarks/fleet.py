"""Clouds of a benchmark's own, and how they are filled and emptied. Used by storm, growth and memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from actors.cloud import BootOptions, Cloud, Server
from actors.cluster.collector import STARTED_S
from benchmarks.measure import Meter

NETWORK = "bench"
CIDR = "10.128.0.0/12"  # a million addresses: more than the seeded network has
WARM_UP = (1, 50, 500)  # servers launched together before anything is measured
WAVE = 1_000  # servers launched together where nothing is measured

Say = Callable[[str], None]


@contextmanager
def fleet(hosts: int, say: Say) -> Iterator[tuple[Cloud, Meter]]:
    """A cloud of simulated hosts with one big network; it is warm, and has tidied up after its start."""
    with fresh_fleet(hosts, say) as (cloud, meter):
        time.sleep(STARTED_S)
        yield cloud, meter


@contextmanager
def fresh_fleet(hosts: int, say: Say) -> Iterator[tuple[Cloud, Meter]]:
    """The same as soon as it is ready: its processes have yet to look for what their start has left behind."""
    say(f"starting a cloud of {hosts} simulated hosts")
    with Cloud.embedded(hosts=hosts) as cloud:
        warm(cloud)
        yield cloud, Meter(cloud.home)


def warm(cloud: Cloud) -> None:
    """Make the big network, and boot a few servers on it that do not count."""
    cloud.networks.create(NETWORK, CIDR, shared=True)
    for size in WARM_UP:
        delete(cloud, wave(cloud, f"warm-{size}", size))


def by_id(cloud: Cloud) -> BootOptions:
    """The big network and the image, by their ids, as OpenStack's API wants them: names are looked up once here."""
    return BootOptions(image=cloud.images.get(BootOptions().image).id, networks=(cloud.networks.get(NETWORK).id,))


def wave(cloud: Cloud, name: str, size: int, options: BootOptions | None = None) -> list[Server]:
    """So many servers, launched in one call; returns when the driver has seen all of them ACTIVE."""
    names = [f"{name}-{index}" for index in range(size)]
    return cloud.run_many(names, options or by_id(cloud))


def fill(cloud: Cloud, name: str, servers: int, say: Say) -> list[Server]:
    made: list[Server] = []
    while len(made) < servers:
        made += wave(cloud, f"{name}-{len(made)}", min(WAVE, servers - len(made)))
        say(f"filling: {len(made)} of {servers} servers")
    return made


def delete(cloud: Cloud, servers: Sequence[Server], at_a_time: int = WAVE) -> float:
    """How long it took, in seconds."""
    began = time.perf_counter()
    for first in range(0, len(servers), at_a_time):
        cloud.delete(servers[first : first + at_a_time])
    return time.perf_counter() - began

"""Real guests through libvirt: what this program costs beside a bare loop that defines and creates the same guests.

The bare loop runs in the same cloud, over the very definitions, disks and taps that the boots have just made: each
domain is destroyed and undefined, then defined and created paused again by a plain client of libvirt. The cost of the
control plane is the CPU time of all of the cloud's own processes; libvirt's and QEMU's count for the bare loop only.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import libvirt

from actors.cloud import Cloud, Server
from actors.cluster import bringup
from actors.compute.libvirt.daemon_files import files_of, uri_of
from benchmarks.fleet import Say
from benchmarks.measure import Meter, Row, family_cpu_s

READY_LIMIT_S = 300.0  # for all guests to say that they are ready
READY_LINE = "GUEST READY"
LOOK_S = 0.2
HYPERVISOR = ("qemu", "libvirt", "keeper")


def run(guests: int = 8, say: Say = lambda line: None) -> list[Row]:
    say("starting a cloud with libvirt")
    with Cloud.embedded(hypervisor="libvirt") as cloud:
        meter = Meter(cloud.home)
        cloud.boot("warm").wait().delete()
        say(f"booting {guests} guests")
        before, began = meter.cpu_s(), time.perf_counter()
        servers = cloud.wait(cloud.boot_many([f"real-{index}" for index in range(guests)]))
        active_s, after = time.perf_counter() - began, meter.cpu_s()
        own_ms = (_own(after) - _own(before)) * 1e3 / guests
        say("waiting for them to be ready")
        _await_ready(servers)
        ready_s = time.perf_counter() - began
        say("the same guests by libvirt alone")
        bare_ms, bare_s = _bare_loop(cloud.home, servers)
        cloud.delete(servers)
    row = {
        "guests": guests,
        "boots_per_s": round(guests / active_s, 2),
        "bare_per_s": round(guests / bare_s, 2),
        "all_ready_s": round(ready_s, 1),
        "cpu_ms_per_boot": round(own_ms, 1),
        "bare_cpu_ms_per_guest": round(bare_ms, 1),
        "overhead_percent": round(100 * own_ms / bare_ms, 1),
    }
    return [row]


def _await_ready(servers: Sequence[Server]) -> None:
    deadline = time.monotonic() + READY_LIMIT_S
    waiting = list(servers)
    while waiting:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(waiting)} of {len(servers)} guests are not ready after {READY_LIMIT_S:g} s")
        time.sleep(LOOK_S)  # a guest's console tells nobody that it has grown
        waiting = [server for server in waiting if READY_LINE not in server.console()]


def _bare_loop(home: Path, servers: Sequence[Server]) -> tuple[float, float]:
    """CPU milliseconds a guest, of libvirt, QEMU and this client; and seconds in all."""
    runtime = bringup.running(home)
    assert runtime is not None
    node = runtime.nodes[0]
    keeper = int(files_of(node).lock.read_text())
    connection = libvirt.open(uri_of(node))
    try:
        domains = [connection.lookupByUUIDString(server.id) for server in servers]
        texts = [domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE) for domain in domains]
        for domain in domains:
            with suppress(libvirt.libvirtError):
                domain.destroy()
            domain.undefine()
        before, own, began = family_cpu_s(keeper), time.process_time(), time.perf_counter()
        for text in texts:
            connection.defineXML(text).createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        took_s = time.perf_counter() - began
        used_s = family_cpu_s(keeper) - before + time.process_time() - own
    finally:
        connection.close()
    return used_s * 1e3 / len(servers), took_s


def _own(cpu_s: dict[str, float]) -> float:
    """Without the hypervisor's own processes, where they live below the cloud's."""
    return sum(seconds for name, seconds in cpu_s.items() if not name.startswith(HYPERVISOR))


def plot(rows: Sequence[Row], file: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    axes.bar(["this program", "libvirt alone"], [rows[0]["cpu_ms_per_boot"], rows[0]["bare_cpu_ms_per_guest"]])
    axes.set(title="CPU time a real guest", ylabel="ms")
    figure.savefig(file)

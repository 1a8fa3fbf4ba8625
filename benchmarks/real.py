"""Real guests through libvirt: what this program costs beside a bare loop that defines and creates the same guests.

The bare loop runs in the same cloud, over the very definitions, disks and taps that the boots have just made: each
domain is destroyed and undefined, then defined and created paused again by a plain client of libvirt. Libvirt's and
QEMU's CPU time count for the bare loop only. The cloud's own is told in two parts: of its node's two actors, compute
and the agent, which also make the disks, taps, bridges, filters and DHCP that the bare loop finds ready; and of the
control plane, which is all the rest, Ray included. What all of them use while they stand idle is taken off.
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
SETTLE_S = 10.0  # until a cloud that has just started stands idle
IDLE_S = 10.0  # how long it is watched then
NODE = ("ComputeActor", "NetworkAgentActor")
HYPERVISOR = ("qemu", "libvirt", "keeper")


def run(guests: int = 8, say: Say = lambda line: None) -> list[Row]:
    say("starting a cloud with libvirt")
    with Cloud.embedded(hypervisor="libvirt") as cloud:
        meter = Meter(cloud.home)
        cloud.boot("warm").wait().delete()
        say("watching it stand idle")
        time.sleep(SETTLE_S)
        idle = meter.cpu_s()
        time.sleep(IDLE_S)
        say(f"booting {guests} guests")
        before, began = meter.cpu_s(), time.perf_counter()
        servers = cloud.wait(cloud.boot_many([f"real-{index}" for index in range(guests)]))
        active_s, after = time.perf_counter() - began, meter.cpu_s()
        own = _more(_more(after, before), {name: s * active_s / IDLE_S for name, s in _more(before, idle).items()})
        node_ms = sum(own.get(name, 0.0) for name in NODE) * 1e3 / guests
        control_ms = sum(own.values()) * 1e3 / guests - node_ms
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
        "control_cpu_ms_per_boot": round(control_ms, 1),
        "node_cpu_ms_per_boot": round(node_ms, 1),
        "bare_cpu_ms_per_guest": round(bare_ms, 1),
        "overhead_percent": round(100 * control_ms / bare_ms, 1),
        "node_percent": round(100 * node_ms / bare_ms, 1),
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


def _more(after: dict[str, float], before: dict[str, float]) -> dict[str, float]:
    """What was used between, without the hypervisor's own processes, where they live below the cloud's."""
    return {name: s - before.get(name, 0.0) for name, s in after.items() if not name.startswith(HYPERVISOR)}


def plot(rows: Sequence[Row], file: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    shown = {
        "control plane": rows[0]["control_cpu_ms_per_boot"],
        "its node": rows[0]["node_cpu_ms_per_boot"],
        "libvirt alone": rows[0]["bare_cpu_ms_per_guest"],
    }
    axes.bar(list(shown), list(shown.values()))
    axes.set(title="CPU time a real guest", ylabel="ms")
    figure.savefig(file)

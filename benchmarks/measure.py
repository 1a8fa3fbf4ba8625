"""What a cloud costs: CPU time by process, messages, commits and memory, and how fast this machine is just now.

Used by the benchmarks, on clouds of this machine. Everything is read from outside (`/proc`) or from counters that the
actors keep anyway, so measuring costs the measured nothing. A figure in CPU time means little on a shared machine
without `calibration_ms` of the same minute: compare the ratio.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import ray

from actors.cluster import bringup, names
from actors.cluster.supervisor import SERVICES
from benchmarks import counters

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
CALIBRATION_ITEMS = 20_000
CALIBRATION_TRIES = 5
CALIBRATION_CORES = 8  # at most
ANSWER_S = 60.0  # for an actor to tell its counters
KIB_A_MIB = 1024

Row = dict[str, Any]


class Reading(NamedTuple):
    """Counters of a cloud at one time; the difference of two is what happened between them."""

    cpu_s: dict[str, float]  # by process
    messages: int
    commits: int
    fsyncs: int


class Meter:
    """Reads a cloud that runs on this machine, and the driver that calls it."""

    def __init__(self, home: Path) -> None:
        runtime = bringup.running(home)
        if runtime is None:
            raise LookupError(f"no cloud runs in {home}")
        self._roots = [process.pid for process in runtime.processes]
        nodes = [node.host for node in runtime.nodes]
        self._actors = [service.name for service in SERVICES]
        self._actors += [name(node) for node in nodes for name in (names.compute_name, names.agent_name)]

    def read(self) -> Reading:
        written = _ask(names.CONDUCTOR, counters.statistics)
        sent = ray.get([_ask_later(name, counters.messages) for name in self._actors], timeout=ANSWER_S)
        return Reading(self.cpu_s(), sum(sent), written.commits, written.groups)

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds of each process since it began, the driver's own under `driver`."""
        used: dict[str, float] = defaultdict(float)
        for pid in self._pids():
            used[_name(pid)] += _cpu_s(pid)
        used["driver"] = time.process_time()
        return dict(used)

    def pss_mib(self) -> float:
        """Memory of all processes of the cloud, shared pages counted once, the driver's not."""
        return sum(_pss_kib(pid) for pid in self._pids()) / KIB_A_MIB

    def _pids(self) -> list[int]:
        return [pid for root in self._roots for pid in (root, *_descendants(root))]


def spent(before: Reading, after: Reading, boots: int) -> Row:
    """What each boot cost between two readings."""
    by_process = {
        name: (seconds - before.cpu_s.get(name, 0.0)) * 1e3 / boots for name, seconds in sorted(after.cpu_s.items())
    }
    return {
        "cpu_ms_per_boot": round(sum(by_process.values()), 4),
        "cpu_ms_by_process": {name: round(cost, 4) for name, cost in by_process.items() if cost >= 0.0005},
        "messages_per_boot": round((after.messages - before.messages) / boots, 3),
        "commits_per_boot": round((after.commits - before.commits) / boots, 3),
        "fsyncs_per_boot": round((after.fsyncs - before.fsyncs) / boots, 4),
    }


def calibration_ms() -> float:
    """CPU milliseconds of a fixed piece of work like a room's own: the best of a few tries on each core, and of these
    the mean. A core whose other half somebody else uses is half as fast as its neighbour, and a cloud runs on all."""
    cores = sorted(os.sched_getaffinity(0))
    try:
        bests = [_best_on(core) for core in cores[:CALIBRATION_CORES]]
    finally:
        os.sched_setaffinity(0, cores)
    return round(sum(bests) / len(bests) * 1e3, 2)


def _best_on(core: int) -> float:
    os.sched_setaffinity(0, {core})
    return min(_fixed_work() for _ in range(CALIBRATION_TRIES))


def percentiles(seconds: list[float]) -> Row:
    """p50, p95 and p99 in milliseconds."""
    ordered = sorted(seconds)
    at = {name: ordered[min(len(ordered) - 1, len(ordered) * part // 100)] for name, part in _PARTS.items()}
    return {name: round(value * 1e3, 1) for name, value in at.items()}


_PARTS = {"p50_ms": 50, "p95_ms": 95, "p99_ms": 99}


def family_cpu_s(pid: int) -> float:
    """CPU seconds of a process and of all that live below it."""
    return sum(map(_cpu_s, (pid, *_descendants(pid))))


class _Item(msgspec.Struct, frozen=True):
    id: str
    number: int


def _fixed_work() -> float:
    began = time.process_time()
    known = {f"item-{number}": _Item(f"item-{number}", number) for number in range(CALIBRATION_ITEMS)}
    encoded = msgspec.msgpack.encode(list(known.values()))
    decoded = msgspec.msgpack.decode(encoded, type=list[_Item])
    assert all(known[item.id].number == item.number for item in decoded)
    return time.process_time() - began


# ---------------------------------------------------------------- asked of the actors


def _ask(name: str, question: Any) -> Any:
    return ray.get(_ask_later(name, question), timeout=ANSWER_S)


def _ask_later(name: str, question: Any) -> Any:
    return ray.get_actor(name, namespace=names.NAMESPACE).__ray_call__.remote(question)


# ---------------------------------------------------------------- read of /proc


def _descendants(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []  # it has ended
    return [found for child in children for found in (child, *_descendants(child))]


def _name(pid: int) -> str:
    """`ConductorActor` for Ray's workers, else the program's name."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return "ended"
    first = words[0].decode(errors="replace")
    if first.startswith("ray::"):
        return first.removeprefix("ray::").split(":")[0].split(".")[0]
    called = Path(first.split(" ")[0]).name
    script = next((word.decode() for word in words[1:] if word and not word.startswith(b"-")), called)
    return Path(script).name if called.startswith("python") else called


def _cpu_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND  # utime, stime


def _pss_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))

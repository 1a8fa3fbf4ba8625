"""How few hosts a profile needs for a trace of real requests, and how many it keeps empty.

`python -m benchmarks.packing --trace DIR --json FILE --plot FILE`; `run()` gives the rows. Hosts have 64 vCPUs and
256 GiB without overcommitment and start empty; machines come and go as the trace says.

- `lower_bound`: hosts that the trace's busiest moment fills, by its scarcest resource, if nothing were ever lost
- `hosts_needed`: the fewest hosts on which nothing is ever refused; `ratio_to_bound` is that over the bound
- `empty_share`: hosts without a machine, averaged over the time of the trace, with 1.25 times the bound in hosts
- `density`: how full the other hosts are then, by the resource of which most is in use
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.trace import Trace, load
from placement import PROFILES, Fleet, HostState, NoHost, Placer, Profile, Request, Shape, Stock, resources_of

VCPUS, RAM_MIB = 64, 256 * 1024  # of a host
ROOM = 1.25  # hosts over the bound, for the share that stays empty
PROFILE_NAMES = ("pack", "spread")
POINTS_LIMIT = 200  # of a curve
SEED = 1

Row = dict[str, Any]
Say = Callable[[str], None]


@dataclass(slots=True)
class Tally:
    """What a replay comes to. `curve`: (seconds since the trace began, hosts in use)."""

    empty_share: float
    density: float
    curve: list[tuple[int, int]]


@dataclass(slots=True)
class Result:
    row: Row
    hosts: int  # of the curve
    curve: list[tuple[int, int]]


def run(folder: Path, profiles: Iterable[str] = PROFILE_NAMES, say: Say = lambda line: None) -> list[Result]:
    say(f"reading {folder}")
    trace = load(folder)
    bound = lower_bound(trace)
    return [_measured(trace, PROFILES[name], bound, say) for name in profiles]


def _measured(trace: Trace, profile: Profile, bound: int, say: Say) -> Result:
    needed = hosts_needed(trace, profile, bound, say)
    hosts = ceil(ROOM * bound)
    say(f"{profile.name}: how many of {hosts} hosts stay empty")
    tally = Replay(trace, profile, hosts).run()
    if tally is None:
        raise RuntimeError(f"{profile.name} refuses a machine even on {hosts} hosts")
    row = {
        "profile": profile.name,
        "hosts_needed": needed,
        "ratio_to_bound": round(needed / bound, 4),
        "empty_share": round(tally.empty_share, 4),
        "density": round(tally.density, 4),
        "lower_bound": bound,
        "machines": sum(event.comes for event in trace.events),
    }
    return Result(row, hosts, tally.curve)


def lower_bound(trace: Trace) -> int:
    vcpus = ram_mib = 0
    most = 0.0
    for event in trace.events:
        flavor = trace.flavors[event.flavor]
        sign = 1 if event.comes else -1
        vcpus += sign * flavor.vcpus
        ram_mib += sign * flavor.ram_mib
        most = max(most, vcpus / VCPUS, ram_mib / RAM_MIB)
    return ceil(most)


def hosts_needed(trace: Trace, profile: Profile, bound: int, say: Say) -> int:
    """The fewest from the bound on: in growing strides at first, then between what failed and what held."""
    failed, stride = bound - 1, 1
    while True:
        held = failed + stride
        say(f"{profile.name}: does all fit on {held} hosts?")
        if Replay(trace, profile, held).run() is not None:
            break
        failed, stride = held, 2 * stride
    while held - failed > 1:
        middle = (held + failed) // 2
        say(f"{profile.name}: does all fit on {middle} hosts?")
        if Replay(trace, profile, middle).run() is not None:
            held = middle
        else:
            failed = middle
    return held


class Replay:
    """A trace played on so many hosts. Each machine is built the moment it is placed."""

    def __init__(self, trace: Trace, profile: Profile, hosts: int) -> None:
        self._trace = trace
        self._fleet = empty_fleet(hosts)
        self._placer = Placer(self._fleet, profile)
        self._rng = Random(SEED)
        self._shapes = {name: Shape(resources_of(each.vcpus, each.ram_mib, 0)) for name, each in trace.flavors.items()}
        self._on: dict[int, str] = {}  # machine → host
        self._machines = dict.fromkeys(self._fleet.row_of, 0)  # by host
        self._used_hosts = 0
        self._vcpus = self._ram_mib = 0

    def run(self) -> Tally | None:
        """None as soon as a machine is refused."""
        trace, hosts = self._trace, len(self._machines)
        every_s = max(1, (trace.end_s - trace.start_s) // POINTS_LIMIT)
        curve: list[tuple[int, int]] = []
        empty = full = used_s = 0.0
        now = trace.start_s
        for event in trace.events:
            if event.at_s != now:
                passed_s = event.at_s - now
                empty += passed_s * (hosts - self._used_hosts)
                full += passed_s * self._fullness()
                used_s += passed_s * self._used_hosts
                if not curve or now - trace.start_s >= curve[-1][0] + every_s:
                    curve.append((now - trace.start_s, self._used_hosts))
                now = event.at_s
            if not event.comes:
                self._goes(event.machine, event.flavor)
            elif not self._comes(event.machine, event.flavor):
                return None
        return Tally(empty / hosts / max(1, now - trace.start_s), full / max(1.0, used_s), curve)

    def _fullness(self) -> float:
        """In whole hosts, by the resource of which most is in use."""
        return max(self._vcpus / VCPUS, self._ram_mib / RAM_MIB)

    def _comes(self, machine: int, flavor: str) -> bool:
        name = str(machine)
        placed = self._placer.place_one(Request(name, self._shapes[flavor]), self._rng)
        if isinstance(placed, NoHost):
            return False
        self._fleet.settle(name)
        self._on[machine] = placed.host
        self._count(placed.host, flavor, 1)
        return True

    def _goes(self, machine: int, flavor: str) -> None:
        self._fleet.release(str(machine))
        self._count(self._on.pop(machine), flavor, -1)

    def _count(self, host: str, flavor: str, sign: int) -> None:
        before = self._machines[host]
        self._machines[host] = after = before + sign
        self._used_hosts += (after > 0) - (before > 0)
        self._vcpus += sign * self._trace.flavors[flavor].vcpus
        self._ram_mib += sign * self._trace.flavors[flavor].ram_mib


def empty_fleet(hosts: int) -> Fleet:
    fleet = Fleet()
    stocks = (Stock("VCPU", VCPUS), Stock("MEMORY_MB", RAM_MIB), Stock("DISK_GB", 2_000))
    for n in range(hosts):
        fleet.upsert(HostState(f"host-{n}", stocks))
    return fleet


def plot(results: list[Result], file: Path) -> None:
    """Used hosts over time, a curve a profile, as a picture. Raises ImportError without matplotlib."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.subplots()
    for result in results:
        days, used = zip(*((at_s / 86_400, hosts) for at_s, hosts in result.curve), strict=True)
        axes.step(days, used, where="post", label=result.row["profile"])
    hosts = results[0].hosts
    axes.axhline(hosts, color="grey", linewidth=0.8, linestyle=":", label=f"all {hosts} hosts")
    axes.set(xlabel="days", ylabel="hosts in use", title="Hosts in use by profile", ylim=(0, None))
    axes.legend(loc="lower right")
    figure.savefig(file, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description="How densely a trace is packed, profile by profile")
    parser.add_argument("--trace", type=Path, required=True, help="folder of the trace")
    parser.add_argument("--json", type=Path, help="write the rows there")
    parser.add_argument("--plot", type=Path, help="write a picture of the hosts in use there")
    parser.add_argument("--profile", nargs="*", default=PROFILE_NAMES, help="profiles to compare")
    options = parser.parse_args()
    results = run(options.trace, options.profile, print)
    for result in results:
        print("  ".join(f"{key}={value}" for key, value in result.row.items()))
    if options.json:
        options.json.write_text(json.dumps({"rows": [result.row for result in results]}, indent=1))
    if options.plot:
        plot(results, options.plot)


if __name__ == "__main__":
    main()

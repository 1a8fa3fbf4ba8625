"""What a decision costs: CPU time of placing on one core, claims applied, by size of fleet.

`python -m benchmarks.placement --json FILE` writes `{"rows": [...]}`; `run()` gives the rows. Cases:

- `repeated`: one shape again and again, claims applied
- `coming and going`: the same, and an older instance ends before each decision
- `mixed`: twenty shapes in turn, so that every ranking has to catch up with the others' claims
- `new class`: a shape never seen, answered by a full pass
- `nova profile`: Nova's own normalisation, a full pass for each decision
- `refused`: no host has room; the first refusal works out the reasons, the others repeat them
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from typing import Any

from actors.cluster.collector import collect_rarely
from placement import PROFILES, Claim, Fleet, HostState, Placer, Request, Shape, Stock, resources_of

SIZES = (1_000, 10_000, 100_000)
DECISIONS = 20_000  # of a cheap case
PASSES = 50  # of a case that looks at every host

Row = dict[str, Any]


Say = Callable[[str], None]


def run(sizes: Iterable[int] = SIZES, say: Say = lambda line: None) -> list[Row]:
    collect_rarely()  # as the scheduler's own process does
    return [row for hosts in sizes for row in _at(hosts, say)]


def _at(hosts: int, say: Say) -> list[Row]:
    say(f"{hosts} hosts with {10 * hosts} instances")
    rng = Random(hosts)
    fleet = used_fleet(hosts, rng)
    spread = Placer(fleet, PROFILES["spread"])
    nova = Placer(fleet, PROFILES["nova"])
    common = Shape(resources_of(2, 4_096, 20), image_properties=(("hw_architecture", "x86_64"),))
    many = [Shape(resources_of(1 + n % 8, 1_024 * (1 + n), 10)) for n in range(20)]
    huge = Shape(resources_of(64, 262_144, 2_000))

    again = [Request(f"r{n}", common) for n in range(DECISIONS + 1)]

    def come_and_go(n: int) -> None:
        fleet.release(f"r{n}")
        spread.place_one(Request(f"g{n}", common), rng)

    return [
        measure("repeated", hosts, DECISIONS, lambda n: spread.place_one(again[n], rng)),
        measure("coming and going", hosts, DECISIONS, come_and_go),
        measure("mixed", hosts, DECISIONS, lambda n: spread.place_one(Request(f"m{n}", many[n % len(many)]), rng)),
        measure("new class", hosts, PASSES, lambda n: spread.choose(Request("c", _new_shape(n)), rng)),
        measure("nova profile", hosts, PASSES, lambda n: nova.choose(Request("n", common), rng)),
        measure("refused", hosts, PASSES, lambda n: spread.place_one(Request(f"f{n}", huge), rng)),
    ]


def used_fleet(hosts: int, rng: Random) -> Fleet:
    """Equal machines of 64 vCPU / 256 GiB, ten instances each on average."""
    fleet = Fleet()
    stocks = (Stock("VCPU", 64, allocation_ratio=4.0), Stock("MEMORY_MB", 262_144), Stock("DISK_GB", 2_000))
    for n in range(hosts):
        fleet.upsert(HostState(f"host-{n}", stocks, supported_instances=(("x86_64", "qemu", "hvm"),)))
    small = resources_of(2, 4_096, 20)
    for n in range(10 * hosts):
        fleet.claim(Claim(f"instance-{n:032d}", f"host-{rng.randrange(hosts)}", small, building=False))
    return fleet


def measure(case: str, hosts: int, decisions: int, decide: Callable[[int], object]) -> Row:
    """CPU of all decisions together, and the time of each; the first is a warm-up for all but new classes."""
    decide(decisions)
    times = []
    cpu = time.process_time()
    for n in range(decisions):
        begun = time.perf_counter_ns()
        decide(n)
        times.append(time.perf_counter_ns() - begun)
    cpu = time.process_time() - cpu
    times.sort()
    return {
        "case": case,
        "hosts": hosts,
        "decisions": decisions,
        "us_cpu_per_decision": round(cpu / decisions * 1e6, 2),
        "p50_us": round(times[decisions // 2] / 1e3, 2),
        "p99_us": round(times[decisions * 99 // 100] / 1e3, 2),
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _new_shape(n: int) -> Shape:
    return Shape(resources_of(2, 4_000 + n, 20), image_properties=(("hw_architecture", "x86_64"),))


def main() -> None:
    parser = argparse.ArgumentParser(description="CPU time of placement decisions")
    parser.add_argument("--json", type=Path, help="write the rows there")
    parser.add_argument("--hosts", type=int, nargs="*", default=SIZES, help="sizes of the fleet")
    options = parser.parse_args()
    rows = run(options.hosts)
    for row in rows:
        print("  ".join(f"{key}={value}" for key, value in row.items()))
    if options.json:
        options.json.write_text(json.dumps({"rows": rows}, indent=1))


if __name__ == "__main__":
    main()

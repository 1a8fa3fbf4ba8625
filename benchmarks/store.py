"""How fast the conductor's store commits: instance + story + port, as one boot writes them, 1 to 500 boots at a time.

python -m benchmarks.store [DATABASE_URL]      (default: SQLite in a temporary folder of the current directory)
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from typing import Any

from actors.conductor.store import Store, upgrade
from actors.records import Change, FixedIp, Flavor, Instance, Port, Story, drop

BOOTS = {1: 500, 50: 3_000, 500: 6_000}  # boots at a time → boots in all
Row = dict[str, Any]
Say = Callable[[str], None]

FLAVOR = Flavor(id="tiny", name="tiny", vcpus=1, ram_mib=128, disk_gib=1)


def boot() -> list[Change]:
    instance_id = str(uuid.uuid4())
    instance = Instance(
        id=instance_id,
        name="vm",
        project_id="p" * 32,
        user_id="u" * 32,
        vm_state="building",
        task_state="scheduling",
        power_state="NOSTATE",
        flavor=FLAVOR,
        order=os.urandom(900),
        request_id=f"req-{instance_id}",
    )
    port = Port(
        id=str(uuid.uuid4()),
        network_id="n" * 36,
        project_id="p" * 32,
        mac_address="fa:16:3e:00:00:00",
        fixed_ips=(FixedIp("s" * 36, "10.0.0.1"),),
        device_id=instance_id,
        security_groups=("g" * 36,),
    )
    return [instance, Story(id=instance_id, lines=os.urandom(600)), port]


async def measure(store: Store, at_a_time: int, boots: int) -> tuple[Row, list[Change]]:
    """What committing so many boots comes to, and what was written."""
    commits = [boot() for _ in range(boots)]
    groups, cpu, wall = store.statistics.groups, time.process_time(), time.perf_counter()
    for start in range(0, boots, at_a_time):
        await asyncio.gather(*(store.commit(changes) for changes in commits[start : start + at_a_time]))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    rows = 3 * boots
    row = {
        "case": "commit",
        "at_a_time": at_a_time,
        "boots": boots,
        "boots_per_s": round(boots / wall),
        "rows_per_s": round(rows / wall),
        "us_cpu_per_row": round(cpu / rows * 1e6, 1),
        "transactions": store.statistics.groups - groups,
    }
    return row, [change for changes in commits for change in changes]


async def measure_all(url: str, say: Say) -> list[Row]:
    upgrade(url)
    store = Store(url)
    rows: list[Row] = []
    written: list[Change] = []
    for at_a_time, boots in BOOTS.items():
        say(f"{boots} boots, {at_a_time} at a time")
        row, changes = await measure(store, at_a_time, boots)
        rows.append(row)
        written += changes
    rows.append(await _loading(store))
    await store.commit([drop(row) for row in written if isinstance(row, Instance | Story | Port)])
    await store.close()
    return rows


async def _loading(store: Store) -> Row:
    cpu, wall = time.process_time(), time.perf_counter()
    instances = len(await store.load(Instance))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {
        "case": "load",
        "at_a_time": instances,
        "boots": instances,
        "boots_per_s": round(instances / wall),
        "rows_per_s": round(instances / wall),
        "us_cpu_per_row": round(cpu / instances * 1e6, 1),
        "transactions": 0,
    }


def run(url: str = "", say: Say = lambda line: None) -> list[Row]:
    """The rows; without a URL on SQLite in a temporary folder of the current directory."""
    if url:
        return asyncio.run(measure_all(url, say))
    with tempfile.TemporaryDirectory(dir=".") as folder:
        return asyncio.run(measure_all(f"sqlite:///{folder}/cloud.sqlite", say))


def main() -> None:
    for row in run(sys.argv[1] if len(sys.argv) > 1 else "", print):
        print("  ".join(f"{key}={value}" for key, value in row.items()))


if __name__ == "__main__":
    main()

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

from actors.conductor.store import Store, upgrade
from actors.records import Change, FixedIp, Flavor, Instance, Port, Story, drop

BOOTS = {1: 500, 50: 3_000, 500: 6_000}  # boots at a time → boots in all
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


async def measure(store: Store, at_a_time: int, boots: int) -> list[Change]:
    commits = [boot() for _ in range(boots)]
    groups, cpu, wall = store.statistics.groups, time.process_time(), time.perf_counter()
    for start in range(0, boots, at_a_time):
        await asyncio.gather(*(store.commit(changes) for changes in commits[start : start + at_a_time]))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    rows, groups = 3 * boots, store.statistics.groups - groups
    print(
        f"{at_a_time:4} boots at a time: {boots / wall:7.0f} boots/s {rows / wall:7.0f} rows/s "
        f"{cpu / rows * 1e6:6.1f} µs CPU a row  {groups} transactions"
    )
    return [change for changes in commits for change in changes]


async def run(url: str) -> None:
    upgrade(url)
    store = Store(url)
    written = [change for pair in BOOTS.items() for change in await measure(store, *pair)]
    cpu = time.process_time()
    rows = len(await store.load(Instance))
    print(f"load: {(time.process_time() - cpu) / rows * 1e6:.1f} µs CPU an instance")
    await store.commit([drop(row) for row in written if isinstance(row, Instance | Story | Port)])
    await store.close()


def main() -> None:
    if len(sys.argv) > 1:
        asyncio.run(run(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory(dir=".") as folder:
        asyncio.run(run(f"sqlite:///{folder}/cloud.sqlite"))


if __name__ == "__main__":
    main()

"""A compute actor's process that a test kills: it begins a guest on a lease, says so, and does nothing more.

`python -m tests.compute.libvirt.actor_to_kill NODE_FILE LEASE_S`; prints the end of the lease, by the monotonic clock.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from actors.clock import SystemClock
from actors.cluster.config import NodeConfig, from_json
from actors.compute.libvirt.driver import LibvirtHypervisor
from tests.compute.libvirt.test_driver import FakeImages, do, prepared


async def act(node: NodeConfig, lease_s: float) -> None:
    clock = SystemClock()
    driver = LibvirtHypervisor(node, clock, FakeImages(node.image_cache))
    await driver.start()
    build = prepared()
    await do(driver, build, until="define")
    until = clock.monotonic() + lease_s
    await driver.watchdog.begin([build.id], until)
    for step in (driver.start_paused, driver.resume, driver.await_running):
        assert await step([build]) == {}
    sys.stdout.write(f"{until}\n")
    sys.stdout.flush()
    signal.pause()


if __name__ == "__main__":
    asyncio.run(act(from_json(NodeConfig, Path(sys.argv[1]).read_bytes()), float(sys.argv[2])))

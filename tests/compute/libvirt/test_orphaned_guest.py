"""A real guest whose compute actor is killed with SIGKILL while its lease runs: gone when the lease is over."""

from __future__ import annotations

import asyncio
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.clock import SystemClock
from actors.cluster.config import NodeConfig, to_json
from actors.compute.libvirt.daemon import marked_processes, stop_daemon
from actors.compute.libvirt.daemon_files import files_of
from actors.compute.libvirt.driver import LibvirtHypervisor
from actors.compute.libvirt.guest_processes import kill
from actors.compute.libvirt.watchdog import _is_locked, stop_watchdog
from actors.compute.libvirt.watchdog_process import LOCK
from actors.conductor.nodes import MARGIN_S
from tests.compute.guests import INSTANCE
from tests.compute.libvirt.test_driver import EMPTY, FakeImages, prepared, undo

pytestmark = pytest.mark.real
LEASE_S = 4.0  # in which a guest is started, on a machine that is busy with other things
END_LIMIT_S = 20.0
LOOK_S = 0.05
ROOT = Path(__file__).parents[3]

now = SystemClock().monotonic


@pytest.fixture(scope="module")
def node(namespace: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeConfig]:
    home = tmp_path_factory.mktemp("node")
    config = NodeConfig(host="host-1", home=home, hypervisor="libvirt", netns=namespace, virt_type="qemu")
    (home / "node.json").write_bytes(to_json(config))
    try:
        yield config
    finally:
        stop_watchdog(config)
        stop_daemon(config)
        assert marked_processes(files_of(config).mark) == []
        assert not _is_locked(home / LOCK)


def actor(node: NodeConfig, lease_s: float) -> tuple[subprocess.Popen[str], float, int]:
    """One that has begun a guest; when its lease is over; a handle of the guest's process."""
    module = "tests.compute.libvirt.actor_to_kill"
    command = [sys.executable, "-m", module, str(node.home / "node.json"), str(lease_s)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    until = float(process.stdout.readline())
    [pid] = [pid for pid in marked_processes(files_of(node).mark) if INSTANCE in command_of(pid)]
    return process, until, os.pidfd_open(pid)


def command_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode()


def has_ended(guest: int, limit_s: float) -> bool:
    """Within the limit."""
    return bool(select.select([guest], [], [], limit_s)[0])


async def put_away(node: NodeConfig, running: bool) -> None:
    """As the next actor of the node does, which finds all of the guest but its process."""
    driver = LibvirtHypervisor(node, SystemClock(), FakeImages(node.image_cache))
    await driver.start()
    try:
        async with asyncio.timeout(END_LIMIT_S):
            while bool((world := await driver.world())["running"]) is not running:  # noqa: ASYNC110
                await asyncio.sleep(LOOK_S)  # libvirt sees the end of a process by itself, a moment later
        assert world["domains"] == [INSTANCE]
        await undo(driver, [prepared()])
        assert await driver.world() == EMPTY
    finally:
        await driver.close()


def test_it_is_gone_when_the_lease_is_over_and_libvirt_knows(node: NodeConfig) -> None:
    process, until, guest = actor(node, LEASE_S)
    process.kill()
    process.wait()
    if (left_s := until - now() - 0.2) > 0:
        assert not has_ended(guest, left_s)
    assert has_ended(guest, END_LIMIT_S)
    late_s = now() - until
    os.close(guest)
    asyncio.run(put_away(node, running=False))
    assert late_s < MARGIN_S


def test_the_actor_that_follows_takes_it_up(node: NodeConfig) -> None:
    process, until, guest = actor(node, LEASE_S)
    process.kill()
    process.wait()

    async def follow() -> None:
        driver = LibvirtHypervisor(node, SystemClock(), FakeImages(node.image_cache))
        try:
            await driver.watchdog.begin([INSTANCE], until + END_LIMIT_S)
            assert not await asyncio.to_thread(has_ended, guest, until - now() + MARGIN_S)
            driver.watchdog.let_go([INSTANCE])
        finally:
            await driver.close()

    asyncio.run(follow())
    os.close(guest)
    asyncio.run(put_away(node, running=True))


def test_a_guest_of_a_node_with_another_mount_is_not_touched(node: NodeConfig) -> None:
    process, _, guest = actor(node, END_LIMIT_S)
    assert kill([INSTANCE], f"{files_of(node).mark}-of-another") == []
    assert not has_ended(guest, 0.0)
    assert kill([INSTANCE], files_of(node).mark) == []
    assert has_ended(guest, 0.0)
    os.close(guest)
    process.kill()
    process.wait()
    asyncio.run(put_away(node, running=False))

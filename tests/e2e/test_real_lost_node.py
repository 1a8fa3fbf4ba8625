"""The Ray of a node dies in the middle of boots, with its compute actor; its real guests are left to the watchdog.

They are gone before they run elsewhere, and nothing of the node is left when the cloud is taken down.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.cli.doctor import lacks_for_real_guests
from actors.cloud import Cloud
from actors.cluster.keeper import descendants, is_rays
from actors.cluster.runtime import running
from tests.running import CommandLine, cloud

pytestmark = [pytest.mark.real, pytest.mark.chaos]

NODES = ("node-1", "node-2")
LOST = "node-2"
BOOTS = 4
BOOT_LIMIT_S = 120.0
LOOK_S = 0.02

Places = dict[str, set[str]]  # instance id → nodes on which it has a process


@pytest.fixture
def line() -> Iterator[CommandLine]:
    if lacks := lacks_for_real_guests():
        pytest.skip("; ".join(lacks))
    with cloud("--nodes", str(len(NODES))) as started:
        yield started


def places(ids: set[str]) -> Places:
    found: Places = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if "-uuid" in words and (one := words[words.index("-uuid") + 1]) in ids:
                mounts = (folder / "mountinfo").read_text()
                found.setdefault(one, set()).update(node for node in NODES if f"/nodes/{node}/" in mounts)
        except OSError:
            continue  # it ended meanwhile
    return found


def on_the_lost_one(ids: set[str]) -> set[str]:
    return {one for one, nodes in places(ids).items() if LOST in nodes}


def test_guests_of_a_node_whose_ray_died_are_gone_before_they_run_elsewhere(line: CommandLine) -> None:
    with Cloud.connect(line.home) as api:
        servers = api.boot_many([f"vm-{number}" for number in range(BOOTS)])
        ids = {server.id for server in servers}
        await_one(ids)
        orphans = on_the_lost_one(ids)
        kill_ray(line.home)
        await_ends(api, ids)
        hosts = {view.id: view.host for view in api.show(sorted(ids))}
        assert places(ids) == {one: {host} for one, host in hosts.items()}
        assert any(hosts[one] != LOST for one in orphans)


def await_one(ids: set[str]) -> None:
    """A guest has a process on the node that will be lost."""
    deadline = time.monotonic() + BOOT_LIMIT_S
    while not on_the_lost_one(ids):
        assert time.monotonic() < deadline
        time.sleep(LOOK_S)  # a process that starts tells nobody


def await_ends(api: Cloud, ids: set[str]) -> None:
    """All boots have ended; no guest had a process on two nodes meanwhile."""
    deadline = time.monotonic() + BOOT_LIMIT_S
    while any(view.status == "BUILD" for view in api.show(sorted(ids))):
        assert all(len(nodes) == 1 for nodes in places(ids).values())
        assert time.monotonic() < deadline
        time.sleep(LOOK_S)  # a process that starts or ends tells nobody


def kill_ray(home: Path) -> None:
    """All of the node's, and the keeper that would start it again."""
    runtime = running(home)
    assert runtime is not None
    [keeper] = [process.pid for process in runtime.processes if process.node == LOST]
    family = descendants(keeper)
    os.kill(keeper, signal.SIGKILL)
    for pid in filter(is_rays, family):
        os.kill(pid, signal.SIGKILL)

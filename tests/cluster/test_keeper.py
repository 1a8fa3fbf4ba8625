"""A node's keeper, over processes that stand in for Ray's: whichever of them is killed is back."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from actors.cluster import keeper
from actors.cluster.keeper import GCS, RAYLET

LIMIT_S = 30.0  # for what takes milliseconds on a quiet machine
FOREVER_S = "3600"
HEAD, WORKER = (GCS, RAYLET), (RAYLET,)


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """`sleep`, under the names and in a place of Ray's."""
    folder = tmp_path / "site-packages" / "ray"
    folder.mkdir(parents=True)
    for name in HEAD:
        shutil.copy(shutil.which("sleep") or "sleep", folder / name)
    return folder


Start = Callable[..., int]


@pytest.fixture
def start(programs: Path) -> Iterator[Start]:
    """Starts a keeper whose `ray start` leaves these programs behind, and `more`; its pid."""
    keepers: list[subprocess.Popen[bytes]] = []

    def begin(names: tuple[str, ...], more: str = "") -> int:
        begun = 'until [ "$(cat /proc/$!/comm)" = {} ]; do :; done'  # as `ray start`, which returns when they run
        script = "\n".join([*(f"{programs / name} {FOREVER_S} &\n{begun.format(name)}" for name in names), more])
        command = ["sh", "-c", script, *([keeper.HEAD] if GCS in names else []), f"--temp-dir={programs}"]
        process = subprocess.Popen(
            [sys.executable, "-m", keeper.__name__, "node", *command], env=os.environ | {"MARK": "kept"}
        )
        keepers.append(process)
        for name in names:
            await_true(lambda name=name: found(process.pid, name))  # type: ignore[misc]
        return process.pid

    yield begin
    for process in keepers:
        below = keeper.descendants(process.pid)
        process.terminate()
        process.wait(LIMIT_S)
        for pid in below:  # some end on their own when the keeper does
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def found(pid: int, name: str) -> list[int]:
    return [child for child in keeper.children(pid) if keeper.program(child) == name and keeper.is_alive(child)]


def await_true(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    await_true(lambda: not keeper.is_alive(pid))


def test_a_killed_gcs_is_started_again_as_it_was_and_nothing_else_is_touched(start: Start) -> None:
    pid = start(HEAD)
    [gcs], [raylet] = found(pid, GCS), found(pid, RAYLET)
    before = keeper.command(gcs)
    for _ in range(2):
        kill(gcs)
        await_true(lambda: found(pid, GCS))
        [gcs] = found(pid, GCS)
        assert keeper.command(gcs) == before
    assert before.environment[b"MARK"] == b"kept"
    assert found(pid, RAYLET) == [raylet]


@pytest.mark.parametrize("names", [HEAD, WORKER])
def test_a_node_whose_raylet_died_is_ended_and_started_anew(start: Start, names: tuple[str, ...]) -> None:
    pid = start(names)
    before = keeper.descendants(pid)
    [raylet] = found(pid, RAYLET)
    kill(raylet)
    await_true(lambda: not any(keeper.is_alive(one) for one in before))
    await_true(lambda: all(found(pid, name) for name in names))


def test_what_an_actor_started_outlives_its_node(start: Start) -> None:
    """Such as the server of a guest's disks."""
    pid = start(WORKER, f"sleep {FOREVER_S} &")
    await_true(lambda: found(pid, "sleep"))
    [server] = found(pid, "sleep")
    [raylet] = found(pid, RAYLET)
    kill(raylet)
    await_true(lambda: found(pid, RAYLET))
    assert keeper.is_alive(server)


def test_a_head_starts_although_a_killed_one_said_that_it_runs(start: Start, programs: Path) -> None:
    note = programs / "ray_current_cluster"
    note.write_text("127.0.0.1:1")
    start(HEAD)
    assert not note.exists()


def test_a_keeper_that_is_told_to_end_starts_nothing(start: Start) -> None:
    pid = start(HEAD)
    below = [*found(pid, GCS), *found(pid, RAYLET)]
    os.kill(pid, signal.SIGTERM)
    await_true(lambda: not keeper.is_alive(pid))
    kill(below[0])
    assert [child for child in below[1:] if keeper.is_alive(child)] == below[1:]
    for child in below[1:]:
        kill(child)

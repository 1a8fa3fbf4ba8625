"""The keeper of one Ray node on this machine: starts it, and starts again what of it dies.

A small process of its own, one a node, run by `ray_node.py` as `python -m actors.cluster.keeper NODE ray start …`. What
`ray start` leaves behind becomes its children, so it hears of each death at once.

A head whose GCS dies gets it back by the very command it had: its state is on disk, and raylets and actors go on
meanwhile. A node whose raylet dies is ended altogether, so that nothing of it runs on unseen, and started anew.
Invariants: what runs of the node in Ray's name is a child of the keeper's; a keeper that is told to end starts nothing.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
PAUSES_S = (0.0, 1.0, 2.0, 5.0, 10.0)  # before starts that follow each other closely, over and over
CLOSELY_S = 30.0  # a node that lived so long begins with the first pause again
HEAD, FOLDER = "--head", "--temp-dir="  # of `ray start`
GCS, RAYLET = "gcs_server", "raylet"
RAYS_OWN = (b"ray::", b"ray-dashboard")  # titles that Ray gives to its Python processes
RAYS_PROGRAMS = b"/site-packages/ray/", b"/actors/cluster/ray_worker.py"


class Command(NamedTuple):
    """How a process was started."""

    words: list[bytes]
    environment: dict[bytes, bytes]


class Keeper:
    def __init__(self, start: Sequence[str]) -> None:
        self._start = start
        self._gcs: tuple[int, Command] | None = None  # pid and command, on a head
        self._raylet = 0

    def run(self) -> NoReturn:
        """Until the process is told to end."""
        while True:
            for pause_s in PAUSES_S:
                time.sleep(pause_s)  # a node that dies at each start must not take the machine with it
                began = time.monotonic()
                self._begin()
                self._watch()
                end_all(os.getpid())
                if time.monotonic() - began > CLOSELY_S:
                    break

    def _begin(self) -> None:
        for folder in (word.removeprefix(FOLDER) for word in self._start if word.startswith(FOLDER)):
            Path(folder, "ray_current_cluster").unlink(missing_ok=True)  # a killed head leaves it, and is then refused
        subprocess.run(self._start, check=False)  # what it says is in the node's log
        pids = {program(pid): pid for pid in children(os.getpid())}
        self._gcs = (pids[GCS], command(pids[GCS])) if GCS in pids else None
        whole = (
            self._gcs is not None or HEAD not in self._start
        )  # one that died as soon as this is started with the rest
        self._raylet = pids.get(RAYLET, 0) if whole else 0

    def _watch(self) -> None:
        """Returns when the node must be started anew."""
        while self._raylet and is_alive(self._raylet):
            ended, _ = os.waitpid(-1, 0)
            if ended == self._raylet:
                return
            if self._gcs is not None and ended == self._gcs[0]:
                again = self._gcs[1]
                self._gcs = os.posix_spawn(again.words[0], again.words, again.environment, setsid=True), again


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []  # it has ended


def descendants(pid: int) -> list[int]:
    return [found for child in children(pid) for found in (child, *descendants(child))]


def words_of(pid: int) -> list[bytes]:
    """Its command line; [] when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        return []


def environment_of(pid: int) -> dict[bytes, bytes]:
    """As it was started; {} when it has ended or is another user's."""
    try:
        entries = Path(f"/proc/{pid}/environ").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        return {}
    return {name: value for name, _, value in (entry.partition(b"=") for entry in entries)}


def program(pid: int) -> str:
    words = words_of(pid)
    return Path(os.fsdecode(words[0])).name if words else ""


def command(pid: int) -> Command:
    return Command(words_of(pid), environment_of(pid))


def is_rays(pid: int) -> bool:
    """Ray's own, and its workers; not what an actor has started, such as a guest's disk server, which must live on."""
    words = words_of(pid)
    return bool(words) and (
        words[0].startswith(RAYS_OWN) or any(part in word for word in words[:3] for part in RAYS_PROGRAMS)
    )


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def end_all(keeper: int) -> None:
    """Everything of Ray below the keeper, at once."""
    while pids := [pid for pid in descendants(keeper) if is_rays(pid) and is_alive(pid)]:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.02)  # orphans of what was killed become our children: looked for again until none is left


def main() -> NoReturn:
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    Keeper(sys.argv[2:]).run()


if __name__ == "__main__":
    main()

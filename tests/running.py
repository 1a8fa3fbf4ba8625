"""The command line as its users run it, in a home of the test's own, and what a home may not leave behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actors.cluster.ray_node import home_id
from actors.cluster.runtime import running
from actors.compute.libvirt.daemon_files import files_of
from actors.network.external import machine_device
from actors.network.node_network import underlay_of
from actors.volume.daemon import run_folder

COMMAND_LIMIT_S = 240.0  # for one command; a cloud comes up in 20 s on two quiet cores
END_LIMIT_S = 15.0  # for what was told to end to be gone
PROGRAM = Path(sys.executable).with_name("novaray")
FOREIGN = ("RAY_", "OS_", "NOVARAY_")  # settings of another cloud, which a test's must not hear of


def environment(home: Path, **more: str) -> dict[str, str]:
    """The caller's environment, but its clouds; a job's or a script's, that means the cloud of this home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return kept | {"NOVARAY_HOME": str(home)} | more


@dataclass(frozen=True, slots=True)
class CommandLine:
    home: Path

    def run(self, *words: str, code: int = 0, program: Path = PROGRAM) -> str:
        """What a command prints on its standard output; it must end with `code`."""
        done = self.attempt(*words, program=program)
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout if code == 0 else done.stderr

    def attempt(self, *words: str, program: Path = PROGRAM) -> subprocess.CompletedProcess[str]:
        """A command that may fail."""
        return subprocess.run(
            [program, *words], env=environment(self.home), capture_output=True, text=True, timeout=COMMAND_LIMIT_S
        )

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json"))


@contextmanager
def cloud(*options: str) -> Iterator[CommandLine]:
    """`novaray up` with these options; at the end `down`, after which nothing of it may be left."""
    line = CommandLine(Path(tempfile.mkdtemp(prefix="nvt-", dir="/tmp")))  # short: unix sockets lie below it
    try:
        line.run("up", *options)
        yield line
    finally:
        marks = marks_of(line.home)
        line.run("down", "--purge")
    assert not line.home.exists()
    assert await_nothing(lambda: leftovers(line.home, marks)) == []


def marks_of(home: Path) -> set[str]:
    """Parts of the names of what a cloud has outside its home; to be asked before it is stopped."""
    runtime = running(home)
    daemons = [files_of(node).runtime.name for node in runtime.nodes] if runtime else []
    networks = [folder.name for kind in ("dhcp", "routers") for folder in home.glob(f"nodes/*/{kind}/*")]
    outside = [machine_device(underlay_of(node.netns)) for node in runtime.nodes if node.netns] if runtime else []
    return {home_id(home), run_folder(home / "volumes").name, *daemons, *networks, *outside} - {"run"}


def await_nothing(find: Callable[[], list[str]]) -> list[str]:
    """What is still found when the time is up; what was told to end may take a moment."""
    deadline = time.monotonic() + END_LIMIT_S
    while (found := find()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def leftovers(home: Path, marks: set[str]) -> list[str]:
    """Everything on the machine, outside the home itself, that belongs to this home."""
    return [*_processes(home), *_mounts(home), *_named(marks)]


def _processes(home: Path) -> list[str]:
    """Those whose command or environment names the home, but for the test itself."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command, variables = ((folder / name).read_bytes() for name in ("cmdline", "environ"))
        except OSError:
            continue  # it ended meanwhile, or is not ours
        mine = int(folder.name) in (os.getpid(), os.getppid())
        if os.fsencode(f"{home}/") in command or (not mine and f"NOVARAY_HOME={home}".encode() in variables):
            found.append(f"process {folder.name}: {command.replace(bytes(1), b' ').decode(errors='replace')}")
    return found


def _mounts(home: Path) -> list[str]:
    return [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if f"{home}/" in line]


def _named(marks: set[str]) -> list[str]:
    """Namespaces, folders of sockets, Ray's temporary folder, and devices in the machine's own namespace."""
    places = ("/run/netns", "/run/novaray", "/run", tempfile.gettempdir(), "/sys/class/net")
    entries = [entry for place in map(Path, places) if place.is_dir() for entry in place.iterdir()]
    return [str(entry) for entry in entries if any(mark in entry.name for mark in marks)]

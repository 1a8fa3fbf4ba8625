"""The real `openstack` command against a cloud of a test's own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from actors.cluster.clouds_file import client_variables
from tests.running import COMMAND_LIMIT_S, environment

PROGRAM = Path(sys.executable).with_name("openstack")


class OpenStack:
    """Commands as one user, through a process that runs them one after the other (`openstack_batch.py`).

    `seen` counts the different commands that succeeded, by their words before the first option or name.
    """

    def __init__(self, process: subprocess.Popen[str], home: Path) -> None:
        self._process = process
        self.home = home  # of the cloud
        self.as_user: tuple[str, ...] = ()
        self.done: list[str] = []

    def run(self, command: str, *more: str, code: int = 0) -> str:
        """What a command prints; it must end with `code`. `more` are arguments that may hold spaces."""
        arguments = [*self.as_user, *command.split(), *more]
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(arguments) + "\n")
        self._process.stdin.flush()
        ended = json.loads(self._process.stdout.readline())
        assert (ended["code"] != 0) == (code != 0), f"openstack {' '.join(arguments)}: {ended['code']}\n{ended['err']}"
        if code == 0:
            self.done.append(" ".join(arguments))
        return str(ended["out"] if code == 0 else ended["err"])

    def json(self, command: str, *more: str) -> Any:
        return json.loads(self.run(command, *more, "-f", "json"))

    def field(self, name: str, command: str, *more: str) -> str:
        return self.run(command, *more, "-f", "value", "-c", name).strip()


@contextmanager
def openstack(home: Path) -> Iterator[OpenStack]:
    batch = Path(__file__).with_name("openstack_batch.py")
    process = subprocess.Popen(
        [sys.executable, batch],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(home, **client_variables(home)),
    )
    try:
        yield OpenStack(process, home)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(COMMAND_LIMIT_S)


def alone(home: Path, *arguments: str) -> str:
    """One command in a process of its own, as a user starts it."""
    variables = environment(home, **client_variables(home))
    done = subprocess.run([PROGRAM, *arguments], env=variables, capture_output=True, text=True, timeout=COMMAND_LIMIT_S)
    assert done.returncode == 0, f"openstack {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout

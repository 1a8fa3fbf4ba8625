"""A node provider for `ray up` whose machines are groups of processes on this one: no ssh, no cloud.

Each machine has a folder: its home, and a `hostname` of its own. Its commands run in bash with a mark in their
environment, by which all that they start is found again and ended when the machine is terminated. What it does not
give is an address of its own: all machines have this one's.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from ray.autoscaler.command_runner import CommandRunnerInterface
from ray.autoscaler.node_provider import NodeProvider

MARK = "NOVARAY_TEST_MACHINE"
COMMAND_LIMIT_S = 180.0
END_LIMIT_S = 10.0  # for killed processes to be gone
RAY_STOP = re.compile(r"\bray\s+stop\b")  # wherever it stands in a command: it would end every Ray on the real machine


class LocalProvider(NodeProvider):  # type: ignore[misc]  # Ray carries no types
    """`provider: {type: external, module: tests.cluster.local_provider.LocalProvider, folder: …, ip: …}`"""

    def __init__(self, provider_config: dict[str, Any], cluster_name: str) -> None:
        super().__init__(provider_config, cluster_name)
        self._folder = Path(provider_config["folder"])

    def create_node(self, node_config: dict[str, Any], tags: dict[str, str], count: int) -> dict[str, Any]:
        return {name: {} for name in (self._create(tags) for _ in range(count))}

    def _create(self, tags: dict[str, str]) -> str:
        kind = tags["ray-node-type"]
        number = 1
        while True:
            machine = self._folder / f"{kind}-{number}"
            try:
                (machine / "bin").mkdir(parents=True)
                break
            except FileExistsError:
                number += 1
        hostname = machine / "bin" / "hostname"
        hostname.write_text(f"#!/bin/sh\necho {machine.name}\n")
        hostname.chmod(0o755)
        _write_tags(machine, tags)
        return machine.name

    def non_terminated_nodes(self, tag_filters: dict[str, str]) -> list[str]:
        machines = sorted(path.parent for path in self._folder.glob("*/tags.json"))
        return [one.name for one in machines if tag_filters.items() <= _tags(one).items()]

    def is_running(self, node_id: str) -> bool:
        return (self._folder / node_id / "tags.json").exists()

    def is_terminated(self, node_id: str) -> bool:
        return not self.is_running(node_id)

    def node_tags(self, node_id: str) -> dict[str, str]:
        return _tags(self._folder / node_id)

    def set_node_tags(self, node_id: str, tags: dict[str, str]) -> None:
        _write_tags(self._folder / node_id, self.node_tags(node_id) | tags)

    def external_ip(self, node_id: str) -> str:
        return str(self.provider_config["ip"])

    internal_ip = external_ip

    def terminate_node(self, node_id: str) -> None:
        (self._folder / node_id / "tags.json").unlink(missing_ok=True)
        end_processes(node_id, self._folder)

    def get_command_runner(self, log_prefix: str, node_id: str, *rest: Any, **named: Any) -> CommandRunnerInterface:
        return LocalRunner(self._folder / node_id)


class LocalRunner(CommandRunnerInterface):  # type: ignore[misc]  # as above
    def __init__(self, machine: Path) -> None:
        self._machine = machine

    def run(
        self,
        cmd: str | None = None,
        timeout: int = 120,
        exit_on_fail: bool = False,
        port_forward: Any = None,
        with_output: bool = False,
        environment_variables: dict[str, object] | None = None,
        *rest: Any,
        **named: Any,
    ) -> str:
        if not cmd:
            return ""
        if RAY_STOP.search(cmd):
            end_processes(self._machine.name, self._machine.parent)
            return ""
        given = {name: _text(value) for name, value in (environment_variables or {}).items()}
        with (self._machine / "log").open("ab") as log:
            log.write(f"$ {cmd}\n".encode())
            log.flush()
            done = subprocess.run(
                ["bash", "-c", cmd],
                env=self._environment() | given,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if with_output else log,
                stderr=log,
                timeout=COMMAND_LIMIT_S,
                start_new_session=True,
            )
        if done.returncode:
            tail = (self._machine / "log").read_text(errors="replace")[-3_000:]
            raise RuntimeError(f"{self._machine.name}: {cmd}: {done.returncode}\n{tail}")
        return done.stdout.decode() if with_output else ""

    def _environment(self) -> dict[str, str]:
        """A fresh login's, but for where Python finds this module; nothing of the caller's Ray."""
        kept = {name: os.environ[name] for name in ("LANG", "PYTHONPATH") if name in os.environ}
        kept["XDG_CACHE_HOME"] = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")  # doctor's findings
        path = f"{self._machine / 'bin'}:{os.environ['PATH']}"
        return kept | {
            "PATH": path,
            "HOME": str(self._machine),
            MARK: str(self._machine),
            "RAY_USAGE_STATS_ENABLED": "0",
        }

    def run_rsync_up(self, source: str, target: str, options: dict[str, Any] | None = None) -> None:
        place = Path(target.replace("~", str(self._machine), 1))
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place)

    def run_rsync_down(self, source: str, target: str, options: dict[str, Any] | None = None) -> None:
        shutil.copyfile(source.replace("~", str(self._machine), 1), target)

    def remote_shell_command_str(self) -> str:
        return f"env HOME={self._machine} bash"

    def run_init(self, **named: Any) -> bool:
        return False


def processes(machine: Path) -> list[int]:
    """Everything that was started on the machine and lives."""
    mark = f"{MARK}={machine}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0") and int(folder.name) != os.getpid():
                found.append(int(folder.name))
        except OSError:
            continue  # it ended meanwhile, or is not ours
    return found


def end_processes(node_id: str, folder: Path) -> None:
    deadline = time.monotonic() + END_LIMIT_S
    while (left := processes(folder / node_id)) and time.monotonic() < deadline:
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.1)  # nobody tells when another's child is gone


def _tags(machine: Path) -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads((machine / "tags.json").read_bytes())
    except FileNotFoundError:  # terminated meanwhile
        return {}
    return found


def _write_tags(machine: Path, tags: dict[str, str]) -> None:
    """Whole or not at all: the head's autoscaler and `ray down` look at them at the same time."""
    draft = machine / f"tags.{os.getpid()}"
    draft.write_text(json.dumps(tags))
    draft.replace(machine / "tags.json")


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)

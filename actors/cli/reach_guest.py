"""Talking to a guest from outside its network, through a relay of its node's agent."""

from __future__ import annotations

import http.client
import subprocess
from collections.abc import Sequence
from pathlib import Path

SSH_CONNECT_S = 20

SSH_OPTIONS = (  # guests come and go under the same addresses: their host keys mean nothing here
    "-o", "StrictHostKeyChecking=no",
    "-o", "UserKnownHostsFile=/dev/null",
    "-o", "LogLevel=ERROR",
    "-o", f"ConnectTimeout={SSH_CONNECT_S}",
)  # fmt: skip


def ssh_arguments(host: str, port: int, key: Path | None) -> list[str]:
    identity = ["-i", str(key), "-o", "IdentitiesOnly=yes"] if key else []
    return ["ssh", *SSH_OPTIONS, *identity, "-p", str(port), f"root@{host}"]


def run_ssh(host: str, port: int, key: Path | None, command: Sequence[str]) -> int:
    """An interactive session, or one command; its exit code."""
    return subprocess.run([*ssh_arguments(host, port, key), *command], check=False).returncode


def ssh_output(host: str, port: int, key: Path, command: str, limit_s: float) -> str:
    """What a command prints in the guest; raises CalledProcessError, with what ssh said, where it fails."""
    arguments = [*ssh_arguments(host, port, key), command]
    try:
        return subprocess.run(arguments, check=True, capture_output=True, text=True, timeout=limit_s).stdout
    except subprocess.CalledProcessError as error:
        error.add_note(error.stderr.strip())
        raise


def http_get(host: str, port: int, path: str, limit_s: float) -> tuple[int, str]:
    connection = http.client.HTTPConnection(host, port, timeout=limit_s)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        connection.close()

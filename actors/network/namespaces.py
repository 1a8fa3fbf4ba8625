"""Named network namespaces, by iproute2: it also makes /run/netns a shared mount where that is needed.

A namespace is entered by util-linux's nsenter, which changes nothing else: iproute2's own `ip -n` also remounts `/`,
which is refused where `/` is no mount point, as in a chroot.

Used by `node_network.py` and `dhcp.py`. Making what is there and removing what isn't changes nothing.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

COMMAND_DEADLINE_S = 20.0
FOLDER = Path("/run/netns")


class IpError(OSError):
    """iproute2 refused; `str()` is its command and its message."""


def inside(netns: str, *command: str) -> list[str]:
    """The command line that runs a command in a named namespace ('' = here)."""
    return ["nsenter", f"--net={FOLDER / netns}", "--", *command] if netns else list(command)


def ip(*words: str, netns: str = "", but: str = "") -> str:
    """Runs `ip`, returns its output. `but`: part of a message that means it is so already."""
    command = inside(netns, "ip", *words)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_DEADLINE_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise IpError(f"{' '.join(command)}: no end within {COMMAND_DEADLINE_S:g} s") from error
    if done.returncode and not (but and but in done.stderr):
        raise IpError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def names() -> list[str]:
    """All named network namespaces of the machine."""
    return sorted(entry.name for entry in FOLDER.iterdir()) if FOLDER.is_dir() else []


def add(name: str) -> None:
    if name in names() and not _is_alive(name):
        remove(name)
    if name not in names():
        ip("netns", "add", name, but="File exists")
    ip("link", "set", "lo", "up", netns=name)


def remove(name: str) -> None:
    """The kernel destroys what is in it some time after its name has gone."""
    if name in names():
        ip("netns", "delete", name, but="No such file")


def pids(name: str) -> list[int]:
    """The processes that live in it."""
    return [int(pid) for pid in ip("netns", "pids", name).split()]


def _is_alive(name: str) -> bool:
    """An empty file is left of a namespace where /run outlives a reboot, as in a container's file system."""
    return (FOLDER / name).stat().st_dev == Path("/proc/self/ns/net").stat().st_dev

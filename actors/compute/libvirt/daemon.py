"""Starts, awaits and ends a node's own libvirt daemon, so that nodes and clouds on one machine do not meet.

Called by the driver (start, await) and by the cloud's `down` (stop). All three may run twice. With `libvirt_uri` set
the daemon is the operator's and none of this touches it. What runs is `keeper.py`, which holds a lock while it lives;
nothing global is changed on the host: the daemon's fixed folders are the node's in a mount namespace of its own.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import libvirt

from actors.cluster.config import NodeConfig
from actors.compute.libvirt import keeper
from actors.compute.libvirt.daemon_files import PLACES, RUNTIME, DaemonFiles, files_of, uri_of
from actors.errors import HostError, HostFault

SPAWN_S = 10.0  # until the keeper holds its lock
STOP_S = 20.0  # until the keeper, the daemon and all guests have ended
KILLED_S = 5.0  # until killed leftovers are gone
POLL_S = 0.02
LOG_TAIL_BYTES = 2_000
KEPT_FILES = ("etc/qemu/*.xml", "lib/qemu/save/*.save", "lib/qemu/nvram/*")
"""Definitions of guests, the memory of those that are suspended, and what their firmware remembers."""


def start_daemon(config: NodeConfig) -> None:
    """Returns when it is spawned; does nothing if it runs."""
    files = files_of(config)
    if config.libvirt_uri or is_running(files):
        return
    program = shutil.which("libvirtd") or shutil.which("libvirtd", path="/usr/sbin:/sbin")
    if program is None:
        raise HostError(HostFault("hypervisor", config.host, "libvirtd is not installed"))
    for name, content in files.configuration().items():
        _write(files.folder / name, content.encode())
    files.runtime.mkdir(parents=True, exist_ok=True, mode=0o700)
    copy_new_files(known_capabilities(), files.capabilities)
    told = {"folder": str(files.folder), "program": program, "netns": files.netns, "mark": files.mark, "places": PLACES}
    command = [sys.executable, "-I", "-S", keeper.__file__, json.dumps(told)]
    with files.keeper_log.open("ab") as log:
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=SPAWN_S, check=True)


def await_daemon(config: NodeConfig, deadline_s: float) -> None:
    """Returns when it answers; raises HostError if it doesn't within `deadline_s` or has ended."""
    if config.libvirt_uri:
        return
    files = files_of(config)
    deadline = time.monotonic() + deadline_s
    while not _listens(files.socket):
        if not is_running(files):
            raise HostError(HostFault("hypervisor", config.host, f"the libvirt daemon ended: {_last_words(files)}"))
        if time.monotonic() > deadline:
            raise HostError(HostFault("hypervisor", config.host, f"no libvirt daemon after {deadline_s:g} s"))
        time.sleep(POLL_S)  # a daemon that begins to listen tells nobody
    connection = libvirt.open(uri_of(config))
    try:
        connection.getCapabilities()  # the daemon asks each QEMU what it can do, once: the long part of a first start
    finally:
        connection.close()
    copy_new_files(files.capabilities, known_capabilities())


def stop_daemon(config: NodeConfig) -> None:
    """End the daemon and its guests; no process or mount point of theirs is left, and of its files what the next
    daemon must know to start the guests again (`KEPT_FILES`)."""
    if config.libvirt_uri:
        return
    files = files_of(config)
    if is_running(files):
        with suppress(ValueError, ProcessLookupError):
            os.kill(int(files.lock.read_text()), signal.SIGTERM)
        _wait_until(lambda: not is_running(files), STOP_S)
    _kill_leftovers(files)
    _remove_files(files.folder)
    shutil.rmtree(files.runtime, ignore_errors=True)
    with suppress(OSError):
        RUNTIME.rmdir()
    _remove_mount_point(Path(PLACES["run"]))


def _remove_files(folder: Path) -> None:
    kept = {file for pattern in KEPT_FILES for file in folder.glob(pattern)}
    for path in sorted(folder.rglob("*"), reverse=True):  # what is in a folder before itself
        if path.is_dir() and not path.is_symlink():
            with suppress(OSError):  # something of it is kept
                path.rmdir()
        elif path not in kept:
            path.unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


def is_running(files: DaemonFiles) -> bool:
    try:
        with files.lock.open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


# ---------------------------------------------------------------- what QEMU can do, kept across clouds


def known_capabilities() -> Path:
    """The daemon itself checks that a kept file fits its QEMU, its kernel and itself."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "novaray" / "libvirt-capabilities"


def copy_new_files(source: Path, target: Path) -> None:
    for file in source.glob("*.xml"):
        content = file.read_bytes()
        known = target / file.name
        if not known.exists() or known.read_bytes() != content:
            _write(known, content)


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_bytes(content)
    part.replace(path)


# ---------------------------------------------------------------- what is left


def marked_processes(mark: str) -> list[int]:
    """Every process that lives in the daemon's mount namespace."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _has_mark(entry, mark)]


def _has_mark(process: Path, mark: str) -> bool:
    try:
        return f" {mark} " in (process / "mountinfo").read_text()
    except OSError:  # it has ended
        return False


def _kill_leftovers(files: DaemonFiles) -> None:
    """What survived its keeper's death."""
    for pid in marked_processes(files.mark):
        with suppress(ProcessLookupError):
            handle = os.pidfd_open(pid)
            if _has_mark(Path(f"/proc/{pid}"), files.mark):  # looked at again: the number could be another's by now
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            os.close(handle)
    _wait_until(lambda: not marked_processes(files.mark), KILLED_S)


def _remove_mount_point(path: Path) -> None:
    """If it is empty and no other node's daemon has its own mounted there (each holds a lock on it)."""
    with suppress(FileNotFoundError):
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.rmdir()
        os.close(handle)


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _last_words(files: DaemonFiles) -> str:
    with suppress(OSError):
        return files.keeper_log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace").strip()
    return "it left no log"


def _wait_until(reached: Callable[[], bool], limit_s: float) -> None:
    deadline = time.monotonic() + limit_s
    while not reached() and time.monotonic() < deadline:
        time.sleep(POLL_S)  # processes and sockets of a daemon that is no child of ours tell nobody

"""The small parent of a node's libvirt daemon: it makes the daemon's private places, runs it and reaps its orphans.

Started by `daemon.py` as a process of its own (standard library only, so that it is up in 30 ms and costs 8 MB).
It enters the node's network namespace and a mount namespace of its own, where libvirt's fixed folders are the
node's; as a child subreaper it inherits the guests' processes, without which each stop of a guest would wait for
init to collect a zombie. Invariant: the lock file is locked exactly as long as it lives; when it ends, the daemon
and every guest have ended.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import re
import signal
import sys
import time
from pathlib import Path

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000  # linux/sched.h
MS_BIND, MS_REC, MS_SLAVE = 0x1000, 0x4000, 1 << 19  # linux/mount.h
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
HEARD = {signal.SIGTERM, signal.SIGCHLD}
DAEMON_END_S = 5.0  # what the daemon has to end in order
CHILDREN_END_S = 10.0  # what killed guests have to be gone
PAUSES_S = (1.0, 1.0, 2.0, 5.0, 10.0)  # before starts that follow each other closely; then the last, over and over
CLOSELY_S = 30.0  # a daemon that lived so long begins with the first pause again
NO_PROCESS = re.compile(rb"<domstatus [^>]*\bpid='0'")

libc = ctypes.CDLL(None, use_errno=True)


def checked(result: int, what: str) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def mount(source: str, target: str, kind: str, flags: int) -> None:
    result = libc.mount(source.encode(), target.encode(), kind.encode() or None, ctypes.c_ulong(flags), None)
    checked(result, f"mount {source} on {target}")


def enter_namespaces(netns: str) -> None:
    """Mounts of the host still arrive here; none of ours leaves."""
    if netns:
        with Path("/run/netns", netns).open() as namespace:
            checked(libc.setns(namespace.fileno(), CLONE_NEWNET), f"enter the network namespace {netns}")
    checked(libc.unshare(CLONE_NEWNS), "make a mount namespace")
    try:
        mount("none", "/", "", MS_REC | MS_SLAVE)
    except OSError as error:  # in a chroot `/` is no mount point, and the one around it is out of reach
        if error.errno != errno.EINVAL:
            raise


def make_places(folder: Path, mark: str, places: dict[str, str]) -> list[int]:
    """Bind the node's folders over libvirt's. Returns the locks that say that a shared mount point is in use."""
    for name in (*places, "mark"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    locks = [lock_mount_point(Path(target)) for target in places.values()]
    for name, target in places.items():
        mount(str(folder / name), target, "", MS_BIND)
    mount(mark, str(folder / "mark"), "tmpfs", 0)
    return locks


def lock_mount_point(path: Path) -> int:
    """Hold the mount point, made if it must be: removing it would take the mounts of other nodes' daemons with it."""
    while True:
        path.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(handle, fcntl.LOCK_SH)
        if path.exists() and path.stat().st_ino == os.fstat(handle).st_ino:
            return handle
        os.close(handle)  # removed meanwhile


def keep(program: str, folder: Path) -> None:
    """Run the daemon and reap until told to end; a daemon that dies by itself is started again, its guests live on.

    However often it dies: to give up would be to end the guests.
    """
    daemon, began, restarts = start_daemon(program, folder), time.monotonic(), 0
    while signal.sigwait(HEARD) != signal.SIGTERM:
        if daemon not in reap():
            continue
        sys.stderr.write("the daemon ended by itself\n")
        sys.stderr.flush()
        restarts = 0 if time.monotonic() - began > CLOSELY_S else min(restarts + 1, len(PAUSES_S) - 1)
        if signal.sigtimedwait({signal.SIGTERM}, PAUSES_S[restarts]):  # what killed it may still be there
            break
        daemon, began = start_daemon(program, folder), time.monotonic()
    end_children(daemon)


def start_daemon(program: str, folder: Path) -> int:
    """The signals that the keeper waits for are blocked in it, and must not be in its children."""
    forget_starts(folder / "run" / "qemu")
    command = [program, "-f", str(folder / "etc" / "libvirtd.conf"), "-p", str(folder / "libvirtd.pid")]
    return os.posix_spawn(program, command, os.environ, setsigmask=[])


def forget_starts(statuses: Path) -> None:
    """Remove what the daemon wrote of guests that had no process yet when it was killed.

    They never ran: QEMU ends where its daemon does before the two have shaken hands. But libvirt (9.0) would take such
    a guest over as one that is still being started, and every call about it would wait for that start and fail.
    """
    for status in statuses.glob("*.xml"):
        if NO_PROCESS.search(status.read_bytes()):
            status.unlink()


def end_children(daemon: int) -> None:
    """The daemon in order, then whatever is left of what it started."""
    if daemon in children():
        os.kill(daemon, signal.SIGTERM)
    deadline = time.monotonic() + DAEMON_END_S
    while daemon in children() and time.monotonic() < deadline:
        pause()
    deadline = time.monotonic() + CHILDREN_END_S
    while (left := children()) and time.monotonic() < deadline:
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        pause()


def pause() -> None:
    time.sleep(0.01)  # children are told to end, and some of them are orphans that come to us only then
    reap()


def children() -> list[int]:
    """Of this process's only thread."""
    me = os.getpid()
    return [int(pid) for pid in Path(f"/proc/{me}/task/{me}/children").read_text().split()]


def reap() -> set[int]:
    """Collect every child that has ended."""
    ended: set[int] = set()
    while children():
        pid, _ = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            break
        ended.add(pid)
    return ended


def main(folder: Path, program: str, netns: str, mark: str, places: dict[str, str]) -> None:
    """Returns in the caller's child as soon as the lock is held; the keeper itself goes on without a parent."""
    lock = (folder / "keeper.pid").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return  # another keeper lives: nothing to do
    signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
    if child := os.fork():  # who waits for this process finds the keeper's pid: it may be told to end at once
        lock.truncate(0)
        lock.write(f"{child}\n")
        lock.flush()
        return
    os.setsid()
    checked(libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "become a child subreaper")
    enter_namespaces(netns)
    handles = make_places(folder, mark, places)
    keep(program, folder)
    for handle in handles:
        os.close(handle)


if __name__ == "__main__":
    told = json.loads(sys.argv[1])
    main(Path(told["folder"]), told["program"], told["netns"], told["mark"], told["places"])

"""The processes of guests, found by what stands in their command, and ended without asking libvirt.

Used by the watchdog's process, so of the standard library alone: libvirt may be what does not answer, and takes a
guest whose process ended for one that is shut off. The processes must be visible here, in one PID namespace with the
compute actor.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

GONE_S = 2.0  # what killed guests have to be gone


def kill(instance_ids: Iterable[str], mark: str) -> list[str]:
    """End the guests of these instances; those that would not end.

    `mark`: the name of a mount that guests of this node's own daemon see, and guests of other nodes on this machine
    don't (`daemon_files.py`); '' where the daemon is an operator's.

    A number of a process may become another's at any moment: so the handle is taken first, and what it stands for is
    looked at after. Where that has ended meanwhile, the signal reaches nobody.
    """
    wanted = list(instance_ids)
    killed: dict[int, str] = {}  # by handle
    refused: list[str] = []  # of another user's processes
    for pid in _processes():
        if _guest_of(pid, wanted, mark):
            with suppress(ProcessLookupError), _handle_of(pid) as handle:
                if instance_id := _guest_of(pid, wanted, mark):
                    try:
                        signal.pidfd_send_signal(handle, signal.SIGKILL)
                    except PermissionError:
                        refused.append(instance_id)
                    else:
                        killed[os.dup(handle)] = instance_id
    still = _await_end(killed)
    for handle in killed:
        os.close(handle)
    return refused + still


@contextmanager
def _handle_of(pid: int) -> Iterator[int]:
    """Raises ProcessLookupError where there is no such process."""
    handle = os.pidfd_open(pid)
    try:
        yield handle
    finally:
        os.close(handle)


def _processes() -> list[int]:
    return [int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit()]


def _guest_of(pid: int, instance_ids: list[str], mark: str) -> str:
    """The instance whose guest this process is; '' if it is none of these. libvirt gives QEMU its id as `-uuid`."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if b"-uuid" not in words[:-1]:
            return ""
        instance_id = words[words.index(b"-uuid") + 1].decode(errors="replace")
        if instance_id not in instance_ids:
            return ""
        return instance_id if not mark or f" {mark} " in Path(f"/proc/{pid}/mountinfo").read_text() else ""
    except OSError:
        return ""  # it has ended


def _await_end(killed: dict[int, str]) -> list[str]:
    """A handle is readable once its process has ended: pidfd_open(2)."""
    poll = select.poll()
    for handle in killed:
        poll.register(handle, select.POLLIN)
    left, deadline = dict(killed), time.monotonic() + GONE_S
    while left and (left_s := deadline - time.monotonic()) > 0:
        for handle, _ in poll.poll(1_000 * left_s):
            poll.unregister(handle)
            del left[handle]
    return list(left.values())

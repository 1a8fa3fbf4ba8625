"""The process that stops a node's guests when the compute actor can't: small, asleep, and nobody's child.

Started by `watchdog.py`, one a node (it holds a lock as long as it lives), with the standard library alone. Compute
actors tell it over a unix socket what they have at stake; what is due when is decided in `actors/compute/stakes.py`.
It sleeps while nothing is at stake, and ends when nobody is connected and nothing is at stake. Invariant: what an actor
wrote before it died is read before it is decided what is due.
"""

from __future__ import annotations

import fcntl
import os
import select
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

if __name__ == "__main__":  # isolated, so that it is up in 30 ms
    sys.path.append(str(Path(__file__).parents[3]))

from actors.compute.libvirt.guest_processes import kill
from actors.compute.stakes import Stakes

LOCK, SOCKET = "watchdog.pid", "watchdog.sock"  # in the node's folder
BEGIN, RENEW, LET_GO, TAKE_UP = b"begin", b"renew", b"let-go", b"take-up"  # then: a time, if any, and ids
TAKEN, END = b"taken", b"end"  # all that is taken up has been asked for; it is to end
KNOWN = b"known"  # the answer to BEGIN and TAKE_UP; then come ids
MESSAGE_BYTES = 65_536
LOOK_S = 0.25  # between looks at the clock while something is at stake: a sleep is not cut short by a suspended machine
FIRST_S = 10.0  # within which the actor that started it connects
BACKLOG = 8


class Server:
    """`mark`: how the node's guests are told from others', as in `guest_processes.py`."""

    def __init__(self, listener: socket.socket, mark: str) -> None:
        self._listener = listener
        self._mark = mark
        self._poll = select.poll()
        self._poll.register(listener, select.POLLIN)
        self._actors: dict[int, socket.socket] = {}  # by file descriptor
        self._stakes = Stakes()
        self._over = False

    def serve(self) -> None:
        """Returns when it is of no use to anybody."""
        self._turn(FIRST_S)
        while not self._over and (self._actors or self._stakes):
            next_at = self._stakes.next_at()
            self._turn(None if next_at is None else max(0.0, min(next_at - now(), LOOK_S)))

    def _turn(self, limit_s: float | None) -> None:
        for handle, _ in self._poll.poll(None if limit_s is None else 1_000 * limit_s):
            if handle == self._listener.fileno():
                self._welcome()
            else:
                self._hear(self._actors[handle])
        self._stop_due()

    def _welcome(self) -> None:
        actor, _ = self._listener.accept()
        actor.setblocking(False)
        self._actors[actor.fileno()] = actor
        self._poll.register(actor, select.POLLIN)

    def _hear(self, actor: socket.socket) -> None:
        """All that it has said."""
        for message in messages(actor):
            self._obey(actor, message)
        if has_ended(actor):
            self._poll.unregister(actor)
            del self._actors[actor.fileno()]
            self._stakes.gone(actor)
            actor.close()

    def _obey(self, actor: socket.socket, message: bytes) -> None:
        word, *rest = message.split()
        if word == BEGIN:
            self._stakes.begin(actor, float(rest[0]), [one.decode() for one in rest[1:]])
            answer(actor, [])
        elif word == TAKE_UP:
            answer(actor, self._stakes.take_up([one.decode() for one in rest]))
        elif word == TAKEN:
            self._stakes.forget()
        elif word == RENEW:
            self._stakes.renew(actor, float(rest[0]))
        elif word == LET_GO:
            self._stakes.let_go(actor, [one.decode() for one in rest])
        elif word == END:
            self._over = True

    def _stop_due(self) -> None:
        due = self._stakes.due(now())
        if due:
            say(f"the lease is over of {' '.join(due)}")
            still = kill(due, self._mark)
            say(f"stopped but for {' '.join(still)}" if still else "stopped")
            self._stakes.stopped(due, now(), still)


def now() -> float:
    """As `SystemClock.monotonic` of the compute actor."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def messages(actor: socket.socket) -> Iterator[bytes]:
    """What is there now."""
    with suppress(BlockingIOError, ConnectionResetError):
        while message := actor.recv(MESSAGE_BYTES):
            yield message


def answer(actor: socket.socket, instance_ids: list[str]) -> None:
    with suppress(OSError):  # it has ended, or reads nothing
        actor.send(b" ".join((KNOWN, *(one.encode() for one in instance_ids))))


def has_ended(actor: socket.socket) -> bool:
    try:
        return not actor.recv(1, socket.MSG_PEEK)
    except (BlockingIOError, ConnectionResetError):  # one that left an answer unread resets, once; then comes the rest
        return False


def say(line: str) -> None:
    sys.stderr.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")
    sys.stderr.flush()


def main(folder: str, mark: str) -> None:
    """Returns in the caller's child as soon as the socket listens; the watchdog itself goes on without a parent."""
    os.chdir(folder)  # a socket's path has 107 characters at most
    lock = os.open(LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return  # another lives
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    Path(SOCKET).unlink(missing_ok=True)
    os.umask(0o077)  # nobody else tells it anything
    listener.bind(SOCKET)
    listener.listen(BACKLOG)
    if child := os.fork():
        os.ftruncate(lock, 0)
        os.write(lock, b"%d\n" % child)
        return
    os.setsid()
    with suppress(OSError):  # Ray's workers are the first that the kernel ends where memory is short; not this one too
        Path("/proc/self/oom_score_adj").write_text("0")
    Server(listener, mark).serve()
    Path(SOCKET).unlink(missing_ok=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])

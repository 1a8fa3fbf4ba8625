"""The watchdog of a node with real guests, as its compute actor reaches it: started, told, and started again.

Owned by the driver. The process (`watchdog_process.py`) outlives the actor, and serves the one that follows; `down`
ends it. Invariants: a guest begins only when the watchdog has said that it knows; one that dies is replaced at once
where guests are at stake, else before the next begins.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from actors.cluster.config import NodeConfig
from actors.compute.libvirt import watchdog_process
from actors.compute.libvirt.daemon_files import files_of
from actors.compute.libvirt.watchdog_process import (
    BEGIN,
    END,
    LET_GO,
    LOCK,
    MESSAGE_BYTES,
    RENEW,
    SOCKET,
    TAKE_UP,
    TAKEN,
)
from actors.errors import HostError, HostFault

LOG = "watchdog.log"
START_S = 10.0  # until one that was started listens
ANSWER_S = 5.0  # until it says that it knows: it may be stopping guests
TRIES = 5  # watchdogs that are told before a build fails; one that is being killed takes connections to its end
STOP_S = 5.0  # until one that is told to end has ended
POLL_S = 0.02
IDS = 500  # in a message; 37 bytes each

log = logging.getLogger(__name__)


class NodeWatchdog:
    """`actors.compute.watchdog.Watchdog`."""

    def __init__(self, config: NodeConfig) -> None:
        self._config = config
        self._held: dict[str, None] = {}  # begun, and not let go of
        self._owed: dict[str, None] = {}  # let go of while it was not connected
        self._until = 0.0
        self._socket: socket.socket | None = None
        self._asking = asyncio.Lock()
        self._answer: asyncio.Future[list[str]] | None = None
        self._again: asyncio.Task[None] | None = None
        self._over = False

    async def start(self) -> None:
        """So that the first guest need not wait for it. One that can't be started is tried again then."""
        with suppress(OSError, subprocess.SubprocessError):
            async with self._asking:
                await self._connect()

    async def begin(self, instance_ids: Sequence[str], until: float) -> None:
        if not instance_ids:
            return
        self._held.update(dict.fromkeys(instance_ids))
        self._until = max(until, self._until)
        await self._ask(BEGIN, instance_ids)

    async def take_up(self, instance_ids: Sequence[str]) -> list[str]:
        found = await self._ask(TAKE_UP, instance_ids) if instance_ids else []
        self._tell(TAKEN, ())
        return found

    def renew(self, until: float) -> None:
        self._until = max(until, self._until)
        if self._held:
            self._tell(RENEW, [repr(self._until)])

    def let_go(self, instance_ids: Sequence[str]) -> None:
        for instance_id in instance_ids:
            self._held.pop(instance_id, None)
        for ids in _portions(instance_ids):
            if not self._tell(LET_GO, ids):
                self._owed.update(dict.fromkeys(ids))
        self._look_after()

    def close(self) -> None:
        """Nothing is at stake here any more. With nobody connected, it ends."""
        self._over = True
        self.let_go(list(self._held))
        self._disconnect()

    # ------------------------------------------------------------ the connection

    async def _connect(self) -> bool:
        """Whether it was not connected: what it knew of is told again then."""
        if self._socket is not None:
            return False
        self._socket = await asyncio.to_thread(reach, self._config)
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._hear)
        owed, self._owed = self._owed, {}
        self.let_go([instance_id for instance_id in owed if instance_id not in self._held])
        return True

    async def _ask(self, word: bytes, instance_ids: Sequence[str]) -> list[str]:
        """Of the watchdog that is there, or else of the next, which is told first what it must know."""
        cause = ""
        async with self._asking:
            for _ in range(TRIES):
                try:
                    if await self._connect():
                        await self._answered(BEGIN, list(self._held))
                    return await self._answered(word, instance_ids)
                except (OSError, TimeoutError, subprocess.SubprocessError) as error:
                    cause = str(error) or type(error).__name__
                    self._disconnect()
                await asyncio.sleep(POLL_S)
        raise HostError(HostFault("watchdog", self._config.host, f"the watchdog can't be told: {cause}"))

    async def _answered(self, word: bytes, instance_ids: Sequence[str]) -> list[str]:
        found: list[str] = []
        for ids in _portions(instance_ids):
            if not self._tell(word, [repr(self._until), *ids] if word == BEGIN else ids):
                raise ConnectionResetError("it has ended")
            self._answer = asyncio.get_running_loop().create_future()
            async with asyncio.timeout(ANSWER_S):
                found += await self._answer
        return found

    def _tell(self, word: bytes, words: Iterable[str]) -> bool:
        """False: it is not there, or takes nothing."""
        if self._socket is None:
            return False
        try:
            self._socket.send(b" ".join((word, *(one.encode() for one in words))))
        except OSError:
            self._lost()
            return False
        return True

    def _hear(self) -> None:
        assert self._socket is not None
        try:
            said = self._socket.recv(MESSAGE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        if not said:
            self._lost()
        elif self._answer is not None and not self._answer.done():
            self._answer.set_result([one.decode() for one in said.split()[1:]])

    def _lost(self) -> None:
        """It died. Who waits for its answer starts another; where nobody does and guests are at stake, that is done
        here."""
        log.warning("the watchdog of %s has ended", self._config.host)
        self._disconnect()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError("it has ended"))
        self._look_after()

    def _look_after(self) -> None:
        """One that takes nothing may live, and does not know what was let go of since: it is told, or its follower."""
        busy = self._over or self._asking.locked() or (self._again is not None and not self._again.done())
        if self._socket is None and (self._held or self._owed) and not busy:
            self._again = asyncio.create_task(self._begin_again())

    async def _begin_again(self) -> None:
        try:
            if self._held:
                await self.begin(list(self._held), self._until)
            else:
                await self._ask(LET_GO, [])
        except HostError as error:
            log.error("nobody watches the guests that have just begun: %s", error)

    def _disconnect(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None


def _portions(instance_ids: Sequence[str]) -> list[Sequence[str]]:
    return [instance_ids[first : first + IDS] for first in range(0, len(instance_ids), IDS)]


# ---------------------------------------------------------------- the process


def reach(config: NodeConfig) -> socket.socket:
    """Connected to the node's watchdog, which is started where there is none. Raises OSError or SubprocessError."""
    deadline = time.monotonic() + START_S
    while True:
        with suppress(OSError):
            return connected(config.home)
        if time.monotonic() > deadline:
            raise TimeoutError(f"no watchdog after {START_S:g} s")
        _start(config)
        time.sleep(POLL_S)  # one that is ending holds the lock still, and tells nobody when it is gone


def connected(folder: Path) -> socket.socket:
    """By the folder's handle, as a socket's path has 107 characters at most. Raises OSError where nobody listens."""
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        connection.connect(f"/proc/self/fd/{handle}/{SOCKET}")
    except OSError:
        connection.close()
        raise
    finally:
        os.close(handle)
    return connection


def _start(config: NodeConfig) -> None:
    """Returns when it listens, or when another holds the lock."""
    config.home.mkdir(parents=True, exist_ok=True)
    mark = "" if config.libvirt_uri else files_of(config).mark
    command = [sys.executable, "-I", "-S", watchdog_process.__file__, str(config.home.absolute()), mark]
    with (config.home / LOG).open("ab") as said:
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=START_S, check=True)


def stop_watchdog(config: NodeConfig) -> None:
    """What it has at stake it leaves: who takes the node down sees to its guests. May be done twice."""
    with suppress(OSError), connected(config.home) as connection:
        connection.send(END)
    deadline = time.monotonic() + STOP_S
    while _is_locked(config.home / LOCK):
        if time.monotonic() > deadline:
            with suppress(ValueError, ProcessLookupError):
                os.kill(int((config.home / LOCK).read_text()), signal.SIGKILL)
            return
        time.sleep(POLL_S)  # no child of ours: it tells nobody when it is gone


def _is_locked(lock: Path) -> bool:
    """As long as it lives."""
    try:
        with lock.open() as held:
            fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False

"""The taps of a simulated node, as a kernel would know them: compute makes them and the agent wires them.

`Taps` is for rooms in one process. `TapFile` is for two actors: compute writes down what comes and goes, and a datagram
says that there is something to read, as netlink does. Invariant: a tap that was made anew under its name has another
number; what is written outlives either process.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import socket
from collections.abc import Iterable
from pathlib import Path

REWRITE_BYTES = 1 << 20  # a file that has grown by so much is written anew, with what is there alone
HINT_BYTES = 16


class Taps:
    def __init__(self) -> None:
        self._there: dict[str, int] = {}
        self._made = 0
        self._changed = asyncio.Event()

    def add(self, devices: Iterable[str]) -> None:
        """Those that are there already stay what they are."""
        for device in devices:
            if device not in self._there:
                self._made += 1
                self._there[device] = self._made
        self._changed.set()

    def remove(self, devices: Iterable[str]) -> None:
        for device in devices:
            self._there.pop(device, None)
        self._changed.set()

    def there(self) -> dict[str, int]:
        """All of them by name. Another number under the same name is another tap."""
        return dict(self._there)

    async def changed(self, wait_s: float) -> None:
        """Returns when some may have come or gone since the last call, at the latest after `wait_s`."""
        # not wait_for: Python 3.11's forgets a cancellation that comes together with the news
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._changed.wait()
        self._changed.clear()

    def close(self) -> None: ...


class TapFile(Taps):
    """One process adds and removes; any process reads, and one of them waits for changes. When the cloud is taken down
    that one removes all that is left."""

    def __init__(self, path: Path, rewrite_bytes: int = REWRITE_BYTES) -> None:
        super().__init__()
        self._path = path
        self._rewrite_bytes = rewrite_bytes
        self._file = -1
        self._inode = 0
        self._read = 0  # bytes
        self._rewritten = 0  # bytes that the file had then
        self._torn = False  # half a line follows
        self._hints = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._address = b"\0novaray-taps-" + hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:32].encode()
        self._listens = False

    def add(self, devices: Iterable[str]) -> None:
        self._catch_up()
        new = [device for device in dict.fromkeys(devices) if device not in self._there]
        self._write([f"+{number} {device}\n" for number, device in enumerate(new, self._made + 1)])

    def remove(self, devices: Iterable[str]) -> None:
        self._catch_up()
        self._write([f"-{device}\n" for device in dict.fromkeys(devices) if device in self._there])

    def there(self) -> dict[str, int]:
        self._catch_up()
        return dict(self._there)

    async def changed(self, wait_s: float) -> None:
        """Where another process of this node listens still, it waits as long as it may: whoever asks looks anyway."""
        if not self._listens:
            with contextlib.suppress(OSError):
                self._hints.bind(self._address)
                self._listens = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await asyncio.get_running_loop().sock_recv(self._hints, HINT_BYTES)
        with contextlib.suppress(BlockingIOError):
            while True:
                self._hints.recv(HINT_BYTES)

    def close(self) -> None:
        self._hints.close()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    # ------------------------------------------------------------ the file

    def _write(self, lines: list[str]) -> None:
        if not lines:
            return
        if self._torn:
            os.ftruncate(self._file, self._read)
        os.write(self._file, "".join(lines).encode())
        self._catch_up()
        if self._read - self._rewritten > self._rewrite_bytes:
            self._rewrite()
        with contextlib.suppress(OSError):  # nobody listens, or has not read the last hints yet
            self._hints.sendto(b"+", self._address)

    def _catch_up(self) -> None:
        """Read what was written since. A line that is half there belongs to a write that is under way, as long as
        somebody else writes: who was killed over it does not end it."""
        try:
            inode = self._path.stat().st_ino
        except FileNotFoundError:
            inode = 0
        if inode != self._inode or self._file < 0:
            self._open()
        while piece := os.pread(self._file, REWRITE_BYTES, self._read):
            whole = piece[: piece.rfind(b"\n") + 1]
            if not whole:
                break
            self._read += len(whole)
            for line in whole.decode().splitlines():
                self._apply(line)
        self._torn = bool(piece)

    def _open(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        status = os.fstat(self._file)
        self._inode, self._read = status.st_ino, 0
        self._there.clear()

    def _apply(self, line: str) -> None:
        if line.startswith("-"):
            self._there.pop(line[1:], None)
        elif line.startswith("+"):
            number, _, device = line[1:].partition(" ")
            self._made = max(self._made, int(number))
            if device:
                self._there[device] = int(number)

    def _rewrite(self) -> None:
        """Numbers go on from the last one that was given, though its tap is gone."""
        lines = [f"+{number} {device}\n" for device, number in self._there.items()]
        fresh = self._path.with_suffix(".new")
        fresh.write_text("".join([f"+{self._made} \n", *lines]))
        fresh.replace(self._path)
        self._catch_up()
        self._rewritten = self._read

"""The one `qemu-storage-daemon` of a volume folder: started when first needed, found again by a new actor.

Owned by `qemu.py`. The daemon outlives the actor that started it, because guests have their disks open through it; the
pid file tells a new actor of it. Invariant: at most one daemon a folder, and `client` returns a connection to a live
one. What it exports is not known here.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import signal
import tempfile
from pathlib import Path

from actors.volume.backend import BackendError, VolumeAddress
from actors.volume.process import run
from actors.volume.qmp import QmpClient, QmpError, QmpLost

PROGRAM = "qemu-storage-daemon"
SOCKET_PATH_LIMIT = 107  # bytes of a unix socket's path (unix(7))
START_LIMIT_S = 30.0
STOP_LIMIT_S = 10.0
POLL_S = 0.02  # between looks at a process that should end


class StorageDaemon:
    """With `host` it listens on TCP for other machines, else on a unix socket."""

    def __init__(self, folder: Path, host: str = "", port: int = 0) -> None:
        self._folder = run_folder(folder)
        self._host = host
        self._port = port
        self._client: QmpClient | None = None

    @property
    def address(self) -> VolumeAddress:
        if self._host:
            return VolumeAddress(host=self._host, port=self._port)
        return VolumeAddress(unix_socket=str(self._folder / "nbd.sock"))

    @property
    def _pid_file(self) -> Path:
        return self._folder / "daemon.pid"

    @property
    def _qmp_socket(self) -> Path:
        return self._folder / "qmp.sock"

    def pid(self) -> int:
        """The live daemon's, or 0. A zombie is dead; a pid that now belongs to another program isn't ours."""
        try:
            pid = int(self._pid_file.read_text())
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, ValueError, IndexError):
            return 0
        return pid if os.fsencode(self._pid_file) in arguments and state != "Z" else 0

    async def client(self) -> QmpClient:
        """A connection to the daemon, which is started if it doesn't run. Raises `BackendError`."""
        if self._client is not None and not self._client.lost and self.pid():
            return self._client
        await self.disconnect()
        try:
            if not self.pid():
                await self._start()
            self._client = await QmpClient.connect(self._qmp_socket)
        except QmpLost as error:
            raise BackendError(f"the storage daemon does not answer: {error}") from error
        return self._client

    async def disconnect(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def stop(self) -> None:
        """End the daemon and remove its files. All exports end with it."""
        if self.pid():
            with contextlib.suppress(BackendError, QmpError, QmpLost):  # then it is ended by signal
                await (await self.client()).execute("quit")
        await self.disconnect()
        await self._await_end()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _await_end(self) -> None:
        for number in (None, signal.SIGTERM, signal.SIGKILL):
            pid = self.pid()
            if pid and number is not None:
                os.kill(pid, number)
            for _ in range(int(STOP_LIMIT_S / POLL_S)):
                if not self.pid():
                    return
                await asyncio.sleep(POLL_S)
        raise BackendError(f"the storage daemon {self.pid()} does not end")

    async def _start(self) -> None:
        _make_private(self._folder)
        for leftover in ("qmp.sock", "nbd.sock", "daemon.pid"):
            (self._folder / leftover).unlink(missing_ok=True)
        await run(self._command(), START_LIMIT_S)

    def _command(self) -> list[str]:
        listen = self.address
        if listen.unix_socket:
            server = f"addr.type=unix,addr.path={_escaped(listen.unix_socket)}"
        else:
            server = f"addr.type=inet,addr.host={listen.host},addr.port={listen.port}"
        return [
            PROGRAM,
            "--daemonize",
            "--pidfile",
            str(self._pid_file),
            "--chardev",
            f"socket,path={_escaped(str(self._qmp_socket))},server=on,wait=off,id=qmp",
            "--monitor",
            "chardev=qmp",
            "--nbd-server",
            f"{server},max-connections=0",
        ]


def run_folder(folder: Path) -> Path:
    """Where the sockets go: inside, or, where that path is too long for a socket, in a short folder named for it."""
    inside = folder / "run"
    if len(os.fsencode(inside / "nbd.sock")) <= SOCKET_PATH_LIMIT:
        return inside
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    short = Path("/run") if os.access("/run", os.W_OK) else Path(tempfile.gettempdir())
    return short / f"novaray-volumes-{name}"


def _make_private(folder: Path) -> None:
    """The folder is ours alone: who reaches the sockets in it reads and writes every attached volume."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise BackendError(f"{folder} must be a folder of our own with mode 0700")


def _escaped(path: str) -> str:
    """QEMU's option syntax doubles commas."""
    return path.replace(",", ",,")

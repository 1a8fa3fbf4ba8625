"""Speaks QEMU's machine protocol (QMP) over a unix socket: one command at a time, its answer awaited.

Used by `daemon.py`. Invariant: an answer is matched to its command by id, so one that was given up (cancelled, too
late) can't be taken for another's. Protocol: docs/interop/qmp-spec.txt of QEMU.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec

ANSWER_LIMIT_S = 30.0
LINE_LIMIT_BYTES = 16 << 20  # one answer; a list of a thousand nodes takes about 1 MiB


class QmpError(Exception):
    """The daemon refused a command."""


class QmpLost(Exception):
    """The daemon doesn't answer: it is gone, hangs, or talks to somebody else."""


class QmpClient:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._turn = asyncio.Lock()
        self._count = 0
        self.lost = False

    @classmethod
    async def connect(cls, path: Path) -> QmpClient:
        try:
            reader, writer = await asyncio.open_unix_connection(str(path), limit=LINE_LIMIT_BYTES)
        except OSError as error:
            raise QmpLost(f"{path}: {error}") from error
        client = cls(reader, writer)
        try:
            await client._guard(client._greet())
        except BaseException:
            await client.close()
            raise
        return client

    async def execute(self, command: str, arguments: dict[str, Any] | None = None) -> Any:
        """What the command returns. Raises `QmpError` if it is refused, `QmpLost` if no answer comes."""
        async with self._turn:
            return await self._guard(self._execute(command, arguments or {}))

    async def close(self) -> None:
        self.lost = True
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            return

    async def _guard(self, work: Any) -> Any:
        try:
            return await asyncio.wait_for(work, ANSWER_LIMIT_S)
        except (OSError, TimeoutError, ValueError) as error:
            self.lost = True
            raise QmpLost(str(error) or "no answer") from error

    async def _greet(self) -> None:
        await self._read()  # the greeting: version and capabilities
        await self._execute("qmp_capabilities", {})

    async def _execute(self, command: str, arguments: dict[str, Any]) -> Any:
        self._count += 1
        number = self._count
        self._writer.write(msgspec.json.encode({"execute": command, "arguments": arguments, "id": number}) + b"\n")
        await self._writer.drain()
        while True:
            message = await self._read()
            if message.get("id") != number:
                continue  # an event, or an answer that nobody waits for any more
            if "error" in message:
                raise QmpError(f"{command}: {message['error'].get('desc', 'refused')}")
            return message.get("return")

    async def _read(self) -> dict[str, Any]:
        line = await self._reader.readline()
        if not line:
            raise ConnectionResetError("the daemon closed the connection")
        return msgspec.json.decode(line, type=dict[str, Any])

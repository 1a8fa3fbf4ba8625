"""The screens of a node's guests, for those who come with a secret: one port of the node's for all of them.

Part of the compute room. A guest's VNC server listens inside the node's network namespace only; the edge is given a
secret, connects to this port and says it, and is joined to the guest. Invariants: a secret is good once, for
`SECRET_S`; there are at most `SECRETS_LIMIT` secrets and `JOINED_LIMIT` connections; an idle one ends after `IDLE_S`.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets

from actors.acts import Screen
from actors.clock import Clock
from actors.compute.guests import Guests
from actors.errors import CallerError, HostError, busy

SECRET_BYTES = 32  # as hexadecimal digits twice as many, sent first and without an end of line
SECRET_S = 30.0
SECRETS_LIMIT = 1_000
JOINED_LIMIT = 200
IDLE_S = 3_600.0
CHUNK_BYTES = 1 << 16


class Screens:
    def __init__(self, node_ip: str, guests: Guests, clock: Clock) -> None:
        self._node_ip = node_ip
        self._guests = guests
        self._clock = clock
        self._secrets: dict[str, tuple[str, float]] = {}  # → (instance id, until when)
        self._opening = asyncio.Lock()
        self._server: asyncio.Server | None = None
        self._joined: set[asyncio.Task[None]] = set()

    async def open(self, instance_id: str) -> Screen:
        """Where to connect to and what to say there. Raises `CallerError` 503 when too many ask."""
        now = self._clock.monotonic()
        self._secrets = {secret: kept for secret, kept in self._secrets.items() if kept[1] > now}
        if len(self._secrets) >= SECRETS_LIMIT or len(self._joined) >= JOINED_LIMIT:
            raise CallerError(busy("too many screens are open on this node; try again in a moment"))
        async with self._opening:
            if self._server is None:
                self._server = await asyncio.start_server(self._accept, self._node_ip, 0, limit=CHUNK_BYTES)
        secret = secrets.token_hex(SECRET_BYTES)
        self._secrets[secret] = instance_id, now + SECRET_S
        return Screen(host=self._node_ip, port=int(self._server.sockets[0].getsockname()[1]), secret=secret)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._joined):
            task.cancel()
        await asyncio.gather(*self._joined, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._joined.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, LookupError, HostError, TimeoutError, asyncio.IncompleteReadError):
            pass  # one of the two has gone: the connection ends
        finally:
            self._joined.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(SECRET_S):
            said = (await reader.readexactly(2 * SECRET_BYTES)).decode("latin-1")
        instance_id, until = self._secrets.pop(said, ("", 0.0))
        if not instance_id or until < self._clock.monotonic():
            return
        guest_reader, guest_writer = await self._guests.vnc(instance_id)
        try:
            await join(reader, guest_writer, guest_reader, writer)
        finally:
            guest_writer.close()


async def join(
    reader: asyncio.StreamReader,
    guest_writer: asyncio.StreamWriter,
    guest_reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """Both ways, until either has no more or nothing has come for `IDLE_S`."""
    ways = [asyncio.create_task(_copy(reader, guest_writer)), asyncio.create_task(_copy(guest_reader, writer))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, TimeoutError):
        while True:
            async with asyncio.timeout(IDLE_S):
                chunk = await reader.read(CHUNK_BYTES)
            if not chunk:
                return
            writer.write(chunk)
            await writer.drain()

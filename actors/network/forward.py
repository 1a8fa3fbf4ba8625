"""Relays TCP from a port of this node to an address inside a network, as ssh's `-L` does.

Part of `agent.py`, for people who have no other way into a network. Each relay listens on the node's own address; its
outgoing sockets are made inside the network. Invariants: at most `RELAY_LIMIT` relays, with `CONNECTION_LIMIT`
connections each; one target has one relay, however often it is asked for; a relay unused for `IDLE_S` is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

from actors.clock import Clock
from actors.errors import CallerError, busy
from actors.network.dataplane import Dataplane

RELAY_LIMIT = 1_000
CONNECTION_LIMIT = 100
IDLE_S = 3_600.0
CONNECT_DEADLINE_S = 10.0
CHUNK_BYTES = 1 << 16

Target = tuple[str, str, int]  # network id, address, port


@dataclass(eq=False)
class _Relay:
    target: Target
    used_at: float
    server: asyncio.Server | None = None
    connections: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def port(self) -> int:
        assert self.server is not None
        return int(self.server.sockets[0].getsockname()[1])


class Relays:
    def __init__(self, node_ip: str, dataplane: Dataplane, clock: Clock) -> None:
        self._node_ip = node_ip
        self._dataplane = dataplane
        self._clock = clock
        self._relays: dict[Target, _Relay] = {}
        self._opening = asyncio.Lock()

    async def open(self, network_id: str, address: str, port: int) -> tuple[str, int]:
        """Where to connect to. Raises `LookupError` if the network can't be entered here, `CallerError` 503 if full."""
        (await self._dataplane.open_socket(network_id)).close()
        async with self._opening:
            await self._close_idle()
            relay = self._relays.get((network_id, address, port)) or await self._listen((network_id, address, port))
        relay.used_at = self._clock.monotonic()
        return self._node_ip, relay.port

    async def close(self) -> None:
        for relay in list(self._relays.values()):
            await self._shut(relay)

    async def _listen(self, target: Target) -> _Relay:
        if len(self._relays) >= RELAY_LIMIT:
            raise CallerError(busy(f"all {RELAY_LIMIT} relays of this node are in use"))
        relay = _Relay(target, self._clock.monotonic())

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if len(relay.connections) >= CONNECTION_LIMIT:
                writer.close()
                return
            task = asyncio.create_task(self._serve(relay, reader, writer))
            relay.connections.add(task)
            task.add_done_callback(relay.connections.discard)

        relay.server = await asyncio.start_server(accept, self._node_ip, 0, limit=CHUNK_BYTES)
        self._relays[target] = relay
        return relay

    async def _close_idle(self) -> None:
        oldest = self._clock.monotonic() - IDLE_S
        for relay in [each for each in self._relays.values() if not each.connections and each.used_at < oldest]:
            await self._shut(relay)

    async def _shut(self, relay: _Relay) -> None:
        self._relays.pop(relay.target, None)
        if relay.server is not None:
            relay.server.close()
        for connection in list(relay.connections):
            connection.cancel()
        await asyncio.gather(*relay.connections, return_exceptions=True)

    async def _serve(self, relay: _Relay, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._relay(relay, reader, writer)
        except (OSError, LookupError):  # the guest refuses, or its network has gone: the caller's connection ends
            pass
        finally:
            relay.used_at = self._clock.monotonic()
            writer.close()

    async def _relay(self, relay: _Relay, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        network_id, address, port = relay.target
        inside = await self._dataplane.open_socket(network_id)
        try:
            inside.setblocking(False)
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(CONNECT_DEADLINE_S):
                await loop.sock_connect(inside, (address, port))
        except BaseException:
            inside.close()
            raise
        guest_reader, guest_writer = await asyncio.open_connection(sock=inside, limit=CHUNK_BYTES)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_copy(reader, guest_writer, self._clock, relay))
                both.create_task(_copy(guest_reader, writer, self._clock, relay))
        except* (OSError, TimeoutError):
            pass
        finally:
            guest_writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, clock: Clock, relay: _Relay) -> None:
    """Until the sender has no more; then the receiver is told so, and may go on sending itself."""
    while chunk := await _read(reader):
        relay.used_at = clock.monotonic()
        writer.write(chunk)
        await writer.drain()
    with contextlib.suppress(OSError):
        if writer.can_write_eof():
            writer.write_eof()


async def _read(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(IDLE_S):
        return await reader.read(CHUNK_BYTES)

"""Relays over loopback: the network's inside is played by ordinary sockets."""

from __future__ import annotations

import asyncio
import socket

import pytest

from actors.clock import SystemClock
from actors.errors import CallerError
from actors.network import forward
from actors.network.forward import Relays
from actors.network.simulated import SimulatedDataplane
from actors.simulated_taps import Taps


class Loopback(SimulatedDataplane):
    async def open_socket(self, network_id: str) -> socket.socket:
        return socket.socket(socket.AF_INET, socket.SOCK_STREAM)


class OwnClock(SystemClock):
    def __init__(self) -> None:
        self.at = 0.0

    def monotonic(self) -> float:
        return self.at


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(line)
    writer.close()


def test_bytes_go_both_ways_and_every_connection_ends_with_the_relays() -> None:
    async def play() -> None:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        relays = Relays("127.0.0.1", Loopback(Taps()), SystemClock())
        where = await relays.open("n", "127.0.0.1", server.sockets[0].getsockname()[1])
        talks = [await asyncio.open_connection(*where) for _ in range(3)]
        for number, (reader, writer) in enumerate(talks):
            writer.write(b"%d\n" % number)
            assert await reader.readline() == b"%d\n" % number
        await relays.close()
        for reader, _ in talks:
            assert await reader.read() == b""
        server.close()

    asyncio.run(play())


def test_one_target_has_one_relay_until_it_is_idle() -> None:
    async def play() -> None:
        clock = OwnClock()
        relays = Relays("127.0.0.1", Loopback(Taps()), clock)
        first = await relays.open("n", "10.0.0.1", 22)
        clock.at = forward.IDLE_S
        assert await relays.open("n", "10.0.0.1", 22) == first
        clock.at += forward.IDLE_S + 1
        await relays.open("n", "10.0.0.2", 22)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*first)
        await relays.close()

    asyncio.run(play())


def test_more_connections_than_the_limit_are_closed_at_the_door() -> None:
    async def play() -> None:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        relays = Relays("127.0.0.1", Loopback(Taps()), SystemClock())
        where = await relays.open("n", "127.0.0.1", server.sockets[0].getsockname()[1])
        inside = [await asyncio.open_connection(*where) for _ in range(forward.CONNECTION_LIMIT)]
        for reader, writer in inside:
            writer.write(b"x\n")
            assert await reader.readline() == b"x\n"
        reader, _ = await asyncio.open_connection(*where)
        assert await reader.read() == b""
        await relays.close()
        server.close()

    asyncio.run(play())


def test_more_relays_than_the_limit_are_refused() -> None:
    async def play() -> None:
        relays = Relays("127.0.0.1", Loopback(Taps()), SystemClock())
        for number in range(forward.RELAY_LIMIT):
            relays._relays["n", "10.0.0.1", number] = forward._Relay(("n", "10.0.0.1", number), 1e18)
        with pytest.raises(CallerError, match="relays"):
            await relays.open("n", "10.0.0.2", 22)

    asyncio.run(play())


def test_a_network_that_is_not_here_is_a_lookup_error() -> None:
    async def play() -> None:
        with pytest.raises(LookupError):
            await Relays("127.0.0.1", SimulatedDataplane(Taps()), SystemClock()).open("n", "10.0.0.1", 22)

    asyncio.run(play())

"""What the conductor knows of worker nodes: until when one that is silent may begin guests."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from actors.conductor.nodes import LEASE_S, MARGIN_S, NodeLeftError, Nodes
from actors.errors import StaleEpochError
from actors.ledger import MemoryLedger
from actors.messages import Hello

NODE = "node-1"


@dataclass
class HandClock:
    at: float = 100.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at


class Told:
    async def fence(self, node: str, epoch: int) -> None: ...


def test_a_lost_node_is_waited_for_since_it_was_last_answered() -> None:
    async def play() -> None:
        clock, ledger = HandClock(), MemoryLedger()
        nodes = Nodes(ledger, (Told(),), clock, 60.0)
        row = await nodes.welcome(Hello(node=NODE, hosts=(NODE,)))
        clock.at += 2.0
        nodes.check(NODE, row.epoch)
        clock.at += 3.0
        await nodes.leave(NODE)
        with pytest.raises(StaleEpochError):
            nodes.check(NODE, row.epoch)  # one that is refused gets no time by it
        assert nodes.lease_left_s(NODE) == LEASE_S + MARGIN_S - 3.0
        clock.at += LEASE_S
        assert nodes.lease_left_s(NODE) == 0.0
        after = Nodes(
            ledger, (Told(),), clock, 60.0
        )  # a conductor that starts does not know when the one before it answered
        await after.load()
        assert after.lease_left_s(NODE) == LEASE_S + MARGIN_S

    asyncio.run(play())


def test_who_waits_for_an_act_of_a_node_that_left_is_told_so_also_where_it_is_back_by_then() -> None:
    async def play() -> None:
        nodes = Nodes(MemoryLedger(), (Told(),), HandClock(), 60.0)
        await nodes.welcome(Hello(node=NODE, hosts=(NODE,)))
        never = asyncio.Event()
        build = asyncio.create_task(nodes.call(NODE, never.wait()))
        act = asyncio.create_task(nodes.call(NODE, never.wait(), acts=True))
        await asyncio.sleep(0)
        await nodes.leave(NODE)
        nodes.give_up(NODE, acts=True)
        await nodes.welcome(Hello(node=NODE, hosts=(NODE,)))
        with pytest.raises(NodeLeftError):
            await act
        assert not build.done()
        nodes.give_up(NODE)
        with pytest.raises(NodeLeftError):
            await build

    asyncio.run(play())


def test_who_stops_waiting_for_a_node_stops() -> None:
    async def play() -> None:
        nodes = Nodes(MemoryLedger(), (Told(),), HandClock(), 60.0)
        waiting = asyncio.create_task(nodes.call(NODE, asyncio.Event().wait(), acts=True))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(play())

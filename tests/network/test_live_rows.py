from __future__ import annotations

import asyncio

import pytest

from actors.ledger import MemoryLedger
from actors.network.live_rows import LiveRows
from actors.records import Change, NetworkAgent
from tests.network.cloud import run


class GatedLedger(MemoryLedger):
    """Commits when the gate is opened; fails while `broken`."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.broken = False
        self.sizes: list[int] = []

    async def commit(self, changes: list[Change]) -> None:
        await self.gate.wait()
        if self.broken:
            raise OSError("disk full")
        self.sizes.append(len(changes))
        await super().commit(changes)


def agent(name: str) -> NetworkAgent:
    return NetworkAgent(id=name)


async def decide(live: LiveRows, *names: str) -> None:
    await live.ready()
    live.stage([agent(name) for name in names])
    await live.durable()


def test_what_gathers_while_a_commit_runs_goes_together() -> None:
    async def scenario() -> None:
        ledger = GatedLedger()
        live = LiveRows(ledger, lambda: 1.0)
        works = [asyncio.create_task(decide(live, "a"))]
        await asyncio.sleep(0.01)
        works += [asyncio.create_task(decide(live, name)) for name in "bcd"]
        await asyncio.sleep(0.01)
        assert set((await live.ready()).agents) == set("abcd") and not any(work.done() for work in works)
        ledger.gate.set()
        await asyncio.gather(*works)
        assert ledger.sizes == [1, 3]

    run(scenario())


def test_who_changes_nothing_still_waits_for_what_he_saw() -> None:
    async def scenario() -> None:
        ledger = GatedLedger()
        live = LiveRows(ledger, lambda: 1.0)
        first = asyncio.create_task(decide(live, "a"))
        await asyncio.sleep(0.01)
        repeat = asyncio.create_task(decide(live))
        await asyncio.sleep(0.01)
        assert not repeat.done()
        ledger.gate.set()
        await asyncio.gather(first, repeat)
        assert ledger.sizes == [1]

    run(scenario())


def test_a_failure_takes_everything_on_top_with_it() -> None:
    async def scenario() -> None:
        ledger = GatedLedger()
        live = LiveRows(ledger, lambda: 1.0)
        ledger.broken = True
        works = [asyncio.create_task(decide(live, "a"))]
        await asyncio.sleep(0.01)
        works.append(asyncio.create_task(decide(live, "b")))
        await asyncio.sleep(0.01)
        ledger.gate.set()
        for work in works:
            with pytest.raises(OSError, match="disk full"):
                await work
        assert not (await live.ready()).agents
        ledger.broken = False
        await decide(live, "c")
        assert set((await live.ready()).agents) == {"c"} == set(ledger.rows["NetworkAgent"])

    run(scenario())


def test_a_ledger_that_cannot_be_read_is_asked_again() -> None:
    class Unreadable(GatedLedger):
        async def load(self, kind):  # type: ignore[no-untyped-def]
            if self.broken:
                raise ConnectionError("away")
            return await super().load(kind)

    async def scenario() -> None:
        ledger = Unreadable()
        live = LiveRows(ledger, lambda: 1.0)
        ledger.broken = True
        with pytest.raises(ConnectionError):
            await live.ready()
        ledger.broken = False
        assert not (await live.ready()).agents

    run(scenario())

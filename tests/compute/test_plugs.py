"""Waiting for network-vif-plugged."""

from __future__ import annotations

import asyncio

from actors.compute.plugs import Plugs


def test_all_ports_told_ends_the_wait() -> None:
    async def play() -> dict[str, set[str]]:
        plugs = Plugs()
        plugs.expect("vm", ["a", "b"])
        waiting = asyncio.create_task(plugs.plugged(["vm"], 5.0))
        await asyncio.sleep(0)
        for port in ("b", "b", "x", "a"):
            plugs.tell("vm", port)
        return await waiting

    assert asyncio.run(play()) == {}


def test_what_is_missing_at_the_deadline_is_named() -> None:
    async def play() -> dict[str, set[str]]:
        plugs = Plugs()
        plugs.expect("vm", ["a", "b"])
        plugs.tell("vm", "a")
        return await plugs.plugged(["vm"], 0.01)

    assert asyncio.run(play()) == {"vm": {"b"}}


def test_an_event_before_the_wait_is_not_missed_and_one_for_nobody_is_harmless() -> None:
    async def play() -> dict[str, set[str]]:
        plugs = Plugs()
        plugs.tell("nobody", "a")
        plugs.expect("vm", ["a"])
        plugs.tell("vm", "a")
        missing = await plugs.plugged(["vm"], 5.0)
        plugs.forget("vm")
        plugs.forget("vm")
        assert plugs.expecting() == []
        return missing

    assert asyncio.run(play()) == {}


def test_a_server_without_ports_waits_for_nothing() -> None:
    async def play() -> dict[str, set[str]]:
        plugs = Plugs()
        plugs.expect("vm", [])
        return await plugs.plugged(["vm"], 5.0)

    assert asyncio.run(play()) == {}


def test_those_who_wait_together_go_on_when_the_last_has_all_its_ports_or_is_forgotten() -> None:
    async def play() -> dict[str, set[str]]:
        plugs = Plugs()
        for server in ("one", "two", "three"):
            plugs.expect(server, [server])
        waiting = asyncio.create_task(plugs.plugged(["one", "two", "three", "unknown"], 5.0))
        await asyncio.sleep(0)
        plugs.tell("one", "one")
        plugs.forget("two")
        await asyncio.sleep(0)
        assert not waiting.done()
        plugs.tell("three", "three")
        return await waiting

    assert asyncio.run(play()) == {}


def test_of_those_who_wait_together_only_those_that_miss_something_are_named() -> None:
    async def play() -> dict[str, set[str]]:
        plugs = Plugs()
        for server in ("one", "two"):
            plugs.expect(server, [server])
        plugs.tell("one", "one")
        return await plugs.plugged(["one", "two"], 0.01)

    assert asyncio.run(play()) == {"two": {"two"}}

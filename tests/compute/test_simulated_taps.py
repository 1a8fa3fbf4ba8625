"""Taps of a simulated node in a file: two processes see the same, whoever of them was killed."""

from __future__ import annotations

import asyncio
from pathlib import Path

from actors.simulated_taps import TapFile


def test_what_one_adds_and_removes_the_other_sees(tmp_path: Path) -> None:
    compute, agent = TapFile(tmp_path / "taps"), TapFile(tmp_path / "taps")
    compute.add(["tap1", "tap2", "tap1"])
    assert agent.there() == {"tap1": 1, "tap2": 2}
    compute.add(["tap2"])  # is there already
    compute.remove(["tap1", "tap9"])
    assert agent.there() == compute.there() == {"tap2": 2}
    compute.add(["tap1"])
    assert agent.there() == {"tap2": 2, "tap1": 3}


def test_who_comes_later_finds_them_and_goes_on_counting(tmp_path: Path) -> None:
    first = TapFile(tmp_path / "taps")
    first.add(["tap1", "tap2"])
    first.remove(["tap2"])
    first.close()
    second = TapFile(tmp_path / "taps")
    assert second.there() == {"tap1": 1}
    second.add(["tap2"])
    assert second.there() == {"tap1": 1, "tap2": 3}


def test_a_file_that_has_grown_is_written_anew_and_numbers_go_on(tmp_path: Path) -> None:
    compute, agent = TapFile(tmp_path / "taps", 300), TapFile(tmp_path / "taps")
    compute.add(["stays"])
    for round_ in range(100):
        compute.add([f"tap{round_}"])
        agent.there()
        compute.remove([f"tap{round_}"])
    assert (tmp_path / "taps").stat().st_size < 1_000
    compute.add(["last"])
    assert agent.there() == compute.there() == {"stays": 1, "last": 102}


def test_half_a_line_is_not_read_until_it_is_whole(tmp_path: Path) -> None:
    agent = TapFile(tmp_path / "taps")
    with (tmp_path / "taps").open("wb", buffering=0) as writer:
        writer.write(b"+1 tap1\n+2 ta")
        assert agent.there() == {"tap1": 1}
        writer.write(b"p2\n")
        assert agent.there() == {"tap1": 1, "tap2": 2}


def test_half_a_line_of_who_was_killed_is_none(tmp_path: Path) -> None:
    (tmp_path / "taps").write_bytes(b"+1 tap1\n+2 ta")
    agent, compute = TapFile(tmp_path / "taps"), TapFile(tmp_path / "taps")
    assert agent.there() == {"tap1": 1}
    compute.add(["tap2", "tap3"])
    assert agent.there() == compute.there() == {"tap1": 1, "tap2": 2, "tap3": 3}


def test_a_change_wakes_who_waits_and_one_before_is_not_missed(tmp_path: Path) -> None:
    async def scenario() -> None:
        compute, agent = TapFile(tmp_path / "taps"), TapFile(tmp_path / "taps")
        await agent.changed(0)  # it listens from now on
        compute.add(["tap1"])
        async with asyncio.timeout(5):
            await agent.changed(60)
            waiting = asyncio.create_task(agent.changed(60))
            await asyncio.sleep(0)
            compute.remove(["tap1"])
            await waiting
        for each in (compute, agent):
            each.close()

    asyncio.run(scenario())

"""Who waits for company, and for how long."""

from __future__ import annotations

import asyncio

from actors.conductor.boots import Boot
from actors.conductor.company import BUSY_FROM, COMPANY_S, FULL, Company
from tests.conductor.test_capacity_queue import boot

LIMIT_S = 5.0


class Waves:
    """What set out, wave by wave."""

    def __init__(self) -> None:
        self.names: list[list[str]] = []
        self.one = asyncio.Event()

    def set_out(self, boots: list[Boot]) -> None:
        self.names.append([each.id for each in boots])
        self.one.set()


def test_on_an_idle_cloud_nobody_waits() -> None:
    async def play() -> None:
        waves = Waves()
        company = Company(waves.set_out)
        for number in range(BUSY_FROM):
            company.add([boot(f"vm-{number}", "a")], number + 1)
        assert waves.names == [[f"vm-{number}"] for number in range(BUSY_FROM)]

    asyncio.run(play())


def test_while_others_are_under_way_boots_gather_for_a_moment() -> None:
    async def play() -> None:
        waves, loop = Waves(), asyncio.get_running_loop()
        company = Company(waves.set_out)
        began = loop.time()
        company.add([boot("first", "a")], BUSY_FROM + 1)
        company.add([boot("second", "a")], BUSY_FROM + 2)
        assert waves.names == []
        await asyncio.wait_for(waves.one.wait(), LIMIT_S)
        assert waves.names == [["first", "second"]]
        assert loop.time() - began >= COMPANY_S * 0.9

    asyncio.run(play())


def test_who_comes_between_two_waves_waits_too() -> None:
    async def play() -> None:
        waves = Waves()
        company = Company(waves.set_out)
        company.add([boot("first", "a")], BUSY_FROM + 1)
        company.depart()
        company.add([boot("second", "a")], 1)  # all others have ended meanwhile
        assert waves.names == [["first"]]
        waves.one.clear()
        await asyncio.wait_for(waves.one.wait(), LIMIT_S)

    asyncio.run(play())


def test_enough_of_them_go_at_once_and_take_along_who_waits() -> None:
    async def play() -> None:
        waves = Waves()
        company = Company(waves.set_out)
        company.add([boot("early", "a")], BUSY_FROM + 1)
        many = [boot(f"vm-{number}", "a") for number in range(FULL - 1)]
        company.add(many, BUSY_FROM + FULL)
        assert waves.names == [["early", *(each.id for each in many)]]
        company.depart()
        assert len(waves.names) == 1

    asyncio.run(play())

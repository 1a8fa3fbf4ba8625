from __future__ import annotations

import asyncio

from actors.messages import FloatingIps
from actors.network.floating_notices import FloatingNotices


def leads(port_ids: list[str]) -> list[FloatingIps]:
    return [FloatingIps(instance_id=f"of {each}", port_id=each, floating_ips=()) for each in port_ids]


def test_what_was_refused_keeps_nobody_waiting_and_is_told_with_the_next() -> None:
    heard: list[list[str]] = []

    async def tell(told: list[FloatingIps], whole: bool) -> None:
        heard.append([each.port_id for each in told])
        if len(heard) == 1:
            raise OSError("database or disk is full")

    async def play() -> None:
        notices = FloatingNotices(leads, tell)
        await asyncio.wait_for(notices.tell(["p1"]), 5.0)
        await asyncio.wait_for(notices.tell(["p2"]), 5.0)

    asyncio.run(play())
    assert heard == [["p1"], ["p1", "p2"]]

"""Steps of the CONTROL table, with a scheduler that is slow to answer."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from actors.clock import SystemClock
from actors.conductor.boots import Boot
from actors.conductor.service import Conductor
from actors.conductor.steps import place
from actors.messages import Placed, PlaceRequest
from tests.conductor.test_capacity_queue import boot


class Scheduler:
    """While it looks for a place, the attempt that it looks for fails where it was."""

    def __init__(self, waiting: Boot) -> None:
        self.waiting = waiting
        self.asked: list[int] = []

    async def place(self, requests: list[PlaceRequest]) -> list[Placed]:
        self.asked += [request.attempt for request in requests]
        if len(self.asked) == 1:
            self.waiting.change(attempt=1, host="", node="")
        return [Placed(host=f"host-{request.attempt}", node="node") for request in requests]


class Stand:
    """What the step needs of the conductor."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler, self.scheduler_lives, self.clock = scheduler, 0, SystemClock()
        self.written: list[Boot] = []

    def with_a_host(self, request_ids: set[str]) -> set[str]:
        return set()

    def write_later(self, placed: list[Boot]) -> None:
        self.written += placed


def test_a_place_that_was_found_for_an_attempt_is_not_given_to_the_next() -> None:
    waiting = boot("vm", "a")
    stand: Any = Stand(scheduler := Scheduler(waiting))
    assert asyncio.run(place(cast(Conductor, stand), [waiting])) == {}
    assert scheduler.asked == [0, 1]
    assert waiting.instance.host == "host-1" and stand.written == [waiting]

"""Calls to an actor that restarts, or comes back elsewhere: the same call, to the one that is there now."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import pytest
from ray.exceptions import ActorDiedError, ActorUnschedulableError

from actors.cluster.reach import Reach, Unreachable


class Handle:
    """As Ray's handle of an actor: `ask.remote` gives what is awaited."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    @property
    def ask(self) -> Handle:
        return self

    async def remote(self, asked: bytes) -> bytes:
        if isinstance(self._answer, Exception):
            raise self._answer
        return pickle.dumps(self._answer)


@pytest.mark.parametrize(
    "lost", [ActorDiedError(), ActorUnschedulableError("its node is gone"), ValueError("no actor")]
)
def test_an_actor_that_is_gone_is_looked_up_anew(lost: Exception) -> None:
    lives = [Handle(lost), Handle("the next one")]
    reach = Reach("compute@node-1", 5.0, lambda name: lives.pop(0))
    assert asyncio.run(reach.holds([])) == "the next one"
    assert not lives


def test_one_that_stays_away_is_a_connection_error() -> None:
    with pytest.raises(Unreachable):
        asyncio.run(Reach("compute@node-1", 0.0, lambda name: Handle(ActorUnschedulableError("gone"))).holds([]))


def test_what_may_not_run_twice_is_not_sent_twice_but_is_looked_for() -> None:
    lives: list[Any] = [Handle(ActorDiedError()), Handle("a second server")]
    reach = Reach("api", 5.0, lambda name: lives.pop(0), once=True)
    with pytest.raises(Unreachable):
        asyncio.run(reach.launch("a server"))
    assert len(lives) == 1

    async def play() -> Any:
        absent = [True]

        def find(name: str) -> Any:
            if absent and absent.pop():
                raise ValueError("no actor of that name yet")
            return Handle("a server")

        return await Reach("api", 5.0, find, once=True).launch("a server")

    assert asyncio.run(play()) == "a server"

"""Processes of a simulated cloud: each holds one room, may be killed at any await, and is started again as Ray does it.

Owned by `cloud.py`; `wire.py` delivers to them. Invariant: of a name there is one process at most that can be called;
one whose node was declared dead can't be called any more, though it may live on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any

from benchmarks.simulation.loop import PROCESS

Begin = Callable[[], Awaitable[Any]]
"""Makes a room and starts it, as the constructor of its actor does."""


@dataclass(slots=True, eq=False)
class Process:
    name: str
    life: int  # the how manieth of this name
    dead: bool = False
    deaf: bool = False  # cut off both ways: it reaches nobody, and hears no answer
    room: Any = None  # once it has started
    context: Context = field(default_factory=copy_context)
    waiting: list[Any] = field(default_factory=list)  # messages that came while it started
    in_hand: dict[Any, None] = field(default_factory=dict)  # messages that it has not answered, oldest first

    def __post_init__(self) -> None:
        self.context.run(PROCESS.set, self)

    def run(self, work: Awaitable[Any]) -> asyncio.Task[Any]:
        """As a task of this process."""
        return asyncio.get_running_loop().create_task(_awaited(work), context=self.context)

    def __str__(self) -> str:
        return f"{self.name}#{self.life}"


async def _awaited(work: Awaitable[Any]) -> Any:
    return await work

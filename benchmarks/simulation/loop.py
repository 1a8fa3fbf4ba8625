"""An event loop without a clock of its own, without threads and without I/O: time jumps to the next thing that happens.

Owns: the time of a simulated world, and what is to run in it. A *process* is whoever's context a callback carries; the
callbacks of a process that has died are dropped when their turn comes, so its tasks stop where they wait, and no
`finally` of theirs runs. Invariant: two runs that schedule the same things run them in the same order.

Within a process callbacks run in the order in which they were scheduled, as asyncio promises and rooms may rely on.
What is random between processes is how long messages, disks and hosts take; see `wire.py`.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context, ContextVar
from itertools import count
from typing import Any, Protocol, TypeVar, cast

Answer = TypeVar("Answer")


class Mortal(Protocol):
    dead: bool


PROCESS: ContextVar[Mortal | None] = ContextVar("process", default=None)
START_S = 1_000_000.0  # the time at which every world begins, in seconds since the epoch


class SimulatedLoop:
    """As much of a loop as tasks, futures and timers ask for."""

    def __init__(self) -> None:
        self._now = START_S
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._order = count()
        self.tasks: list[asyncio.Task[Any]] = []
        self._stopping = False
        self.steps = 0  # callbacks run

    # ------------------------------------------------------------ what asyncio asks of a loop

    @property
    def _self(self) -> asyncio.AbstractEventLoop:
        return cast(asyncio.AbstractEventLoop, self)

    def time(self) -> float:
        return self._now

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self._self, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self._self, context)
        heapq.heappush(self._timers, (when, next(self._order), timer))
        return timer

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self._self)

    def create_task(
        self,
        coro: Coroutine[Any, Any, Answer],
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[Answer]:
        task = asyncio.Task(coro, loop=self._self, name=name or "task", context=context)
        self.tasks.append(task)  # one that is dropped with its process must not be collected, and so ended, meanwhile
        return task

    def run_in_executor(self, executor: Any, func: Callable[..., Answer], *args: Any) -> asyncio.Future[Answer]:
        done: asyncio.Future[Answer] = self.create_future()
        done.set_result(func(*args))
        return done

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """A task whose exception nobody fetched died with its process, or is told by who waits for its work."""

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Cancelled timers are passed over when their time comes."""

    # ------------------------------------------------------------ running

    def run(self, play: Coroutine[Any, Any, Answer]) -> Answer:
        """Play to the end of `play`; what else is under way then stays where it is."""
        asyncio.events._set_running_loop(self._self)
        try:
            task = self.create_task(play)
            while not task.done():
                self._turn()
            return task.result()
        finally:
            asyncio.events._set_running_loop(None)

    def abandon(self) -> None:
        """The world is over: what waits in it is closed here, one after the other, and not by the collector."""
        for task in self.tasks:
            if not task.done():
                with suppress(RuntimeError):  # its `finally` would have waited
                    cast(Coroutine[Any, Any, Any], task.get_coro()).close()
            task._log_destroy_pending = False  # type: ignore[attr-defined]
        self.tasks.clear()
        self._ready.clear()
        self._timers.clear()

    def _turn(self) -> None:
        if not self._ready:
            self._jump()
        handle = self._ready.popleft()
        if handle.cancelled():
            return
        process = handle._context.get(PROCESS)  # type: ignore[attr-defined]
        if process is not None and process.dead:
            return
        self.steps += 1
        handle._run()

    def _jump(self) -> None:
        """To the next timer; raises IndexError where nothing would ever happen again."""
        while True:
            when, _, timer = heapq.heappop(self._timers)
            if not timer.cancelled():
                break
        self._now = max(self._now, when)
        self._ready.append(timer)


class LoopClock:
    """`actors.clock.Clock` by the loop's time."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop

    def now(self) -> float:
        return self._loop.time()

    def monotonic(self) -> float:
        return self._loop.time()

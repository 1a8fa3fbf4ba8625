"""Messages between the rooms of a simulated cloud: late, lost, doubled, answered into the void.

`Wire.reach(name)` is what `actors.cluster.reach.Reach` is in a cloud: a face whose methods are calls on the actor of
that name, tried again while it is away, for as long. What Ray promises is kept (a callee that dies fails its callers'
calls; calls wait for an actor that starts, and none reaches an actor that follows one whose node left; a call that is
run twice begins both times before its caller can hear of it) and nothing else: calls overtake each other, are lost, or
are done and their replies lost. Everything random comes from the seed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import dataclass
from random import Random
from typing import Any, cast

from actors.cluster.reach import LIMIT_S, PAUSE_S, Unreachable
from benchmarks.simulation.loop import PROCESS, SimulatedLoop
from benchmarks.simulation.processes import Process

QUICK_S = (0.000_3, 0.004)  # how long a message takes
SLOW_S = (0.05, 1.5)  # how long it takes where the wire is troubled
NOBODY = -1  # there is no such actor
NOTICED_S = (0.01, 0.5)  # until a caller hears that its callee has died, or that its call was lost


@dataclass(slots=True)
class Trouble:
    """What share of messages suffers what. All zero once the storm is over."""

    slow: float = 0.0
    request_lost: float = 0.0
    reply_lost: float = 0.0
    doubled: float = 0.0

    def end(self) -> None:
        self.slow = self.request_lost = self.reply_lost = self.doubled = 0.0


class LostCall(Exception):
    """What Ray's actor errors are: nobody knows whether the call was run."""


@dataclass(slots=True, eq=False)
class Message:
    to: str
    method: str
    arguments: tuple[Any, ...]
    reply: asyncio.Future[Any] | None  # None: nobody waits for what a doubled call answers
    sender: Process | None = None  # None: somebody outside
    actor: int = 0  # the how manieth of that name it is for

    @property
    def cut_off(self) -> bool:
        return self.sender is not None and self.sender.deaf


Tell = Callable[[str], None]


class Wire:
    def __init__(self, loop: SimulatedLoop, random: Random, trouble: Trouble, tell: Tell | None) -> None:
        self._loop = loop
        self._random = random
        self._trouble = trouble
        self._tell = tell
        self._outside = Context()  # of what happens in no process
        self._reached: dict[str, Reach] = {}
        self.processes: dict[str, Process] = {}  # that can be called, by name
        self.sent = 0
        self._actors: Counter[str] = Counter()  # by name: those that are gone with their nodes

    def retire(self, name: str) -> Process | None:
        """The actor is gone with its node; one of that name that is made later is another."""
        self._actors[name] += 1
        return self.processes.pop(name, None)

    def reach(self, name: str) -> Any:
        if name not in self._reached:
            self._reached[name] = Reach(self, name)
        return self._reached[name]

    # ------------------------------------------------------------ a call, from its caller to its end

    def send(self, name: str, method: str, arguments: tuple[Any, ...]) -> asyncio.Future[Any]:
        self.sent += 1
        arguments = tuple(list(each) if isinstance(each, list) else each for each in arguments)
        actor = self._actors[name] if name in self.processes else NOBODY
        sender = cast(Process | None, PROCESS.get())
        message = Message(name, method, arguments, self._loop.create_future(), sender, actor)
        trouble, random = self._trouble, self._random
        if random.random() < trouble.request_lost or message.cut_off:
            self._fail(message, "lost on its way")
        else:
            late_s = self._latency()
            self._later(late_s, self._arrive, message)
            if random.random() < trouble.doubled:
                self._later(late_s, self._arrive, Message(name, method, arguments, None, actor=actor))
        assert message.reply is not None
        return message.reply

    def _arrive(self, message: Message) -> None:
        process = self.processes.get(message.to)
        if process is None or process.dead or message.actor != self._actors[message.to]:
            self._fail(message, f"{message.to} is not there")
        elif process.room is None:
            process.waiting.append(message)
        else:
            self.execute(process, message)

    def execute(self, process: Process, message: Message) -> None:
        if self._tell:
            self._tell(f"{process} {message.method}{_short(message.arguments)}{'' if message.reply else ' (doubled)'}")
        process.in_hand[message] = None
        task = process.run(getattr(process.room, message.method)(*message.arguments))
        task.add_done_callback(lambda done: self._executed(process, message, done), context=self._outside)

    def _executed(self, process: Process, message: Message, task: asyncio.Task[Any]) -> None:
        process.in_hand.pop(message, None)
        error = task.exception()  # also of a doubled call: then nobody else fetches it
        if message.reply is None:
            return
        if self._random.random() < self._trouble.reply_lost or message.cut_off:
            self._fail(message, "its reply was lost")
        else:
            self._later(self._latency(), _answer, message.reply, error, None if error else task.result())

    def died(self, process: Process) -> None:
        """Its callers hear of it; what it had begun for them may have been done or not."""
        for message in [*process.waiting, *process.in_hand]:
            self._fail(message, f"{process} died")
        process.waiting.clear()
        process.in_hand.clear()

    def _fail(self, message: Message, why: str) -> None:
        if message.reply is not None:
            error = LostCall(f"{message.method}: {why}")
            self._later(self._random.uniform(*NOTICED_S), _answer, message.reply, error, None)

    def _latency(self) -> float:
        slow = self._random.random() < self._trouble.slow
        return self._random.uniform(*(SLOW_S if slow else QUICK_S))

    def _later(self, delay_s: float, act: Callable[..., None], *arguments: Any) -> None:
        self._loop.call_later(delay_s, act, *arguments, context=self._outside)

    # ------------------------------------------------------------ as the rooms see it

    async def call(self, name: str, method: str, arguments: tuple[Any, ...]) -> Any:
        """What `Reach._call` does: again and again, until the limit."""
        deadline = self._loop.time() + LIMIT_S
        while True:
            try:
                return await self.send(name, method, arguments)
            except LostCall as error:
                if self._loop.time() >= deadline:
                    raise Unreachable(f"{name} did not answer within {LIMIT_S:g} s: {error}") from None
            await asyncio.sleep(PAUSE_S)


class Reach:
    """A room's face, over the wire."""

    def __init__(self, wire: Wire, name: str) -> None:
        self._wire = wire
        self._name = name

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        if method.startswith("_"):
            raise AttributeError(method)
        wire, name = self._wire, self._name

        def call(*arguments: Any) -> Awaitable[Any]:
            return wire.call(name, method, arguments)

        self.__dict__[method] = call
        return call


def _answer(reply: asyncio.Future[Any], error: BaseException | None, value: Any) -> None:
    if reply.done():
        return  # its caller waits no more
    if error is not None:
        reply.set_exception(error)
    else:
        reply.set_result(value)


def _short(arguments: tuple[Any, ...]) -> str:
    text = ", ".join(_ids(each) for each in arguments)
    return f"({text})" if len(text) <= 240 else f"({text[:240]}…)"


def _ids(value: Any) -> str:
    """What a story needs of an argument: of lists the items' own ids."""
    if isinstance(value, list):
        return "[" + ", ".join(_ids(each) for each in value) + "]"
    parts = [
        f"{name[:4]}={value_of}"
        for name in ("instance_id", "id", "attempt", "epoch", "host", "step", "phase", "builds", "fault", "port_id")
        if (value_of := getattr(value, name, None)) not in (None, "", ())
    ]
    return f"{type(value).__name__}<{' '.join(parts)}>" if parts else str(value)

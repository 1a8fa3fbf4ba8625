"""Runs a table of steps over a batch of items: forward, with undo of what failed, or backward.

Knows nothing of boots. A step's `do` takes the whole batch and returns the faults of the items that failed; those
leave the batch and are undone, from the failed step back to the first, while the others go on. A step may run in the
background: it starts in its place and is awaited just before the step that needs it.

Invariants: an item ends either done or failed and undone; the undo of a step that was begun is always run; nothing
here reads a clock of its own. This is the one place that catches every exception of a step (STYLE: two families).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from actors.clock import Clock
from actors.errors import CallerError, Fault, HostError, HostFault
from actors.states import Event

Room = TypeVar("Room")
Item = TypeVar("Item", bound="Identified")

Failures = dict[str, Fault]
"""Faults by item id; an item that is not in it succeeded."""

UNDO_TRIES = 3  # times an undo is run before it is given up and reported
UNDO_PAUSE_S = 0.1  # before the second, and four times as long before each further one


class Identified(Protocol):
    @property
    def id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class NoUndo:
    """Why a step leaves nothing that needs to be taken back."""

    reason: str


Do = Callable[[Room, list[Item]], Awaitable[Failures]]
Undo = Callable[[Room, list[Item]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Step(Generic[Room, Item]):
    """One row of a table. `flow` names the rows of BOOT_FLOW that it is; `deadline_s` bounds one run of `do`."""

    name: str
    flow: str
    do: Do[Room, Item]
    undo: Undo[Room, Item] | NoUndo
    deadline_s: float = 60.0
    event: Event | None = None  # what the instance's state table hears when the step begins
    awaited_by: str = ""  # '' = run to the end in place; else the name of the later step that needs it


Table = Sequence[Step[Room, Item]]


class Phase(StrEnum):
    BEGUN = "begun"
    DONE = "done"
    FAILED = "failed"
    UNDONE = "undone"
    UNDO_FAILED = "undo_failed"


Journal = Callable[[Sequence[Item], str, Phase, float, str], None]
"""Hears of every step as it happens: (items, step, phase, at, note). Must not block.

Items that go on together come as the same list each time, so what is made of them can be kept.
"""


@dataclass(slots=True)
class Outcome(Generic[Item]):
    done: list[Item] = field(default_factory=list)
    failed: list[tuple[Item, Fault]] = field(default_factory=list)
    failed_at: dict[str, str] = field(default_factory=dict)  # item id → the step that failed ('' = it was halted)
    broken: dict[str, list[str]] = field(default_factory=dict)  # item id → why it could not be undone


@dataclass(slots=True)
class Saga(Generic[Room, Item]):
    """A table of steps in the room where they act. `halted` says which items should go no further, and why."""

    table: Table[Room, Item]
    room: Room
    host: str
    clock: Clock
    journal: Journal[Item]
    halted: Callable[[list[Item]], Failures]

    async def forward(self, items: list[Item]) -> Outcome[Item]:
        """Run every step; items that fail or are halted are undone before this returns."""
        outcome: Outcome[Item] = Outcome(done=list(items))
        background: dict[str, asyncio.Task[Failures]] = {}
        undoing: list[asyncio.Task[dict[str, list[str]]]] = []

        def drop(failures: Failures, index: int, step: str = "") -> None:
            if not failures:
                return
            leaving = [item for item in outcome.done if item.id in failures]
            if not leaving:
                return
            outcome.done = [item for item in outcome.done if item.id not in failures]
            outcome.failed += [(item, failures[item.id]) for item in leaving]
            outcome.failed_at |= {item.id: step for item in leaving}
            pending = list(background.values())
            undoing.append(asyncio.create_task(self._undo_after(pending, leaving, index)))

        for index, step in enumerate(self.table):
            for earlier in [s for s in self.table[:index] if s.name in background and s.awaited_by == step.name]:
                drop(await background.pop(earlier.name), index - 1, earlier.name)
            drop(self.halted(outcome.done), index - 1)
            if not outcome.done:
                break
            work = asyncio.create_task(self._do(step, outcome.done))
            if step.awaited_by:
                background[step.name] = work
            else:
                drop(await work, index, step.name)
        for task in background.values():  # nobody was left to wait for them
            await task
        for undo in undoing:
            outcome.broken |= await undo
        return outcome

    async def backward(self, items: list[Item], last: int | None = None) -> dict[str, list[str]]:
        """Undo every step from `last` (an index; default the end) to the first.

        Returns the causes of the undos that failed, by item id.
        """
        broken: dict[str, list[str]] = {}
        end = len(self.table) - 1 if last is None else last
        for step in reversed(self.table[: end + 1]):
            if isinstance(step.undo, NoUndo):
                continue
            cause = await self._undo(step, step.undo, items)
            if cause:
                for item in items:
                    broken.setdefault(item.id, []).append(f"{step.name}: {cause}")
        return broken

    async def _undo_after(
        self, pending: list[asyncio.Task[Failures]], items: list[Item], last: int
    ) -> dict[str, list[str]]:
        """Steps still running in the background for these items must end before they are undone."""
        if pending:
            await asyncio.wait(pending)
        return await self.backward(items, last)

    async def _do(self, step: Step[Room, Item], items: list[Item]) -> Failures:
        """`items` is the outcome's own list, which is replaced and never changed."""
        self.journal(items, step.name, Phase.BEGUN, self.clock.now(), "")
        try:
            async with asyncio.timeout(step.deadline_s):
                failures = await step.do(self.room, items)
        except TimeoutError:
            failures = self._all_failed(items, step, f"not done within {step.deadline_s:g} s")
        except (HostError, CallerError) as error:
            failures = {item.id: error.fault for item in items}
        except Exception as error:  # noqa: BLE001 - the saga runner is where a crash of a step becomes undo
            failures = self._all_failed(items, step, f"{type(error).__name__}: {error}")
        at = self.clock.now()
        done = [item for item in items if item.id not in failures] if failures else items
        if done:
            self.journal(done, step.name, Phase.DONE, at, "")
        for item in items if failures else ():
            if item.id in failures:
                self.journal([item], step.name, Phase.FAILED, at, describe(failures[item.id]))
        return failures

    async def _undo(self, step: Step[Room, Item], undo: Undo[Room, Item], items: list[Item]) -> str:
        cause = ""
        for attempt in range(UNDO_TRIES):
            if attempt:
                await asyncio.sleep(UNDO_PAUSE_S * 4 ** (attempt - 1))
            try:
                async with asyncio.timeout(step.deadline_s):
                    await undo(self.room, items)
            except Exception as error:  # noqa: BLE001 - an undo that fails is tried again, then reported, and the rest goes on
                cause = f"{type(error).__name__}: {error}"
            else:
                self.journal(items, step.name, Phase.UNDONE, self.clock.now(), "")
                return ""
        self.journal(items, step.name, Phase.UNDO_FAILED, self.clock.now(), cause)
        return cause

    def _all_failed(self, items: list[Item], step: Step[Room, Item], cause: str) -> Failures:
        return {item.id: HostFault(step.name, self.host, cause) for item in items}


def describe(fault: Fault) -> str:
    """A fault as one line for people."""
    if isinstance(fault, HostFault):
        return f"{fault.step} on {fault.host}: {fault.cause}"
    return f"{fault.field}: {fault.message}" if fault.field else fault.message

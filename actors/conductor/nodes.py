"""The worker nodes as the conductor knows them: their epochs, who has left, and who is being called there.

Owned by the conductor's service. Each compute actor that says hello gets a new epoch, and a node that leaves gets one
that nobody has: so whoever still acts there is told that it is stale, by everybody. Invariants: an epoch is on disk
before anybody hears of it, and never given twice; what a node that left was building goes elsewhere only when no guest
of its can begin to run there any more.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol, TypeVar

import msgspec

from actors.clock import Clock
from actors.errors import StaleEpochError
from actors.faces import ComputeFace
from actors.messages import Hello
from actors.records import ComputeNode, Ledger

LEASE_S = 7.0  # how long a compute actor may begin guests on the strength of one answer; a restart takes less
MARGIN_S = 1.0  # for a guest that was begun in a lease's last moment to have begun, or been stopped
TELL_S = 1.0  # how long a compute actor that starts waits until every room knows its epoch
ASK_S = 3.0  # how long a conductor that starts waits for an answer of each compute actor
ASK_AGAIN_S = 0.5

Answer = TypeVar("Answer")


class Fenced(Protocol):
    async def fence(self, node: str, epoch: int) -> None: ...


class NodeLeftError(ConnectionError):
    """The node left the cluster while it was called."""


class Nodes:
    """`store` is asked patiently; `fenced`: the rooms that compute actors talk to; `lost_after_s`: one that left and
    is not back so long after does not only restart."""

    def __init__(self, store: Ledger, fenced: Sequence[Fenced], clock: Clock, lost_after_s: float) -> None:
        self._store = store
        self._fenced = fenced
        self._clock = clock
        self._lost_after_s = lost_after_s
        self._left_at: dict[str, float] = {}  # those that left in this conductor's time
        self._began = clock.monotonic()
        self._heard: dict[str, float] = {}  # node → when its actor last asked, and was answered or is being
        self._rows: dict[str, ComputeNode] = {}
        self._telling: set[asyncio.Task[None]] = set()
        self._calls: defaultdict[str, dict[asyncio.Future[Any], bool]] = defaultdict(dict)  # in their order; acts?

    async def load(self) -> None:
        self._rows = {row.id: row for row in await self._store.load(ComputeNode)}

    def row(self, node: str) -> ComputeNode | None:
        return self._rows.get(node)

    def epoch(self, node: str) -> int:
        row = self._rows.get(node)
        return row.epoch if row is not None else 0

    def has_left(self, node: str) -> bool:
        row = self._rows.get(node)
        return row is not None and row.gone

    def lost_in_s(self, node: str) -> float:
        """Seconds until one that left is taken for lost for good."""
        left_at = self._left_at.get(node, self._began)
        return max(0.0, left_at + self._lost_after_s - self._clock.monotonic())

    def present(self) -> list[str]:
        return [row.id for row in self._rows.values() if not row.gone]

    def left(self) -> list[str]:
        return [row.id for row in self._rows.values() if row.gone]

    def check(self, node: str, epoch: int) -> None:
        """Raises `StaleEpochError` for whoever acts on this node without its current epoch."""
        if epoch != self.epoch(node) or self.has_left(node):
            raise StaleEpochError(f"epoch {epoch} of node {node} is over")
        self._heard[node] = self._clock.monotonic()

    def lease_left_s(self, node: str) -> float:
        """Seconds until nothing that this conductor, or one before it, answered lets a guest begin there any more."""
        heard = self._heard.get(node, self._began)
        return max(0.0, heard + LEASE_S + MARGIN_S - self._clock.monotonic())

    # ------------------------------------------------------------ coming, leaving, changing

    async def welcome(self, hello: Hello) -> ComputeNode:
        """A compute actor starts: all before it on this node are stale when this returns."""
        known = self._rows.get(hello.node)
        self._heard[hello.node] = self._clock.monotonic()
        if known is None:
            return await self._fence(ComputeNode(id=hello.node, epoch=1, hosts=hello.hosts))
        row = msgspec.structs.replace(known, epoch=known.epoch + 1, hosts=hello.hosts, gone=False)
        return await self._fence(row)

    async def leave(self, node: str) -> None:
        """Nobody on this node may do anything more when this returns. An unknown one changes nothing."""
        known = self._rows.get(node)
        if known is not None and not known.gone:
            self._left_at[node] = self._clock.monotonic()
            await self._fence(msgspec.structs.replace(known, epoch=known.epoch + 1, gone=True))

    async def change(self, row: ComputeNode) -> None:
        """What administrators say of a node."""
        self._rows[row.id] = row
        await self._store.commit([row])

    async def _fence(self, row: ComputeNode) -> ComputeNode:
        self._rows[row.id] = row  # first, so that nobody is given the same epoch meanwhile
        await self._store.commit([row])
        telling = {asyncio.create_task(self._tell(room, row)) for room in self._fenced}
        self._telling |= telling
        for task in telling:
            task.add_done_callback(self._telling.discard)
        await asyncio.wait(telling, timeout=TELL_S)
        return row

    async def _tell(self, room: Fenced, row: ComputeNode) -> None:
        """A room that is away reads the row when it starts, so nobody waits for it long."""
        with suppress(ConnectionError):
            await room.fence(row.id, row.epoch)

    # ------------------------------------------------------------ calls

    async def call(self, node: str, work: Awaitable[Answer], acts: bool = False) -> Answer:
        """Wait for a compute actor's answer, but not for one of a node that has left: raises `NodeLeftError`."""
        call = asyncio.ensure_future(work)
        self._calls[node][call] = acts
        try:
            return await call
        except asyncio.CancelledError:
            if call.cancelled() and call not in self._calls[node]:  # it was given up
                raise NodeLeftError(f"node {node} left the cluster") from None
            raise
        finally:
            self._calls[node].pop(call, None)

    async def who_has(
        self, instance_ids: list[str], compute: Callable[[str], ComputeFace]
    ) -> dict[str, list[tuple[str, int, str]]]:
        """By node: (instance id, attempt, host) of those of these that its compute actor has in hand, or has ended."""
        if not instance_ids:
            return {}
        present = self.present()
        answers = await asyncio.gather(*(self._who_has(node, instance_ids, compute(node)) for node in present))
        return dict(zip(present, answers, strict=True))

    async def _who_has(self, node: str, instance_ids: list[str], compute: ComputeFace) -> list[tuple[str, int, str]]:
        """One that is away is asked until nothing that it had in hand can run there any more: it may be cut off, and
        its guests begin on what the conductor before this one answered."""
        until = self._clock.monotonic() + self.lease_left_s(node)
        while True:
            with suppress(ConnectionError, LookupError, TimeoutError):
                async with asyncio.timeout(ASK_S):
                    return await compute.holds(instance_ids)
            if (left_s := until - self._clock.monotonic()) <= 0.0:
                return []
            await asyncio.sleep(min(left_s, ASK_AGAIN_S))

    def give_up(self, node: str, acts: bool = False) -> None:
        """End the calls to a node that left; or those of acts alone, which an actor that follows must not be told."""
        for call, of_acts in list(self._calls.get(node, {}).items()):
            if of_acts or not acts:
                del self._calls[node][call]
                call.cancel()

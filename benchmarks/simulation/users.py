"""Users of a simulated cloud: they launch machines of every kind, ask again when nobody answers, and delete.

What each was promised is kept in `Promise`s, which `invariants.py` holds against what came of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from random import Random
from typing import Any

from actors.api.messages import BootRequest, ServersRequest
from actors.errors import CallerError, CallerFault
from actors.faces import ConductorFace
from actors.messages import BlockDevice, NetworkRequest
from actors.records import Notification
from benchmarks.simulation.stands import GROUP, IMAGE, MEMBER, NETWORK

ASK_AGAIN_S = 0.7  # when nobody answered, or the cloud was busy
PATIENCE_S = 400.0  # then a user gives up, which nobody should have to
FOLLOW_S = 4.0  # how long a follower of notifications waits for the next


@dataclass(slots=True)
class Promise:
    """One request, what it was answered, and whether its machines were deleted again."""

    request: BootRequest
    ids: tuple[str, ...] = ()
    refused: CallerFault | None = None
    answers: list[tuple[str, ...]] = field(default_factory=list)
    deleted: bool = False
    unheard: str = ""  # what the user never got an answer to


@dataclass(slots=True)
class Users:
    """`api` and `conductor` over the wire."""

    api: Any
    conductor: ConductorFace
    random: Random
    now: Callable[[], float]
    volumes: list[str]
    ports: list[str]
    promises: list[Promise] = field(default_factory=list)
    heard: list[Notification] = field(default_factory=list)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def begin(self, requests: int, within_s: float) -> None:
        for number in range(requests):
            promise = Promise(self._request(number))
            self.promises.append(promise)
            self._tasks.append(asyncio.create_task(self._use(promise, self.random.uniform(0, within_s))))

    def also(self, use: Coroutine[Any, Any, None]) -> None:
        """What a user does beside, which has to end too."""
        self._tasks.append(asyncio.create_task(use))

    @property
    def done(self) -> bool:
        return all(task.done() for task in self._tasks)

    async def follow(self) -> None:
        """Every notification, in order."""
        while True:
            since = self.heard[-1].sequence if self.heard else 0
            try:
                self.heard += await self.conductor.notifications(since, 1_000, FOLLOW_S)
            except ConnectionError:
                continue

    # ------------------------------------------------------------ one request's life

    def _request(self, number: int) -> BootRequest:
        random = self.random
        kind = random.random()
        fields: dict[str, Any] = {}
        if kind < 0.15 and self.volumes:
            own = BlockDevice(source_type="volume", destination_type="volume", source_id=self.volumes.pop())
            fields["block_devices"] = (own,)
        elif kind < 0.3:
            mark = random.random() < 0.5
            made = BlockDevice(source_type="blank", destination_type="volume", size_gib=1, delete_on_termination=mark)
            fields["block_devices"] = (made,)
        elif kind < 0.45 and self.ports:
            fields["networks"] = (NetworkRequest(port_id=self.ports.pop()), NetworkRequest(network_id=NETWORK))
        elif kind < 0.6:
            fields |= {"count": random.randint(2, 3), "min_count": random.choice((1, 2))}
        elif kind < 0.7:
            fields["hints"] = {"group": (GROUP,)}
        elif kind < 0.8:
            fields["wait_for_capacity_s"] = 30.0
        return BootRequest(
            token=MEMBER, name=f"vm-{number}", flavor="small", image=IMAGE, idempotency_key=f"key-{number}", **fields
        )

    async def _use(self, promise: Promise, after_s: float) -> None:
        await asyncio.sleep(after_s)
        random = self.random
        again, late, deletes = random.random() < 0.2, random.random() < 0.2, random.random() < 0.45
        lives_s = random.expovariate(1.0)
        await asyncio.gather(*(self.launch(promise) for _ in range(2 if again else 1)))
        if promise.ids and deletes:
            await asyncio.sleep(lives_s)
            await self.delete(promise)
        if late and promise.ids and not deletes:
            await asyncio.sleep(lives_s)
            await self.launch(promise)

    async def launch(self, promise: Promise) -> None:
        [reply] = await self._surely(promise, "boot", lambda: self.api.boot([promise.request])) or [None]
        if isinstance(reply, CallerFault):
            promise.refused = reply
        elif reply is not None:
            promise.ids = tuple(reply)
            promise.answers.append(promise.ids)

    async def delete(self, promise: Promise) -> None:
        request = ServersRequest(token=MEMBER, server_ids=promise.ids)
        promise.deleted = True
        await self._surely(promise, "delete", lambda: self.api.delete(request))

    async def _surely(self, promise: Promise, what: str, ask: Callable[[], Awaitable[list[Any]]]) -> list[Any] | None:
        """Until there is an answer that is one."""
        give_up_at = self.now() + PATIENCE_S
        while self.now() < give_up_at:
            try:
                replies = await ask()
            except (ConnectionError, CallerError):
                replies = []
            if replies and not any(isinstance(each, CallerFault) and each.status == 503 for each in replies):
                return replies
            await asyncio.sleep(ASK_AGAIN_S)
        promise.unheard = what
        return None


async def attempt(asked: Any) -> Any:
    """None: it is something else now, or nobody answers."""
    try:
        return await asked
    except (ConnectionError, CallerError):
        return None

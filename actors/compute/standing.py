"""Whether a compute actor may still act for its node: its epoch, its lease, and its end.

Owned by the compute room. Each answer of the conductor lends the right to begin guests until `LEASE_S` after it was
asked for; the conductor gives what a lost node was building to another only when every such right is over
(`actors/conductor/nodes.py`). An actor that is told that it is stale, or that has guests which the conductor has not
heard of and whose lease ran out, stops these guests and then itself. Where it can't, since it was killed or hangs, the
node's watchdog stops them (`watchdog.py`), which knows of each before it begins, and of each answer. Invariant: the
right never outlives what the conductor reckons with, however late its answers come.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from actors.clock import Clock
from actors.compute.watchdog import Watchdog
from actors.conductor.nodes import LEASE_S
from actors.errors import HostError, HostFault, StaleEpochError
from actors.faces import ConductorFace

WATCH_S = 1.0  # between looks at the lease while guests hang on it: it is renewed when it is older

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AtStake:
    """Guests that the conductor may give to another node: whether there are any, and what stops them."""

    any: Callable[[], bool]
    stop: Callable[[], Awaitable[None]]
    watchdog: Watchdog


class Standing:
    def __init__(self, conductor: ConductorFace, clock: Clock, at_stake: AtStake) -> None:
        self.node = ""
        self.epoch = 0
        self.over = asyncio.Event()  # set once this actor must end: nothing of it may act any more
        self._conductor = conductor
        self._clock = clock
        self._at_stake = at_stake
        self._asked_at = float("-inf")  # of the newest question that the conductor has answered
        self._ending = False
        self._watching: asyncio.TimerHandle | None = None
        self._renewing: asyncio.Task[None] | None = None

    def begin(self, node: str, epoch: int, asked_at: float) -> None:
        self.node, self.epoch = node, epoch
        self.answered(asked_at)

    @property
    def stale(self) -> bool:
        return self._ending

    def answered(self, asked_at: float) -> None:
        """The conductor knew this actor when it was asked at `asked_at`, by the monotonic clock."""
        self._asked_at = max(asked_at, self._asked_at)
        if self._at_stake.any():
            self._at_stake.watchdog.renew(self._until)

    async def hold(self, instance_ids: Sequence[str]) -> None:
        """Before these guests, which may run elsewhere if this node is lost, begin to run: as `may_run`, and the
        watchdog knows of them, until it is told that the conductor has heard or that they have ended."""
        await self.may_run()
        await self._at_stake.watchdog.begin(instance_ids, self._until)
        self._check()

    async def may_run(self) -> None:
        """Raises `HostError` where this actor has no right to let guests run."""
        if self._age() > LEASE_S / 2:
            await self._renew()
        self._check()

    def _check(self) -> None:
        if self._ending or self._age() > LEASE_S:
            raise HostError(HostFault("lease", self.node, "the conductor has not been heard for too long"))

    async def end(self, why: str) -> None:
        """Stop the guests that may run elsewhere soon, then be over."""
        if self._ending:
            return
        self._ending = True
        log.error("the compute service of %s ends itself: %s", self.node, why)
        try:
            await self._at_stake.stop()
        finally:
            self.over.set()

    def crashed(self, failure: BaseException) -> None:
        """Work of this actor failed as nothing may: it ends, its guests go on, and whoever follows takes them up."""
        log.error("the compute service of %s ends: its work crashed", self.node, exc_info=failure)
        self.over.set()

    # ------------------------------------------------------------ the lease, while guests hang on it

    def watch(self) -> None:
        if self._watching is None:
            self._watching = asyncio.get_running_loop().call_later(WATCH_S, self._look)

    def _look(self) -> None:
        self._watching = None
        if self._ending or not self._at_stake.any():
            return
        if self._age() > LEASE_S:
            self._renewing = asyncio.create_task(self.end("its lease ran out"))
            return
        if self._age() > WATCH_S and (self._renewing is None or self._renewing.done()):
            self._renewing = asyncio.create_task(self._renew())
        self.watch()

    async def _renew(self) -> None:
        asked_at = self._clock.monotonic()
        try:
            await self._conductor.renew(self.node, self.epoch)
        except StaleEpochError as error:
            await self.end(str(error))
        except ConnectionError:
            return  # it is away: the lease runs on, and out
        else:
            self.answered(asked_at)

    @property
    def _until(self) -> float:
        return self._asked_at + LEASE_S

    def _age(self) -> float:
        return self._clock.monotonic() - self._asked_at

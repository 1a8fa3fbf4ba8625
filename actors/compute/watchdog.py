"""What stops a node's guests where its compute actor can't: the watchdog, as the compute room sees it.

An actor that is killed stops nobody. So before a guest begins on the strength of a lease (`standing.py`), the watchdog
of its node knows of it, and stops it when the lease is over, unless the actor, or the one that follows it, has said
otherwise. Given by the hypervisor's driver, which knows whether its guests outlive the actor's process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Watchdog(Protocol):
    async def begin(self, instance_ids: Sequence[str], until: float) -> None:
        """Returns when it knows that these may run until then, by the monotonic clock: only then may they begin.
        Raises `HostError` with the step 'watchdog' where there is none."""

    async def take_up(self, instance_ids: Sequence[str]) -> list[str]:
        """An actor starts, and the conductor has told it that these are here: nobody stops them from now on. Those of
        them that an actor before it had begun, and not let go of: they may have been stopped. Raises as `begin`."""

    def renew(self, until: float) -> None:
        """All that this actor has begun, and not let go of, may run until then."""

    def let_go(self, instance_ids: Sequence[str]) -> None:
        """The conductor has heard of these, or they have ended. What is none of its business is passed over."""


class NoWatchdog:
    """For guests that are nothing but names in the compute actor's own process: they end with it."""

    async def begin(self, instance_ids: Sequence[str], until: float) -> None:
        return

    async def take_up(self, instance_ids: Sequence[str]) -> list[str]:
        return []

    def renew(self, until: float) -> None:
        return

    def let_go(self, instance_ids: Sequence[str]) -> None:
        return

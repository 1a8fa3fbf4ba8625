"""How the conductor writes: boots with their stories and notifications in one commit, and what other rooms give it.

Owned by the conductor's service. Invariant: what is written of a boot is what is true when the writing begins, also
where a database that was away is asked again: rows that were written meanwhile are not set back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from actors.clock import Clock
from actors.conductor.boots import Boot, notification
from actors.conductor.instance_actions import InstanceActions
from actors.conductor.moves import Moves
from actors.conductor.notifications import Notifications
from actors.conductor.riders import Riders
from actors.conductor.turns import Turns
from actors.records import Change, InstanceAction, Ledger

COMMIT_TRIES = 100  # times a database that can't write is asked
COMMIT_PAUSE_S = 0.2
LEDGER_TRIES = 20  # the same for what other rooms write: they have their own ways to go on
STORY_FLUSH_S = 2.0  # a story in progress is written at most this often


class Writing:
    def __init__(
        self,
        store: Ledger,
        notifications: Notifications,
        moves: Moves,
        actions: InstanceActions,
        clock: Clock,
        known: Callable[[str], Boot | None],
    ) -> None:
        """`known` gives the boot of an instance that is not deleted."""
        self._store = store
        self._notifications = notifications
        self._moves = moves
        self._actions = actions
        self._clock = clock
        self._known = known
        self._riders = Riders(self._on_the_way)
        self._turns = Turns()

    async def write(self, boots: list[Boot], event_type: str, also: Sequence[Change] = ()) -> None:
        """Rows, stories and a notification each ('' = none) in one commit; followers hear of it afterwards."""
        if not boots and not also:
            return
        at = self._clock.now()
        told = [notification(b, event_type, self._notifications.next_sequence(), at) for b in boots if event_type]
        self._riders.written(boots)
        for boot in boots:
            boot.writing += 1
        try:
            await _patiently(
                lambda: self._commit(boots, [*_rows(boots, at), *told, *map(self._newest, also)]), COMMIT_TRIES
            )
        except BaseException:
            self._notifications.give_up(told)
            raise
        finally:
            for boot in boots:
                boot.writing -= 1
        self._notifications.publish(told)

    def _newest(self, change: Change) -> Change:
        """Of an action that has ended since, its end."""
        known = self._actions.find(change.instance_id, change.id) if isinstance(change, InstanceAction) else None
        return known or change

    async def _commit(self, boots: list[Boot], changes: list[Change]) -> None:
        """With the records of their moves, which are as true as their rows."""
        moves = self._moves.due(boots)
        await self._store.commit([*changes, *moves])
        self._moves.written(moves)

    def later(self, boots: list[Boot]) -> None:
        """Let the boots' rows ride along with a later group; what is written is what is true then."""
        self._riders.add(boots)

    async def commit(self, changes: list[Change]) -> None:
        """For the other rooms. A database that is away for a moment is asked again here, not all over the cloud."""
        turn, written, tries = self._turns.begin(changes), False, 0

        async def mine() -> None:
            nonlocal tries
            tries += 1
            if tries == 1:
                await self._store.commit(changes)
            else:
                await self._turns.later_ones(turn)
                await self._store.commit(self._turns.left(turn, changes))

        try:
            await _patiently(mine, LEDGER_TRIES)
            written = True
        finally:
            self._turns.end(turn, written)

    async def ended(self, kind: str) -> None:
        """What other rooms have begun to write of this kind of rows is on disk, or never will be."""
        await self._turns.ended(kind)

    async def drained(self) -> None:
        """Nobody rides any more."""
        await self._riders.drained()

    async def _on_the_way(self, boots: list[Boot]) -> None:
        """Their rows; their stories, too, when they have not been written for a while.

        Not of those that are deleted (they must not come back), or that are being written with what belongs to it.
        """
        at = self._clock.now()
        known = [boot for boot in boots if self._known(boot.id) is not None and not boot.writing]
        due = [boot for boot in known if at - boot.story_written_at > STORY_FLUSH_S]
        rest: list[Change] = [boot.instance for boot in known if at - boot.story_written_at <= STORY_FLUSH_S]
        await self._commit(known, [*_rows(due, at), *rest])


async def _patiently(commit: Callable[[], Awaitable[None]], tries: int) -> None:
    for tries_left in reversed(range(tries)):
        try:
            await commit()
            return
        except ConnectionError:
            if not tries_left:
                raise
            await asyncio.sleep(COMMIT_PAUSE_S)


def _rows(boots: list[Boot], at: float) -> list[Change]:
    """Instances and their stories as they are now; of those that are new, what they were ordered with."""
    for boot in boots:
        boot.story_written_at = at
    told = [boot.story_row() for boot in boots if not boot.just_accepted]
    templates = dict.fromkeys(boot.template for boot in boots if boot.template is not None and boot.just_accepted)
    return [*(template.row() for template in templates), *(boot.instance for boot in boots), *told]

"""Forgetting servers that were deleted long ago: their rows, stories and actions, and notifications of that time.

Called by the conductor on an administrator's word; nothing is forgotten by itself. The rows go in small commits, so
that boots need not wait, and each commit leaves the database whole: whoever dies on the way, the rest goes the next
time. Invariants: what a living server was ordered with stays, and so does every row that is not older than was said;
the newest notification stays, because numbers go on from it.
"""

from __future__ import annotations

from actors.conductor.deleted import Deleted
from actors.conductor.orders import templates_in_memory
from actors.messages import Pruned
from actors.records import Archive, Change, Instance, InstanceAction, Notification, OrderTemplate, Story, drop_of

PAGE = 500  # servers of one commit
LIMIT = 20_000  # servers, and as many notifications, of one call


class Pruning:
    def __init__(self, store: Archive, deleted: Deleted) -> None:
        self._store = store
        self._deleted = deleted

    async def prune(self, before: float) -> Pruned:
        """Of what was deleted before then (seconds since the epoch), the oldest `LIMIT`."""
        servers = await self._ids(Instance, "deleted_at", before)
        told = await self._ids(Notification, "at", before)
        newest = await self._store.columns(Notification, ("id",), "id", 1)
        for first in range(0, len(servers), PAGE):
            await self._forget(servers[first : first + PAGE])
        for first in range(0, len(told), PAGE):
            page = told[first : first + PAGE]
            await self._store.commit([drop_of(Notification, one) for one in page if (one,) not in newest])
        if servers:
            await self._templates()
        return Pruned(servers=len(servers), notifications=len(told), more=LIMIT in (len(servers), len(told)))

    async def _ids(self, kind: type[Instance] | type[Notification], column: str, before: float) -> list[str]:
        """Of a living server `deleted_at` is 0."""
        return [row_id for (row_id,) in await self._store.between(kind, ("id",), column, (0.0, before), LIMIT)]

    async def _forget(self, servers: list[str]) -> None:
        actions = await self._store.load_where(InstanceAction, "instance_id", servers)
        changes: list[Change] = [drop_of(InstanceAction, action.id) for action in actions]
        for server_id in servers:
            changes += [drop_of(Story, server_id), drop_of(Instance, server_id)]
        await self._store.commit(changes)
        self._deleted.forget(servers)

    async def _templates(self) -> None:
        """Of what nobody was ordered with any more. A boot that comes now has its template in memory, and writes it."""
        known = await self._store.distinct(OrderTemplate, "id")
        wanted = await self._store.distinct(Instance, "template")
        unused = sorted(known - wanted - templates_in_memory())
        if unused:
            await self._store.commit([drop_of(OrderTemplate, one) for one in unused])

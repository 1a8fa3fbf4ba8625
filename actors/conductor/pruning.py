"""Forgetting servers that were deleted long ago: their rows, stories and actions, and notifications of that time.

Called by the conductor on an administrator's word; nothing is forgotten by itself. The rows go in small commits, so
that boots need not wait, and each commit leaves the database whole: whoever dies on the way, the rest goes the next
time. Invariants: what a living server was ordered with stays, and so does every row that is not older than was said;
the newest notification stays, because numbers go on from it.
"""

from __future__ import annotations

from actors.conductor.deleted import Deleted
from actors.conductor.moves import Moves
from actors.conductor.orders import templates_in_memory
from actors.messages import Pruned
from actors.records import Archive, Change, Instance, InstanceAction, Move, Notification, OrderTemplate, Story, drop_of

PAGE = 500  # servers of one commit
LIMIT = 20_000  # servers, and as many notifications, of one call


async def prune(store: Archive, deleted: Deleted, moves: Moves, before: float) -> Pruned:
    """Of what was deleted before then (seconds since the epoch), the oldest `LIMIT`."""
    servers = await _ids(store, Instance, "deleted_at", before)
    told = await _ids(store, Notification, "at", before)
    newest = await store.columns(Notification, ("id",), "id", 1)
    for first in range(0, len(servers), PAGE):
        page = servers[first : first + PAGE]
        await _forget(store, page)
        deleted.forget(page)
        moves.forget(page)
    for first in range(0, len(told), PAGE):
        page = told[first : first + PAGE]
        await store.commit([drop_of(Notification, one) for one in page if (one,) not in newest])
    if servers:
        await _forget_templates(store)
    return Pruned(servers=len(servers), notifications=len(told), more=LIMIT in (len(servers), len(told)))


async def _ids(store: Archive, kind: type[Instance] | type[Notification], column: str, before: float) -> list[str]:
    """Of a living server `deleted_at` is 0."""
    return [row_id for (row_id,) in await store.between(kind, ("id",), column, (0.0, before), LIMIT)]


async def _forget(store: Archive, servers: list[str]) -> None:
    actions = await store.load_where(InstanceAction, "instance_id", servers)
    changes: list[Change] = [drop_of(InstanceAction, action.id) for action in actions]
    moves = await store.load_where(Move, "instance_id", servers)
    changes += [drop_of(Move, move.id) for move in moves]
    for server_id in servers:
        changes += [drop_of(Story, server_id), drop_of(Instance, server_id)]
    await store.commit(changes)


async def _forget_templates(store: Archive) -> None:
    """Of what nobody was ordered with any more. A boot that comes now has its template in memory, and writes it."""
    known = await store.distinct(OrderTemplate, "id")
    wanted = await store.distinct(Instance, "template")
    unused = sorted(known - wanted - templates_in_memory())
    if unused:
        await store.commit([drop_of(OrderTemplate, one) for one in unused])

"""Servers that were deleted long ago are forgotten, and nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from actors.acts import Stop
from actors.conductor.store import Store, upgrade
from actors.errors import CallerError
from actors.messages import Pruned, ServerView
from actors.records import Instance, InstanceAction, Notification, OrderTemplate, Story
from tests.acts.test_acts import act
from tests.world import World


def on_database(url: str, folder: Path, play: Callable[[World, Store], Awaitable[None]]) -> None:
    """A world whose rows are in a database of its own."""

    async def run() -> None:
        upgrade(url)
        store = Store(url)
        world = World(folder, ledger=store)  # type: ignore[arg-type]
        await world.start()
        await world.furnish()
        try:
            await play(world, store)
        finally:
            await world.close()
            await store.close()

    asyncio.run(run())


async def told(store: Store, server: ServerView) -> int:
    return len(await store.load_where(Notification, "instance_id", [server.id]))


def test_rows_stories_actions_and_notifications_go_and_living_servers_stay(database_url: str, tmp_path: Path) -> None:
    async def play(world: World, store: Store) -> None:
        gone, stays = await world.boot(world.request("one"), world.request("two"))
        await act(world, gone, Stop(wait_s=0))
        await world.delete(gone)
        before = time.time()
        [later] = await world.boot(world.request("later"))
        await world.delete(later)
        kept = await told(store, later)
        pruned = await world.api.prune(world.admin, before)
        assert (pruned.servers, pruned.more) == (1, False)
        assert {row.id for row in await store.load(Instance)} == {stays.id, later.id}
        assert {row.id for row in await store.load(Story)} == {stays.id, later.id}
        assert {row.instance_id for row in await store.load(InstanceAction)} == {later.id}
        assert (await told(store, gone), await told(store, later)) == (0, kept)
        assert [row.id for row in await world.conductor.list_deleted("")] == [later.id]
        [view] = await world.conductor.show([stays.id])
        assert isinstance(view, ServerView) and view.image_id == stays.image_id
        assert await world.api.prune(world.admin, before) == Pruned(servers=0, notifications=0)

    on_database(database_url, tmp_path, play)


def test_what_nobody_was_ordered_with_goes_and_what_a_living_server_was_stays(
    database_url: str, tmp_path: Path
) -> None:
    async def play(world: World, store: Store) -> None:
        [server] = await world.boot(world.request())
        assert len(await store.load(OrderTemplate)) == 1
        await world.delete(server)
        last = max(row.sequence for row in await store.load(Notification))
        await world.api.prune(world.admin, time.time())
        assert await store.load(OrderTemplate) == [] and await store.load(Instance) == []
        assert [row.sequence for row in await store.load(Notification)] == [last]  # numbers go on from it
        [again] = await world.boot(world.request())
        assert again.status == "ACTIVE"
        [template] = await store.load(OrderTemplate)
        await world.api.prune(world.admin, time.time())
        assert await store.load(OrderTemplate) == [template]

    on_database(database_url, tmp_path, play)


def test_only_an_administrator_has_it_done_and_for_times_that_have_been(tmp_path: Path) -> None:
    async def play(world: World, store: Store) -> None:
        for by, before, status in (
            (world.member, 1.0, 403),
            (world.admin, time.time() + 3_600, 400),
            (world.admin, float("nan"), 400),
            (world.admin, 0.0, 400),
        ):
            with pytest.raises(CallerError) as refused:
                await world.api.prune(by, before)
            assert refused.value.fault.status == status

    on_database(f"sqlite:///{tmp_path / 'cloud.sqlite'}", tmp_path, play)

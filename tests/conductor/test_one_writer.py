"""One conductor writes: the last that took over, whatever an earlier one believes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from actors.conductor.backup import backup, restore
from actors.conductor.store import Store, StoreSupersededError, upgrade
from actors.records import Project


def project(name: str) -> Project:
    return Project(id=name, name=name)


def test_who_was_taken_for_dead_writes_no_more(database_url: str) -> None:
    async def play() -> None:
        upgrade(database_url)
        first, second = Store(database_url), Store(database_url)
        await first.take_over()
        await first.commit([project("before")])
        await second.take_over()
        with pytest.raises(StoreSupersededError):
            await first.commit([project("too-late")])
        assert first.superseded.is_set() and not second.superseded.is_set()
        await second.commit([project("after")])
        assert {row.id for row in await second.load(Project)} == {"before", "after"}
        for store in (first, second):
            await store.close()

    asyncio.run(play())


def test_a_superseded_writer_changes_nothing_that_is_there(database_url: str) -> None:
    async def play() -> None:
        upgrade(database_url)
        first, second = Store(database_url), Store(database_url)
        await first.take_over()
        await first.commit([project("a")])
        await second.take_over()
        await second.commit([Project(id="a", name="newer")])
        with pytest.raises(StoreSupersededError):
            await first.commit([project("a"), project("b")])
        assert [(row.id, row.name) for row in await second.load(Project)] == [("a", "newer")]
        for store in (first, second):
            await store.close()

    asyncio.run(play())


def test_who_lives_on_does_not_write_into_what_was_restored(database_url: str, tmp_path: Path) -> None:
    async def play() -> None:
        upgrade(database_url)
        store = Store(database_url)
        await store.take_over()
        await store.commit([project("a")])
        backup(database_url, tmp_path / "backup")
        await store.commit([project("b")])
        restore(tmp_path / "backup", database_url)
        with pytest.raises(StoreSupersededError):
            await store.commit([project("c")])
        assert [row.id for row in await store.load(Project)] == ["a"]
        await store.close()

    asyncio.run(play())

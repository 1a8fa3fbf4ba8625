"""A database belongs to one cloud: who may have it, when, and what becomes of those who had it before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from actors.cluster import identity
from actors.cluster.config import CloudConfig
from actors.conductor.backup import backup, restore
from actors.conductor.database import open_database
from actors.conductor.ownership import (
    LIVES_S,
    Identity,
    NotOursError,
    UnknownOwnerError,
    check_idle,
    claim,
    owner,
    stranger,
)
from actors.conductor.store import Store, StoreSupersededError, upgrade
from actors.records import Project

OURS, THEIRS = Identity("ours", "/srv/ours on one"), Identity("theirs", "/srv/theirs on two")
Said = list[str]


def row(number: int) -> Project:
    return Project(id=f"p{number}", name=f"project {number}")


def execute(url: str, statement: str) -> None:
    engine = open_database(url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def older(url: str, seconds: float) -> None:
    """Its last sign of life is so much longer ago."""
    execute(url, f"UPDATE writer SET seen = seen - {seconds:.0f}")


def never(seconds: float) -> None:
    raise AssertionError("nobody has to wait")


def with_stores(url: str, play: Callable[[Callable[[], Store]], Awaitable[None]]) -> None:
    """`play` is given what makes a conductor's store, as each start of one does."""

    async def run() -> None:
        upgrade(url)
        stores: list[Store] = []

        def start() -> Store:
            stores.append(Store(url))
            return stores[-1]

        try:
            await play(start)
        finally:
            for store in stores:
                await store.close()

    asyncio.run(run())


def owned_by(url: str) -> str:
    found = owner(url)
    assert found is not None
    return found.cloud


def test_two_clouds_on_one_database_do_not_take_it_from_each_other(database_url: str) -> None:
    async def play(start: Callable[[], Store]) -> None:
        theirs, ours = start(), start()
        await theirs.take_over(THEIRS)
        with pytest.raises(NotOursError, match="/srv/theirs on two"):
            await ours.take_over(OURS)
        await theirs.commit([row(1)])
        assert not theirs.superseded.is_set() and owned_by(database_url) == THEIRS.cloud
        older(database_url, 10 * LIVES_S)  # it is dead: its database is no other conductor's for that
        with pytest.raises(NotOursError, match="s old"):
            await ours.take_over(OURS)
        await theirs.commit([row(2)])

    with_stores(database_url, play)


def test_a_conductor_of_the_same_cloud_takes_over_at_once(database_url: str) -> None:
    async def play(start: Callable[[], Store]) -> None:
        first, second = start(), start()
        await first.take_over(OURS)
        claim(database_url, OURS, never_said, pause=never)  # `up` again
        await first.commit([row(1)])
        await second.take_over(OURS)
        with pytest.raises(StoreSupersededError):
            await first.commit([row(2)])
        await second.commit([row(3)])

    with_stores(database_url, play)


def test_a_database_of_a_cloud_that_lives_is_not_claimed(database_url: str) -> None:
    async def play(start: Callable[[], Store]) -> None:
        theirs, said = start(), Said()
        await theirs.take_over(THEIRS)

        def sign(_: float) -> None:
            execute(database_url, "UPDATE writer SET seen = seen + 1")

        with pytest.raises(NotOursError, match=r"/srv/theirs on two, which runs.*--take-database"):
            claim(database_url, OURS, said.append, pause=sign)
        assert len(said) == 1 and "waiting for a sign of life" in said[0]
        await theirs.commit([row(1)])

    with_stores(database_url, play)


def test_a_conductor_s_signs_are_seen(database_url: str) -> None:
    async def play(start: Callable[[], Store]) -> None:
        store = start()
        await store.take_over(OURS)
        older(database_url, 1_000)
        await store.give_sign()
        found = owner(database_url)
        assert found is not None and found.age_s < 900

    with_stores(database_url, play)


def test_a_database_of_a_cloud_that_is_dead_is_claimed_and_it_writes_no_more(database_url: str) -> None:
    async def play(start: Callable[[], Store]) -> None:
        theirs, ours = start(), start()
        await theirs.take_over(THEIRS)
        older(database_url, LIVES_S)
        claim(database_url, OURS, never_said, pause=never)
        with pytest.raises(StoreSupersededError):  # it was only silent
            await theirs.commit([row(1)])
        await ours.take_over(OURS)
        await ours.commit([row(2)])
        with pytest.raises(NotOursError):  # its next start
            await start().take_over(THEIRS)
        await ours.commit([row(3)])
        assert "/srv/ours on one" in stranger(database_url, THEIRS) and stranger(database_url, OURS) == ""

    with_stores(database_url, play)


def test_one_that_has_just_died_is_waited_for(database_url: str) -> None:
    async def play(start: Callable[[], Store]) -> None:
        await start().take_over(THEIRS)
        older(database_url, LIVES_S - 1)
        said = Said()
        claim(database_url, OURS, said.append)
        assert owned_by(database_url) == OURS.cloud

    with_stores(database_url, play)


def test_an_operator_takes_it_from_a_cloud_that_lives_by_saying_so(database_url: str) -> None:
    async def play(start: Callable[[], Store]) -> None:
        theirs = start()
        await theirs.take_over(THEIRS)
        claim(database_url, OURS, never_said, by_force=True, pause=never)
        with pytest.raises(StoreSupersededError):  # also one that only gives a sign
            await theirs.give_sign()
        assert theirs.superseded.is_set() and owned_by(database_url) == OURS.cloud
        await start().take_over(OURS)

    with_stores(database_url, play)


def test_a_restored_database_is_whose_it_was(database_url: str, tmp_path: Path) -> None:
    async def play(start: Callable[[], Store]) -> None:
        store = start()
        await store.take_over(OURS)
        await store.commit([row(1)])
        backup(database_url, tmp_path / "backup")
        restore(tmp_path / "backup", database_url)
        claim(database_url, OURS, never_said, pause=never)
        again = start()
        await again.take_over(OURS)
        await again.commit([row(2)])
        with pytest.raises(StoreSupersededError):
            await store.commit([row(3)])

    with_stores(database_url, play)


def test_what_another_cloud_works_with_is_not_restored_over(database_url: str) -> None:
    async def play(start: Callable[[], Store]) -> None:
        await start().take_over(THEIRS)
        for cloud in (OURS.cloud, ""):
            with pytest.raises(NotOursError, match="stop that one first"):
                check_idle(database_url, cloud)
        check_idle(database_url, THEIRS.cloud)
        older(database_url, LIVES_S)
        check_idle(database_url, OURS.cloud)

    with_stores(database_url, play)


def test_a_database_that_is_nobody_s_is_claimed_under_its_conductor_s_feet(database_url: str) -> None:
    """As the conductor of an earlier version left it, which goes on until it is started again."""

    async def play(start: Callable[[], Store]) -> None:
        before = start()
        await before.take_over()
        claim(database_url, OURS, never_said, pause=never)
        await before.commit([row(1)])
        assert owned_by(database_url) == OURS.cloud

    with_stores(database_url, play)


def test_a_database_without_tables_is_left_to_the_first_conductor(database_url: str) -> None:
    claim(database_url, OURS, never_said, pause=never)
    assert owner(database_url) is None and stranger(database_url, OURS) == ""


def test_a_database_that_does_not_answer_is_not_said_to_be_anybody_s(tmp_path: Path) -> None:
    nowhere = f"postgresql://novaray@/none?host={tmp_path}"
    with pytest.raises(UnknownOwnerError, match="does not answer"):
        claim(nowhere, OURS, never_said, pause=never)
    assert owner(nowhere) is None


def never_said(line: str) -> None:
    raise AssertionError(line)


def test_a_cloud_is_known_by_its_home_and_only_where_it_may_meet_another(tmp_path: Path) -> None:
    shared = CloudConfig(home=tmp_path, database_url="postgresql://novaray@/shared")
    first, again = identity.settled(shared), identity.settled(shared)
    assert first.cloud_id and first.cloud_id == again.cloud_id and str(tmp_path) in first.place
    (tmp_path / "other").mkdir()
    other = identity.settled(CloudConfig(home=tmp_path / "other", database_url=shared.database_url))
    assert other.cloud_id != first.cloud_id
    joined = identity.settled(CloudConfig(home=tmp_path / "other", database_url=shared.database_url), first.cloud_id)
    assert joined.cloud_id == first.cloud_id  # the same Ray's new head
    assert identity.settled(CloudConfig(home=tmp_path)).cloud_id == ""

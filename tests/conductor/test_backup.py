"""Backups: of one moment while the cloud writes, whole or not there, and back again on either database."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest

from actors.conductor.backup import BackupError, backup, restore
from actors.conductor.boots import Boot, stored_boot
from actors.conductor.store import Store, upgrade
from actors.records import (
    RECORD_TYPES,
    Change,
    Instance,
    Notification,
    OrderTemplate,
    Port,
    Project,
    Record,
    Role,
    Story,
    User,
    Volume,
    VolumeAttachment,
    drop,
)

COMMITS = 300
RELEASED = sorted((Path(__file__).parent / "released").glob("*.sql"))
"""A cloud's database as each released version left it, with two servers, their volumes and ports."""


def released(sql: Path, folder: Path) -> Path:
    """The database of that version as a file, which is what its backups are."""
    file = folder / sql.stem
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(sql.read_text())
    return file


@pytest.fixture
def furnished(database_url: str, tmp_path: Path) -> str:
    """A database with rows in it."""
    restore(released(RELEASED[-1], tmp_path), database_url)
    return database_url


def commit(url: str, changes: list[Change]) -> None:
    async def run() -> None:
        store = Store(url)
        await store.commit(changes)
        await store.close()

    asyncio.run(run())


def everything(url: str) -> list[Record]:
    async def run() -> list[Record]:
        store = Store(url)
        rows: list[Record] = [row for kind in RECORD_TYPES for row in await store.load(kind)]
        await store.close()
        return sorted(rows, key=lambda row: (type(row).__name__, row.id))

    return asyncio.run(run())


def test_a_backup_comes_back(furnished: str, tmp_path: Path) -> None:
    before = everything(furnished)
    made = backup(furnished, tmp_path / "kept")
    assert made.rows == len(before)
    assert stat.S_IMODE((tmp_path / "kept").stat().st_mode) == 0o600
    commit(furnished, [Project(id="new", name="later"), drop(before[0])])
    assert everything(furnished) != before
    assert restore(tmp_path / "kept", furnished).rows == made.rows
    assert everything(furnished) == before


def test_a_cloud_moves_to_another_database(furnished: str, tmp_path: Path) -> None:
    backup(furnished, tmp_path / "kept")
    elsewhere = f"sqlite:///{tmp_path / 'elsewhere.sqlite'}"
    restore(tmp_path / "kept", elsewhere)  # which was empty, without a schema
    assert everything(elsewhere) == everything(furnished)


def test_a_backup_is_of_one_moment(database_url: str, tmp_path: Path) -> None:
    """Each commit writes a project and a role, so in any moment there are as many of one as of the other."""
    upgrade(database_url)
    first, done = threading.Event(), threading.Event()

    async def write() -> None:
        store = Store(database_url)
        for number in range(COMMITS):
            await store.commit([Project(id=str(number), name="p"), Role(id=str(number), name="r")])
            first.set()
        await store.close()
        done.set()

    writer = threading.Thread(target=asyncio.run, args=(write(),))
    writer.start()
    first.wait()
    made = 0
    while not done.is_set():
        file = tmp_path / f"kept-{made}"
        backup(database_url, file)
        kept = everything(f"sqlite:///{file}")
        assert sum(isinstance(row, Project) for row in kept) == sum(isinstance(row, Role) for row in kept) > 0
        made += 1
    writer.join()
    assert made > 0


@pytest.mark.parametrize("version", RELEASED, ids=lambda sql: sql.stem)
def test_a_backup_of_each_released_version_is_brought_up_to_date(
    database_url: str, tmp_path: Path, version: Path
) -> None:
    restore(released(version, tmp_path), database_url)
    rows = everything(database_url)
    assert {Instance, Port, Volume, VolumeAttachment, Story, Notification, User} <= {type(row) for row in rows}
    assert [boot.status for boot in stored_boots(rows)] == ["ACTIVE", "ACTIVE"]


def stored_boots(rows: list[Record]) -> list[Boot]:
    """The servers that are not deleted, as a conductor that starts takes them up."""
    stories = {row.id: row for row in rows if isinstance(row, Story)}
    living = [row for row in rows if isinstance(row, Instance) and not row.deleted_at]
    templates = {row.id: row for row in rows if isinstance(row, OrderTemplate)}
    return [stored_boot(row, stories.get(row.id), templates) for row in living]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'cloud.sqlite'}"
    upgrade(url)
    (tmp_path / "kept").write_text("precious")
    with pytest.raises(BackupError, match="already"):
        backup(url, tmp_path / "kept")
    assert (tmp_path / "kept").read_text() == "precious"


def test_a_database_of_another_version_is_not_backed_up(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="no version"):
        backup(f"sqlite:///{tmp_path / 'cloud.sqlite'}", tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\0"])
def test_what_is_no_backup_changes_nothing(tmp_path: Path, content: bytes) -> None:
    url = f"sqlite:///{tmp_path / 'cloud.sqlite'}"
    upgrade(url)
    commit(url, [Project(id="mine", name="mine")])
    (tmp_path / "kept").write_bytes(content)
    with pytest.raises(BackupError):
        restore(tmp_path / "kept", url)
    assert [row.id for row in everything(url)] == ["mine"]

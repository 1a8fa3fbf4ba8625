"""Backups of the cloud's database: one SQLite file, whatever the cloud itself runs on.

Called by the command line. `backup` reads one consistent moment while the cloud goes on writing; `restore` replaces
everything in one transaction, and brings a backup of an older version up to date first. So a backup also moves a cloud
from SQLite to PostgreSQL and back. Invariants: a backup file is whole or not there; a restore that fails changes
nothing.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from sqlalchemy import Connection, Engine, MetaData, Table, func, insert, select

from actors.conductor import migrations
from actors.conductor.database import open_database
from actors.conductor.migrations import HEAD, VERSION_TABLE, current_version
from actors.conductor.one_writer import begin_life
from actors.conductor.tables import TABLES

PAGE = 1_000  # rows that are copied at a time
FILE_MODE = 0o600  # password hashes and signing keys are inside


class BackupError(RuntimeError):
    """It could not be made or put back, and nothing was changed."""


class Copied(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds."""

    file: str
    tables: int
    rows: int


def backup(url: str, file: Path) -> Copied:
    """Write a new `file`. Raises `BackupError` if it is there already, or the database is not of this version."""
    if file.exists():
        raise BackupError(f"{file} is there already")
    source = open_database(url)
    try:
        with TemporaryDirectory(dir=file.parent, prefix=f".{file.name}-") as folder:
            made = Path(folder) / "backup.sqlite"
            rows = _write(source, made)
            made.chmod(FILE_MODE)
            made.rename(file)
    finally:
        source.dispose()
    _sync(file.parent)
    return Copied(file=str(file), tables=len(TABLES), rows=rows)


def _write(source: Engine, made: Path) -> int:
    with source.connect() as reading:
        _one_moment(reading)
        if (version := current_version(reading)) != HEAD:
            found = f"version {version}" if version else "no version"
            raise BackupError(f"the database has {found}, this program's is {HEAD}: bring it up to date with `up`")
        target = open_database(f"sqlite:///{made}")
        migrations.upgrade(target)
        with target.begin() as writing:
            rows = _copy(reading, writing)
        with target.connect() as writing:
            writing.exec_driver_sql("PRAGMA journal_mode = DELETE")  # one file, with no log beside it
        target.dispose()
    return rows


def _one_moment(connection: Connection) -> None:
    """What is read from here on is of one moment, however long it takes."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN")  # the driver itself would begin only at the first INSERT
    else:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def restore(file: Path, url: str) -> Copied:
    """Replace everything in the database by what the backup holds; the cloud must be down."""
    with TemporaryDirectory(prefix="novaray-restore-") as folder:
        copy = Path(folder) / "backup.sqlite"
        copy.write_bytes(_read(file))
        _check(copy, file)
        source = open_database(f"sqlite:///{copy}")
        target = open_database(url)
        try:
            migrations.upgrade(source)
            migrations.upgrade(target)
            with source.connect() as reading, target.begin() as writing:
                for table in reversed(_tables()):
                    writing.execute(table.delete())
                rows = _copy(reading, writing)
                begin_life(writing)  # a conductor that was taken for dead and lives on knows other rows
        finally:
            source.dispose()
            target.dispose()
    return Copied(file=str(file), tables=len(TABLES), rows=rows)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BackupError(f"{file} can't be read: {error.strerror}") from None


def _check(copy: Path, file: Path) -> None:
    try:
        with closing(sqlite3.connect(copy)) as connection:
            connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()
    except sqlite3.Error as error:
        raise BackupError(f"{file} is no backup of a cloud's database: {error}") from None


def _copy(reading: Connection, writing: Connection) -> int:
    for table in _tables():
        for page in reading.execute(select(table)).mappings().partitions(PAGE):
            writing.execute(insert(table), [dict(row) for row in page])
    return sum(writing.execute(select(func.count()).select_from(table)).scalar_one() for table in _tables())


def _tables() -> list[Table]:
    """Of what rooms keep; who writes a database is its own."""
    metadata: MetaData = next(iter(TABLES.values())).metadata
    kept = {table.name for table in TABLES.values()}
    return [table for table in metadata.sorted_tables if table.name in kept]


def _sync(folder: Path) -> None:
    """The new name is on disk, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

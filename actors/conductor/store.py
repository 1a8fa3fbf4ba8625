"""The store: the one door to the database, with group commit.

Owns the connections, and one writer thread that alone writes. While a transaction is being written, the commits that
arrive gather and go together in the next, so one fsync serves them all. Called by the conductor, for itself and for
the rooms whose `Ledger` it is.

A store that took over writes only until another one does (`one_writer.py`).

Invariants: `commit` returns only when its changes are durable; each commit is written all or not at all; a later one
never overtakes an earlier one; a commit that can't be written (its rows are wrong) fails alone, and a database that
can't write (disk full, locked, gone) fails those who wait, leaves nothing half-written, and is tried again by the next.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any, NamedTuple, TypeVar

import msgspec
from sqlalchemy import Column, Connection, Select, select
from sqlalchemy.exc import DBAPIError, OperationalError

from actors.conductor import migrations, one_writer
from actors.conductor.database import open_database
from actors.conductor.ownership import Identity
from actors.conductor.rows import Statements, StatementsOf, Values, net_effect, record_of
from actors.conductor.tables import TABLES
from actors.errors import CallerError, busy
from actors.records import Change, Kind

QUEUE_LIMIT = 200_000  # changes that wait or are being written
GROUP_LIMIT = 5_000  # changes in one transaction, unless a single commit has more
VALUES_LIMIT = 500  # values that one query looks for
PAGE_LIMIT = 1_000  # rows of one page
READERS = 2  # threads that read

Value = str | int | float
Answer = TypeVar("Answer")


class StoreError(Exception):
    """The database did not write, and nothing of the commit is there. These rows will never go in."""


class StoreUnavailableError(StoreError, ConnectionError):
    """The database can't write now (disk full, locked, gone). The same commit may be tried again."""


class StoreSupersededError(StoreUnavailableError):
    """Another conductor writes the database now; it can be asked to."""


class Statistics(msgspec.Struct, frozen=True):
    """Since the store was opened."""

    commits: int = 0  # acknowledged calls of `commit`
    changes: int = 0  # in those
    groups: int = 0  # transactions, so fsyncs
    failures: int = 0  # commits that were refused by the database
    write_s: float = 0.0  # seconds the writer thread was busy


class _Waiting(NamedTuple):
    changes: tuple[Change, ...]
    done: asyncio.Future[None]


def upgrade(url: str) -> bool:
    """Bring the schema of the database up to date, before a `Store` opens it. True if there was something to do."""
    engine = open_database(url)
    try:
        return migrations.upgrade(engine)
    finally:
        engine.dispose()


class Store:
    """Meets `records.Ledger`, on a database that is up to date. Use it from one event loop at a time."""

    def __init__(self, url: str, queue_limit: int = QUEUE_LIMIT) -> None:
        self._engine = open_database(url)
        self._statements = StatementsOf(self._engine.dialect.name)
        self._queue_limit = queue_limit
        self._queued = 0
        self._waiting: list[_Waiting] = []
        self._pump: asyncio.Task[None] | None = None
        self._writer = ThreadPoolExecutor(1, "store-writer")
        self._readers = ThreadPoolExecutor(READERS, "store-reader")
        self.statistics = Statistics()
        self.superseded = asyncio.Event()  # another store took over: nothing of this one is written any more
        self._life: int | None = None

    async def take_over(self, identity: Identity | None = None) -> int:
        """Be the one writer of the database, from now on: what is loaded afterwards is changed by nobody else. The
        number of this life.

        Raises `NotOursError` where it belongs to another cloud than `identity`'s.
        """
        loop = asyncio.get_running_loop()
        self._life = await loop.run_in_executor(self._writer, one_writer.take_over, self._engine, identity)
        return self._life

    async def give_sign(self) -> None:
        """Say in the database that its writer lives. Raises `StoreError`."""
        if self._life is None:
            return
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._writer, one_writer.sign_of_life, self._engine, self._life)
        except (one_writer.SupersededError, DBAPIError) as cause:
            failure = _without_values(cause)
            if isinstance(failure, StoreSupersededError):
                self.superseded.set()
            raise failure from None

    # ------------------------------------------------------------ writing

    async def commit(self, changes: Sequence[Change]) -> None:
        """Write rows and drops, in order, all or none; returns when durable.

        Raises `CallerError` 503 when too much waits already, `StoreError` when the database refuses.
        """
        if not changes:
            return
        if self._queued + len(changes) > self._queue_limit:
            raise CallerError(busy(f"{self._queued} changes wait to be written already; try again in a moment"))
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(tuple(changes), done))
        self._queued += len(changes)
        if self._pump is None:
            self._pump = asyncio.create_task(self._run())
        await done

    async def close(self) -> None:
        """Write what waits, then let go of the database."""
        while self._pump is not None:
            await asyncio.wait({self._pump})
        self._writer.shutdown()
        self._readers.shutdown()
        self._engine.dispose()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                group = self._take_group()
                began = time.perf_counter()
                failures = await loop.run_in_executor(self._writer, self._write_group, [one.changes for one in group])
                self._answer(group, failures, time.perf_counter() - began)
        finally:
            self._pump = None

    def _take_group(self) -> list[_Waiting]:
        size = count = 0
        for waiting in self._waiting:
            size += len(waiting.changes)
            if count and size > GROUP_LIMIT:
                break
            count += 1
        group = self._waiting[:count]
        del self._waiting[:count]
        return group

    def _answer(self, group: list[_Waiting], failures: list[Exception | None], took_s: float) -> None:
        written = 0
        for (changes, done), failure in zip(group, failures, strict=True):
            self._queued -= len(changes)
            written += 0 if failure else len(changes)
            if isinstance(failure, StoreSupersededError):
                self.superseded.set()
            if done.done():
                continue  # its caller was cancelled
            if failure is None:
                done.set_result(None)
            else:
                done.set_exception(failure)
        failed = sum(failure is not None for failure in failures)
        was = self.statistics
        self.statistics = Statistics(
            commits=was.commits + len(group) - failed,
            changes=was.changes + written,
            groups=was.groups + 1,
            failures=was.failures + failed,
            write_s=was.write_s + took_s,
        )

    def _write_group(self, group: list[tuple[Change, ...]]) -> list[Exception | None]:
        """On the writer thread. Where one caller's rows are at fault, the others must not suffer: each goes alone."""
        failure = self._failure_of([change for changes in group for change in changes])
        if failure is None or len(group) == 1 or isinstance(failure, StoreUnavailableError):
            return [failure] * len(group)
        return [self._failure_of(changes) for changes in group]

    def _failure_of(self, changes: Sequence[Change]) -> StoreError | None:
        try:
            self._write(changes)
        except Exception as cause:  # noqa: BLE001 - whatever it was, somebody waits for the answer
            return _without_values(cause)
        return None

    def _write(self, changes: Sequence[Change]) -> None:
        with self._engine.begin() as connection:
            for kind, table in net_effect(changes).items():
                statement = self._statements[kind]
                if table.drops:
                    connection.exec_driver_sql(statement.delete, [(row_id,) for row_id in table.drops])
                if table.rows:
                    _upsert(connection, statement, [statement.values(row) for row in table.rows])
            if self._life is not None:
                one_writer.look(connection, self._life)

    # ------------------------------------------------------------ reading

    async def load(self, kind: type[Kind]) -> list[Kind]:
        """Every row of a table, in no particular order."""
        return await self._read(lambda: self._fetch(kind, _rows(kind)))

    async def newest(self, kind: type[Kind], order: str, limit: int) -> list[Kind]:
        """At most `limit` rows, those with the highest `order`, a column; in no particular order."""
        query = _rows(kind).order_by(_column(kind, order).desc()).limit(limit)
        return await self._read(lambda: self._fetch(kind, query))

    async def load_where(self, kind: type[Kind], column: str, values: Sequence[Value]) -> list[Kind]:
        """The rows whose `column` holds one of `values`, in no particular order."""
        return await self._read(lambda: self._fetch_where(kind, column, values))

    async def columns(self, kind: type[Kind], names: Sequence[str], order: str, limit: int) -> list[tuple[Any, ...]]:
        """These columns of the rows that `newest` gives, highest first."""
        query = select(*(_column(kind, name) for name in names)).order_by(_column(kind, order).desc()).limit(limit)
        return await self._read(lambda: self._tuples(query))

    async def between(
        self, kind: type[Kind], names: Sequence[str], order: str, bounds: tuple[float, float], limit: int
    ) -> list[tuple[Any, ...]]:
        """Columns of rows whose `order`, a number, is above the first bound and below the second; lowest first."""
        by, (least, most) = _column(kind, order), bounds
        query = select(*(_column(kind, name) for name in names)).where(by > least, by < most).order_by(by).limit(limit)
        return await self._read(lambda: self._tuples(query))

    async def distinct(self, kind: type[Kind], column: str) -> set[str]:
        query = select(_column(kind, column)).distinct()
        return {value for (value,) in await self._read(lambda: self._tuples(query))}

    async def load_page(
        self, kind: type[Kind], order: str, after: Value | None = None, limit: int = PAGE_LIMIT
    ) -> list[Kind]:
        """The next rows by `order`, a column that is unique (id, sequence), from just beyond `after`."""
        column = _column(kind, order)
        query = _rows(kind).order_by(column).limit(min(limit, PAGE_LIMIT))
        if after is not None:
            query = query.where(column > after)
        return await self._read(lambda: self._fetch(kind, query))

    async def _read(self, work: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._readers, work)

    def _fetch(self, kind: type[Kind], query: Select[Any]) -> list[Kind]:
        with self._engine.connect() as connection:
            return [record_of(kind, dict(row)) for row in connection.execute(query).mappings()]

    def _fetch_where(self, kind: type[Kind], column: str, values: Sequence[Value]) -> list[Kind]:
        found: list[Kind] = []
        distinct = list(dict.fromkeys(values))
        for start in range(0, len(distinct), VALUES_LIMIT):
            wanted = _column(kind, column).in_(distinct[start : start + VALUES_LIMIT])
            found.extend(self._fetch(kind, _rows(kind).where(wanted)))
        return found

    def _tuples(self, query: Select[Any]) -> list[tuple[Any, ...]]:
        with self._engine.connect() as connection:
            return [tuple(row) for row in connection.execute(query)]


def _upsert(connection: Connection, statement: Statements, rows: list[Values]) -> None:
    many = statement.many
    whole = len(rows) - len(rows) % many if many else 0
    for first in range(0, whole, many or 1):
        flat = tuple(chain.from_iterable(rows[first : first + many]))
        connection.exec_driver_sql(statement.upsert_many, flat)
    if rest := rows[whole:]:
        connection.exec_driver_sql(statement.upsert, rest)


def _without_values(cause: Exception) -> StoreError:
    """The first line, and no chained exception: further lines of PostgreSQL show the row, which may hold a key."""
    reason = (str(cause.orig if isinstance(cause, DBAPIError) else cause).splitlines() or [""])[0]
    if isinstance(cause, one_writer.SupersededError):
        return StoreSupersededError(reason)
    failed = StoreUnavailableError if isinstance(cause, OperationalError) else StoreError
    return failed(f"the database did not write: {type(cause).__name__}: {reason}")


def _rows(kind: type[Kind]) -> Select[Any]:
    return select(*TABLES[kind.__name__].columns)


def _column(kind: type[Kind], name: str) -> Column[Any]:
    return TABLES[kind.__name__].c[name]

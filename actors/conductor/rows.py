"""Between records and rows: what a list of changes comes to, and the statements that write and read it.

Pure: builds values and statements, runs nothing. Called by the store. Invariant: `net_effect` of a list leaves a
database as applying the list in order would, with each row touched once.

Rows are written on the way of every boot, so the statements are compiled once and take plain tuples: SQLAlchemy's own
handling of parameters costs four times what SQLite does with the row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from sqlalchemy import JSON, Dialect, Table, bindparam, delete
from sqlalchemy.sql.compiler import SQLCompiler

from actors.conductor.tables import TABLES
from actors.records import RECORD_TYPES, Change, Drop, Kind, Record

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

Values = tuple[Any, ...]

MANY = 250  # rows of one statement
PARAMETERS = 30_000  # of one statement; SQLite allows 32,766 (https://www.sqlite.org/limits.html)


def _sqlite() -> Dialect:
    from sqlalchemy.dialects import sqlite

    return sqlite.dialect(paramstyle="qmark")


def _sqlite_insert(table: Table) -> sqlite.Insert:
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def _postgresql() -> Dialect:
    from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

    return PGDialect_psycopg(paramstyle="format")  # type: ignore[no-untyped-call]


def _postgresql_insert(table: Table) -> postgresql.Insert:
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)


DIALECTS: dict[str, Callable[[], Dialect]] = {"sqlite": _sqlite, "postgresql": _postgresql}
"""Only the one that is used is loaded: the other takes a tenth of a second of a conductor's start."""


class TableChanges(NamedTuple):
    """What happens to one table. The two lists have no id in common."""

    rows: list[Record]  # to insert or replace
    drops: list[str]  # ids


class Statements(NamedTuple):
    """For one table, in the driver's own SQL: `upsert` takes what `values` makes of a record, `delete` takes (id,).

    `upsert_many` takes the values of `many` records in a row. SQLite has one step for each statement, and each time the
    thread that writes must be given the interpreter back: with a statement for each row it would stand still while the
    conductor is busy.
    """

    upsert: str
    delete: str
    values: Callable[[Record], Values]
    upsert_many: str = ""
    many: int = 0  # 0: the driver does better by itself


def net_effect(changes: Iterable[Change]) -> dict[str, TableChanges]:
    """By the name of the record type. The last change to a row wins; raises KeyError on a drop of an unknown kind."""
    last: dict[tuple[str, str], Change] = {}
    for change in changes:
        kind = change.kind if isinstance(change, Drop) else type(change).__name__
        last[kind, change.id] = change
    tables: dict[str, TableChanges] = {}
    for (kind, row_id), change in last.items():
        table = tables.get(kind)
        if table is None:
            table = tables[_known(kind)] = TableChanges([], [])
        if isinstance(change, Drop):
            table.drops.append(row_id)
        else:
            table.rows.append(change)
    return tables


def record_of(kind: type[Kind], row: dict[str, Any]) -> Kind:
    return msgspec.convert(row, kind)


def to_json(value: object) -> str:
    """Nested structs, tuples and dictionaries as the text of a JSON column."""
    return _ENCODER.encode(value).decode()


class StatementsOf(dict[str, Statements]):
    """By the name of the record type, compiled when first asked for: a conductor that starts needs few of them soon."""

    def __init__(self, dialect: str) -> None:
        """`dialect` is one of `DIALECTS`."""
        self._dialect = DIALECTS[dialect]()
        self._kinds = {kind.__name__: kind for kind in RECORD_TYPES}

    def __missing__(self, kind: str) -> Statements:
        made = self[kind] = _statements(self._dialect, self._kinds[kind], TABLES[kind])
        return made


def _statements(dialect: Dialect, kind: type[Record], table: Table) -> Statements:
    upsert = _compiled(_upsert(dialect, table), dialect)
    gone = _compiled(delete(table).where(table.c.id == bindparam("gone")), dialect)
    columns = list(upsert.positiontup or ())
    many = min(MANY, PARAMETERS // len(columns)) if dialect.name == "sqlite" else 0
    return Statements(str(upsert), str(gone), _values(kind, table, columns), _of_many(str(upsert), columns, many), many)


def _of_many(upsert: str, columns: list[str], many: int) -> str:
    """The same statement with the places of so many rows."""
    row = f"({', '.join('?' * len(columns))})"
    return upsert.replace(row, ", ".join([row] * many), 1) if many else ""


def _upsert(dialect: Dialect, table: Table) -> sqlite.Insert | postgresql.Insert:
    insert = _sqlite_insert(table) if dialect.name == "sqlite" else _postgresql_insert(table)
    replaced = {column.name: insert.excluded[column.name] for column in table.columns if not column.primary_key}
    return insert.on_conflict_do_update(index_elements=["id"], set_=replaced)


def _compiled(statement: Any, dialect: Dialect) -> SQLCompiler:
    compiled: SQLCompiler = statement.compile(dialect=dialect)
    return compiled


def _values(kind: type[Record], table: Table, columns: list[str]) -> Callable[[Record], Values]:
    """A record's fields in the order of the statement's columns, nested ones as JSON."""
    fields = list(kind.__struct_fields__)
    order = [fields.index(column) for column in columns]
    nested = [place for place, column in enumerate(columns) if isinstance(table.c[column].type, JSON)]

    def values(record: Record) -> Values:
        plain = msgspec.structs.astuple(record)
        row = [plain[index] for index in order]
        for place in nested:
            row[place] = to_json(row[place]) if row[place] else _EMPTY[type(row[place])]
        return tuple(row)

    return values


def _known(kind: str) -> str:
    if kind not in TABLES:
        raise KeyError(f"there is no table for {kind}")
    return kind


_ENCODER = msgspec.json.Encoder()
_EMPTY: dict[type, str] = {tuple: "[]", dict: "{}", list: "[]"}

"""Between records and rows: what a list of changes comes to, and the statements that write and read it.

Pure: builds values and statements, runs nothing. Called by the store. Invariant: `net_effect` of a list leaves a
database as applying the list in order would, with each row touched once.

Rows are written on the way of every boot, so the statements are compiled once and take plain tuples: SQLAlchemy's own
handling of parameters costs four times what SQLite does with the row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import JSON, Dialect, Table, bindparam, delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.sql.compiler import SQLCompiler

from actors.conductor.tables import TABLES
from actors.records import RECORD_TYPES, Change, Drop, Kind, Record

Values = tuple[Any, ...]

DIALECTS: dict[str, Callable[[], Dialect]] = {
    "sqlite": lambda: sqlite.dialect(paramstyle="qmark"),
    "postgresql": lambda: PGDialect_psycopg(paramstyle="format"),  # type: ignore[no-untyped-call]
}


class TableChanges(NamedTuple):
    """What happens to one table. The two lists have no id in common."""

    rows: list[Record]  # to insert or replace
    drops: list[str]  # ids


class Statements(NamedTuple):
    """For one table, in the driver's own SQL: `upsert` takes what `values` makes of a record, `delete` takes (id,)."""

    upsert: str
    delete: str
    values: Callable[[Record], Values]


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


def statements(dialect: str) -> dict[str, Statements]:
    """By the name of the record type; `dialect` is one of `DIALECTS`."""
    made = DIALECTS[dialect]()
    return {kind.__name__: _statements(made, kind, TABLES[kind.__name__]) for kind in RECORD_TYPES}


def _statements(dialect: Dialect, kind: type[Record], table: Table) -> Statements:
    upsert = _compiled(_upsert(dialect, table), dialect)
    gone = _compiled(delete(table).where(table.c.id == bindparam("gone")), dialect)
    return Statements(str(upsert), str(gone), _values(kind, table, list(upsert.positiontup or ())))


def _upsert(dialect: Dialect, table: Table) -> sqlite.Insert | postgresql.Insert:
    insert: sqlite.Insert | postgresql.Insert
    insert = sqlite.insert(table) if dialect.name == "sqlite" else postgresql.insert(table)
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

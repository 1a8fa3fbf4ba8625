"""Between records and rows: what a list of changes comes to, and the statements that write and read it.

Pure: builds values and statements, runs nothing. Called by the store. Invariant: `net_effect` of a list leaves a
database as applying the list in order would, with each row touched once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Delete, Table, bindparam, delete
from sqlalchemy.dialects import postgresql, sqlite

from actors.conductor.tables import TABLES
from actors.records import Change, Drop, Kind

DIALECTS = ("sqlite", "postgresql")


class TableChanges(NamedTuple):
    """What happens to one table. The two lists have no id in common."""

    rows: list[dict[str, Any]]  # to insert or replace
    drops: list[dict[str, Any]]  # `{"gone": id}`


class Statements(NamedTuple):
    """For one table: both take a list of `TableChanges` entries."""

    upsert: sqlite.Insert | postgresql.Insert
    delete: Delete


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
            table.drops.append({"gone": row_id})
        else:
            table.rows.append(msgspec.structs.asdict(change))
    return tables


def record_of(kind: type[Kind], row: dict[str, Any]) -> Kind:
    return msgspec.convert(row, kind)


def to_json(value: object) -> str:
    """Nested structs, tuples and dictionaries as the text of a JSON column."""
    return _ENCODER.encode(value).decode()


def statements(dialect: str) -> dict[str, Statements]:
    """By the name of the record type; `dialect` is one of `DIALECTS`."""
    return {kind: Statements(_upsert(dialect, table), _delete(table)) for kind, table in TABLES.items()}


def _upsert(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    insert: sqlite.Insert | postgresql.Insert
    insert = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    replaced = {column.name: insert.excluded[column.name] for column in table.columns if not column.primary_key}
    return insert.on_conflict_do_update(index_elements=["id"], set_=replaced)


def _delete(table: Table) -> Delete:
    return delete(table).where(table.c.id == bindparam("gone"))


def _known(kind: str) -> str:
    if kind not in TABLES:
        raise KeyError(f"there is no table for {kind}")
    return kind


_ENCODER = msgspec.json.Encoder()

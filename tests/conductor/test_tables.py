"""Tables mirror the records, field by field."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from sqlalchemy import JSON, BigInteger, Boolean, Float, LargeBinary
from sqlmodel.sql.sqltypes import AutoString

from actors.conductor.tables import TABLES
from actors.records import RECORD_TYPES

COLUMN_TYPES: dict[Any, type] = {str: AutoString, int: BigInteger, float: Float, bool: Boolean, bytes: LargeBinary}


@pytest.mark.parametrize("kind", RECORD_TYPES, ids=lambda kind: kind.__name__)
def test_table_mirrors_record(kind: type) -> None:
    columns = TABLES[kind.__name__].columns
    fields = msgspec.structs.fields(kind)
    assert [column.name for column in columns] == [field.name for field in fields]
    for column, field in zip(columns, fields, strict=True):
        assert isinstance(column.type, COLUMN_TYPES.get(field.type, JSON)), column
        assert column.primary_key == (column.name == "id")
        assert not column.nullable, column


def test_every_record_has_one_table() -> None:
    assert list(TABLES) == [kind.__name__ for kind in RECORD_TYPES]
    assert len({table.name for table in TABLES.values()}) == len(TABLES)

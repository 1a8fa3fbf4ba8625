"""A database is brought up to date in another process, and what went wrong there is told."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from actors.conductor.database import open_database
from actors.conductor.migrations import HEAD, current_version
from actors.conductor.upgrading import brought_up_to_date


def version(url: str) -> str:
    engine = open_database(url)
    with engine.connect() as connection:
        found = current_version(connection)
    engine.dispose()
    return found


def test_an_empty_database_is_brought_up_to_date_elsewhere(database_url: str) -> None:
    asyncio.run(brought_up_to_date(database_url))
    assert version(database_url) == HEAD
    asyncio.run(brought_up_to_date(database_url))
    assert version(database_url) == HEAD


def test_what_went_wrong_is_told(database_url: str) -> None:
    asyncio.run(brought_up_to_date(database_url))
    engine = open_database(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(RuntimeError, match="9999"):
        asyncio.run(brought_up_to_date(database_url))

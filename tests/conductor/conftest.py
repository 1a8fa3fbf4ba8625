"""The databases that the store's tests run on: a SQLite file, and a private PostgreSQL server of this test run."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgresql import new_database, server

NUMBER = itertools.count()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A connection string of a server on a unix socket in a temporary folder."""
    with server() as connection_string:
        yield connection_string


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'cloud.sqlite'}?timeout=0.2"
    return new_database(request.getfixturevalue("postgresql"), f"cloud{next(NUMBER)}")

"""How the cloud's database is opened: SQLite in a file by default, PostgreSQL by URL.

Called by the store. Invariant: what either of them acknowledges is on disk (SQLite: write-ahead log with full
synchronisation, https://www.sqlite.org/pragma.html#pragma_synchronous; PostgreSQL: the server's own setting).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import URL, Engine, create_engine, event, make_url

from actors.conductor.rows import DIALECTS, to_json

CACHE_KIB = 8_000  # SQLite: pages that a connection keeps; with its own 2,000 big groups wait for the file
PAGE_BYTES = 8_192  # SQLite: an instance and its story fill a quarter of one, and half of its own 4,096
CHECKPOINT_PAGES = 4_000  # SQLite: of its log, before they go into the file: most are written twice until then
BUSY_TIMEOUT_S = 5.0  # SQLite: how long another process may hold the file before a commit fails
CONNECT_TIMEOUT_S = 10  # PostgreSQL: how long a server may take to answer
IDLE_LIMIT_S = 30  # PostgreSQL: who is cut off within a transaction is waited for so long by those who want its rows


def open_database(url: str) -> Engine:
    """An engine that meets the invariant; raises ValueError on a database that is neither."""
    place = make_url(url)
    dialect = place.get_backend_name()
    if dialect not in DIALECTS:
        raise ValueError(f"database_url: {dialect} is not supported; use sqlite:///FILE or postgresql://…")
    return _open_sqlite(place) if dialect == "sqlite" else _open_postgresql(place)


def _open_sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise ValueError("database_url: SQLite needs a file, since what is committed must last")
    _make_private_file(Path(url.database))
    engine = _engine(_with_default(url, "timeout", BUSY_TIMEOUT_S))
    event.listen(engine, "connect", _set_durable)
    return engine


def _open_postgresql(url: URL) -> Engine:
    engine = _engine(_with_default(url.set(drivername="postgresql+psycopg"), "connect_timeout", CONNECT_TIMEOUT_S))
    event.listen(engine, "connect", _set_limit)
    return engine


def _with_default(url: URL, option: str, value: float) -> URL:
    """An operator may say otherwise in the URL's query."""
    return url if option in url.query else url.update_query_dict({option: str(value)})


def _engine(url: URL) -> Engine:
    return create_engine(
        url,
        pool_pre_ping=url.get_backend_name() != "sqlite",  # a restarted server costs nobody a commit
        pool_use_lifo=True,  # the writer has the same connection each time, and with it the pages that it knows
        hide_parameters=True,  # rows hold password hashes and keys, which no error message may show
        json_serializer=to_json,
        json_deserializer=msgspec.json.decode,
    )


def _make_private_file(path: Path) -> None:
    """Password hashes and signing keys are inside; SQLite gives its log files the mode of the database."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _set_durable(connection: Any, _: object) -> None:
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")  # of a database that is new
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")


def _set_limit(connection: Any, _: object) -> None:
    """The server itself would wait for hours, and a conductor that is to take over with it."""
    connection.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_LIMIT_S}s'")
    connection.commit()

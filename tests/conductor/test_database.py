"""How databases are opened."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from actors.conductor.database import IDLE_LIMIT_S, open_database
from tests.postgresql import new_database


@pytest.mark.parametrize("url", ["mysql://host/db", "sqlite://", "sqlite:///:memory:"])
def test_what_cannot_last_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="database_url"):
        open_database(url)


def test_sqlite_is_durable_and_private(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "cloud.sqlite"
    engine = open_database(f"sqlite:///{file}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (id integer)")
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 5000
        assert {stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()} == {0o600}
    engine.dispose()


def test_nobody_waits_for_ever_for_who_was_cut_off_in_a_transaction(postgresql: str) -> None:
    engine = open_database(new_database(postgresql, "cut_off"))
    for _ in range(2):  # a connection that was used before has it, too
        with engine.begin() as connection:
            limit = connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar()
            assert limit == f"{IDLE_LIMIT_S}s"
    engine.dispose()

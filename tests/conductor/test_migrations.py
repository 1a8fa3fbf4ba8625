"""The written-out versions build exactly what the tables declare, on both databases, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from actors.conductor import migrations
from actors.conductor.database import open_database
from actors.conductor.migrations import HEAD, upgrade
from actors.conductor.tables import TABLES


def differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, TABLES["Project"].metadata))


def test_versions_build_what_the_tables_declare(database_url: str) -> None:
    engine = open_database(database_url)
    assert upgrade(engine)
    assert differences(engine) == []
    assert not upgrade(engine)
    engine.dispose()


def test_head_is_the_newest_version() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_a_failed_upgrade_leaves_nothing_and_can_be_run_again(database_url: str) -> None:
    engine = open_database(database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE ports (id integer)"))
    with pytest.raises(DBAPIError):
        upgrade(engine)
    assert inspect(engine).get_table_names() == ["ports"]
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE ports"))
    assert upgrade(engine) and differences(engine) == []
    engine.dispose()


def test_a_database_newer_than_the_program_is_left_alone(database_url: str) -> None:
    engine = open_database(database_url)
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(CommandError, match="9999"):
        upgrade(engine)
    engine.dispose()

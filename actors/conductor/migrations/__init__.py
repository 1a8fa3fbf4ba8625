"""Brings a database to the schema that `tables.py` declares; the store calls `upgrade` whenever it starts.

Invariant: a version is applied whole or not at all, so an upgrade that was killed is simply run again. Alembic is
imported only when the version table says that there is something to do, which saves its cost at every usual start.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

HEAD = "0032"  # the newest version in `versions/`
VERSION_TABLE = "alembic_version"


def upgrade(engine: Engine) -> bool:
    """Apply what is missing, in one transaction. True if anything was; raises on a database newer than this program."""
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # the driver would begin only at the first INSERT
        if current_version(connection) == HEAD:
            return False
        _apply(connection)
    return True


def current_version(connection: Connection) -> str:
    """'' for a database that has none."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return ""
    return str(connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar() or "")


def _apply(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")

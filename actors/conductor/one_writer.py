"""The right to write the database, which one conductor has: the last that took it.

Used by the store, and by a restore, after which nobody goes on with what was before. Whoever takes over counts the one
row of `writer` up; each transaction looks, before it is committed, whether the number is still its own. So a conductor
that was taken for dead and lives on, here or on another head, changes nothing any more. Only conductors of the cloud
that the database belongs to may take over (`ownership.py`). Invariant: once `take_over` has returned, no earlier
writer's transaction is committed.
"""

from __future__ import annotations

from sqlalchemy import Connection, Engine

from actors.conductor import ownership
from actors.conductor.ownership import Identity

LOOK = {  # PostgreSQL: nobody takes over between this and the commit; SQLite's transaction holds the file by then
    "sqlite": "SELECT life FROM writer WHERE id = 1",
    "postgresql": "SELECT life FROM writer WHERE id = 1 FOR SHARE",
}


class SupersededError(Exception):
    """Another conductor writes this database now."""


def take_over(engine: Engine, identity: Identity | None = None) -> int:
    """The number by which this process writes from now on. Waits for a transaction that is being committed.

    `identity`: of a cloud that may meet another one at its database. Raises `NotOursError` where it belongs to that.
    """
    with engine.begin() as connection:
        life = begin_life(connection)
        if identity is not None:
            ownership.enter(connection, identity)
        return life


def begin_life(connection: Connection) -> int:
    """The same as a part of a transaction: its last, so that nobody waits for it who has what it waits for."""
    connection.exec_driver_sql("UPDATE writer SET life = life + 1 WHERE id = 1")
    return int(connection.exec_driver_sql("SELECT life FROM writer WHERE id = 1").scalar_one())


def look(connection: Connection, life: int) -> None:
    """To be called when all of a transaction is written, right before its commit. Raises `SupersededError`."""
    found = connection.exec_driver_sql(LOOK[connection.dialect.name]).scalar_one()
    if found != life:
        raise SupersededError(f"another conductor, the {found}th, writes the database; this is the {life}th")


def sign_of_life(engine: Engine, life: int) -> None:
    """This writer lives, for whoever asks. Raises `SupersededError`."""
    with engine.begin() as connection:
        ownership.see(connection)
        look(connection, life)

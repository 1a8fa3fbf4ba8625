"""Which cloud a database belongs to, where several may be pointed at the same one.

Two clouds on one database would take it from each other for ever: each one's conductor, when it is started again, would
take over from the other's. So the row of `writer` says whose the database is, and a conductor writes a database of its
own cloud only. It changes hands by an operator's word alone: `novaray up` claims it, at once where it is nobody's or
this cloud's already, and from another cloud if that gives no sign of life any more, or the operator says so.

A cloud is known by an id in its home folder (`actors/cluster/identity.py`), so a conductor that is started again, and a
head that Ray starts elsewhere with what it knows, are of the same cloud. Times are those of the database's clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import OperationalError

from actors.conductor.database import open_database

SIGN_S = 5.0  # between two signs of life of a conductor
LIVES_S = 20.0  # who gave none for so long is not alive; a conductor that died is back within two seconds
LOOK_S = 0.5  # between looks for the next sign
NOW = {  # in whole seconds since the epoch
    "sqlite": "CAST(strftime('%s', 'now') AS INTEGER)",
    "postgresql": "CAST(floor(extract(epoch FROM clock_timestamp())) AS BIGINT)",
}
REMEDY = "stop that one, or give this one a database of its own; `novaray up --take-database` takes it away from there"

Say = Callable[[str], None]


class Identity(NamedTuple):
    """A cloud, and where it is, for people."""

    cloud: str
    place: str


class Owner(NamedTuple):
    """`seen`: when its conductor gave the last sign of life; `age_s`: how long ago that was."""

    cloud: str
    place: str
    seen: int
    age_s: int


class NotOursError(RuntimeError):
    """The database belongs to another cloud."""


class UnknownOwnerError(RuntimeError):
    """The database could not be asked whose it is."""


def claim(
    url: str, identity: Identity, say: Say, by_force: bool = False, pause: Callable[[float], None] = time.sleep
) -> None:
    """The database is this cloud's when this returns. Waits up to `LIVES_S` for a sign of life of another's.

    Raises `NotOursError` where there is one, `UnknownOwnerError` where the database does not answer. A database without
    tables becomes the cloud's whose conductor makes them.
    """
    engine = open_database(url)
    try:
        with engine.connect() as connection:
            first = _owner_if_any(connection)
        if first is not None and first.cloud != identity.cloud:
            _take_from(engine, first, identity, say, by_force, pause)
    except OperationalError as error:
        raise UnknownOwnerError(f"the database does not answer: {str(error.orig).splitlines()[0]}") from None
    finally:
        engine.dispose()


def _take_from(
    engine: Engine, first: Owner, identity: Identity, say: Say, by_force: bool, pause: Callable[[float], None]
) -> None:
    deadline = time.monotonic() + LIVES_S  # also where the clock of the database was set back
    told = False
    while not _took(engine, identity, _condition(engine, first, by_force, time.monotonic() >= deadline)):
        with engine.connect() as connection:
            found = owner_of(connection)
        if found.cloud == identity.cloud:
            return
        if (found.cloud, found.seen) != (first.cloud, first.seen):
            raise NotOursError(_theirs(found, "which runs"))
        if not told:
            say(f"the database belongs to another cloud, {found.place}: waiting for a sign of life of it")
            told = True
        pause(LOOK_S)  # a conductor that lives writes to the row, and tells nobody


def _condition(engine: Engine, first: Owner, by_force: bool, waited: bool) -> str:
    """On which the database may be taken, in SQL."""
    if by_force:
        return ""
    silent = f"seen = {first.seen}" if waited else f"seen <= {NOW[engine.dialect.name]} - {LIVES_S:.0f}"
    return f"AND (cloud IN ('', :cloud) OR {silent})"


def _took(engine: Engine, identity: Identity, condition: str) -> bool:
    """Whether it is this cloud's now. Whoever wrote for another one writes no more."""
    statement = (
        "UPDATE writer SET life = life + CASE WHEN cloud IN ('', :cloud) THEN 0 ELSE 1 END, "
        f"cloud = :cloud, place = :place, seen = {NOW[engine.dialect.name]} WHERE id = 1 {condition}"
    )
    with engine.begin() as connection:
        return connection.execute(text(statement), identity._asdict()).rowcount == 1


def stranger(url: str, identity: Identity) -> str:
    """Why this cloud can't use the database: it belongs to another one; '' = it does not, or does not answer."""
    found = owner(url)
    return _theirs(found, _how_old(found)) if found is not None and found.cloud not in ("", identity.cloud) else ""


def check_idle(url: str, cloud: str) -> None:
    """Raises `NotOursError` where another cloud than this one ('' = none yet) works with the database."""
    found = owner(url)
    if found is not None and found.cloud not in ("", cloud) and found.age_s < LIVES_S:
        raise NotOursError(f"the database belongs to another cloud, {found.place}, which runs: stop that one first")


def owner(url: str) -> Owner | None:
    """None where the database does not say, or does not answer."""
    engine = open_database(url)
    try:
        with engine.connect() as connection:
            return _owner_if_any(connection)
    except OperationalError:
        return None
    finally:
        engine.dispose()


def owner_of(connection: Connection) -> Owner:
    now = NOW[connection.dialect.name]
    row = connection.exec_driver_sql(f"SELECT cloud, place, seen, {now} - seen FROM writer WHERE id = 1").one()
    return Owner(str(row[0]), str(row[1]), int(row[2]), int(row[3]))


def enter(connection: Connection, identity: Identity) -> None:
    """A conductor takes over: of a database that is nobody's it becomes the owner. Raises `NotOursError`."""
    found = owner_of(connection)
    if found.cloud not in ("", identity.cloud):
        raise NotOursError(_theirs(found, _how_old(found)))
    mine = text("UPDATE writer SET cloud = :cloud, place = :place WHERE id = 1")
    connection.execute(mine, identity._asdict())
    see(connection)


def see(connection: Connection) -> None:
    """The writer gives a sign of life."""
    connection.exec_driver_sql(f"UPDATE writer SET seen = {NOW[connection.dialect.name]} WHERE id = 1")


def _owner_if_any(connection: Connection) -> Owner | None:
    """None before the first conductor has made the tables, or brought them to this version."""
    found = inspect(connection)
    if not found.has_table("writer") or all(column["name"] != "cloud" for column in found.get_columns("writer")):
        return None
    return owner_of(connection)


def _how_old(found: Owner) -> str:
    return f"whose last sign of life is {found.age_s} s old"


def _theirs(found: Owner, how: str) -> str:
    return f"the database belongs to another cloud, {found.place}, {how}: {REMEDY}"

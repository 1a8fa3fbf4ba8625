"""A whole cloud with its database in PostgreSQL."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from actors.cluster.ray_node import home_id
from tests.postgresql import new_database, server
from tests.running import CommandLine, await_nothing, cloud, leftovers

pytestmark = pytest.mark.cluster


def test_fifty_boots_are_in_postgresql() -> None:
    with server() as connection_string:
        database = new_database(connection_string, "cloud")
        with cloud("--hypervisor", "simulated", "--hosts", "5", "--no-dashboard", "--database", database) as line:
            booted = line.json("boot", "vm", "--count", "50")
            assert {one["status"] for one in booted} == {"ACTIVE"} and len(booted) == 50
            assert not (line.home / "cloud.sqlite").exists()
            assert active(database) == {one["id"] for one in booted}
            line.run("delete", *(one["id"] for one in booted))
            assert active(database) == set()
            with home() as other:
                refused = " ".join(other.run("up", "--hypervisor", "simulated", "--database", database, code=1).split())
                assert "the database belongs to another cloud" in refused and str(line.home) in refused
            taken_elsewhere(database)
            assert "/srv/theirs on two" in line.run("status", code=1)
            line.run("up", "--take-database")
            assert [one["status"] for one in line.json("boot", "again")] == ["ACTIVE"]


@contextmanager
def home() -> Iterator[CommandLine]:
    """Of a second cloud, that never runs."""
    line = CommandLine(Path(tempfile.mkdtemp(prefix="nvt-", dir="/tmp")))
    yield line
    assert not (line.home / "runtime.json").exists()
    assert await_nothing(lambda: leftovers(line.home, {home_id(line.home)})) == []
    shutil.rmtree(line.home)


def taken_elsewhere(database: str) -> None:
    """As `up --take-database` of another cloud leaves it."""
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE writer SET life = life + 1, cloud = 'theirs', place = '/srv/theirs on two'")


def active(database: str) -> set[str]:
    with psycopg.connect(database) as connection:
        return {row[0] for row in connection.execute("SELECT id FROM instances WHERE vm_state = 'active'")}

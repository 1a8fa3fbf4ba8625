"""A whole cloud with its database in PostgreSQL."""

from __future__ import annotations

import psycopg
import pytest

from tests.postgresql import new_database, server
from tests.running import cloud

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


def active(database: str) -> set[str]:
    with psycopg.connect(database) as connection:
        return {row[0] for row in connection.execute("SELECT id FROM instances WHERE vm_state = 'active'")}

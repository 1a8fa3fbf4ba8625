"""The databases that the store's tests run on: a SQLite file, and a private PostgreSQL server of this test run."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

START_S = 60  # seconds a PostgreSQL server may take to start
NUMBER = itertools.count()


def _postgresql_programs() -> Path | None:
    on_path = shutil.which("pg_ctl")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    found = Path(on_path).resolve() if on_path else debian[-1] if debian else None
    return found.parent if found and (found.parent / "initdb").exists() else None


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A connection string of a server on a unix socket in a temporary folder."""
    programs = _postgresql_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server programs (initdb, pg_ctl) are not installed")
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    owner = "nobody" if os.geteuid() == 0 else None  # the server refuses to run as root

    def run(program: str, *arguments: str) -> None:
        command = [str(programs / program), "-D", str(folder / "data"), *arguments]
        subprocess.run(command, user=owner, cwd="/", check=True, timeout=START_S, stdout=subprocess.DEVNULL)

    try:
        if owner:
            shutil.chown(folder, owner)
        run("initdb", "-A", "trust", "-U", "novaray", "-E", "UTF8", "--no-sync")
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
        run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"user=novaray host={folder} dbname=postgres"
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'cloud.sqlite'}?timeout=0.2"
    server: str = request.getfixturevalue("postgresql")
    name = f"cloud{next(NUMBER)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        folder = connection.info.host
    return f"postgresql://novaray@/{name}?host={folder}"

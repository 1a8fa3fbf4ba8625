"""A private PostgreSQL server in a temporary folder, on a unix socket, for the tests that need one."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

START_S = 60  # seconds a PostgreSQL server may take to start


def programs() -> Path | None:
    on_path = shutil.which("pg_ctl")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    found = Path(on_path).resolve() if on_path else debian[-1] if debian else None
    return found.parent if found and (found.parent / "initdb").exists() else None


@contextmanager
def server() -> Iterator[str]:
    """Its connection string; skips the test where the programs are not installed."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL's server programs (initdb, pg_ctl) are not installed")
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    owner = "nobody" if os.geteuid() == 0 else None  # the server refuses to run as root

    def run(program: str, *arguments: str) -> None:
        command = [str(found / program), "-D", str(folder / "data"), *arguments]
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


def new_database(connection_string: str, name: str) -> str:
    """An empty database; its URL."""
    with psycopg.connect(connection_string, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        folder = connection.info.host
    return f"postgresql://novaray@/{name}?host={folder}"

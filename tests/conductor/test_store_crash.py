"""A conductor killed in the middle of its commits: what was acknowledged is there, and no commit is there by half."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

from actors.conductor.store import Store, upgrade
from actors.records import Project, Role

ACKNOWLEDGED = 300  # commits seen before the kill

COMMITTER = """
import asyncio, itertools, os, sys
from actors.conductor.store import Store
from actors.records import Project, Role

numbers = itertools.count()

async def commit(store):
    while True:
        number = str(next(numbers))
        await store.commit([Project(id=number, name="x" * 200), Role(id=number, name="y" * 200)])
        os.write(1, f"{number}\\n".encode())

async def main():
    store = Store(sys.argv[1])
    await asyncio.gather(*(commit(store) for _ in range(20)))

asyncio.run(main())
"""


def test_a_kill_loses_nothing_that_was_acknowledged(database_url: str) -> None:
    upgrade(database_url)
    command = [sys.executable, "-c", COMMITTER, database_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as committer:
        assert committer.stdout is not None
        lines = [committer.stdout.readline() for _ in range(ACKNOWLEDGED)]
        os.kill(committer.pid, signal.SIGKILL)
        lines += committer.stdout.readlines()
    acknowledged = {line.strip().decode() for line in lines if line.endswith(b"\n")}
    assert len(acknowledged) >= ACKNOWLEDGED

    async def read() -> tuple[set[str], set[str]]:
        store = Store(database_url)
        kept = {row.id for row in await store.load(Project)}, {row.id for row in await store.load(Role)}
        await store.close()
        return kept

    projects, roles = asyncio.run(read())
    assert acknowledged <= projects
    assert projects == roles

"""Brings the database up to date in a process of its own, where there is something to do.

Called by the conductor's actor before it opens the store. Alembic takes 25 MiB, which the conductor would keep for as
long as it lives.
"""

from __future__ import annotations

import asyncio
import sys

from actors.conductor import migrations
from actors.conductor.database import open_database
from actors.conductor.store import upgrade

LIMIT_S = 600.0  # for a big database


async def brought_up_to_date(url: str) -> None:
    """Raises RuntimeError with what was wrong; the database is then as it was. The URL may hold a password: it goes
    through a pipe."""
    if _is_current(url):
        return
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        _, told = await asyncio.wait_for(process.communicate(url.encode()), LIMIT_S)
    except TimeoutError:
        process.kill()
        raise RuntimeError(f"the database was not brought up to date within {LIMIT_S:g} s") from None
    if process.returncode:
        last = (told.decode(errors="replace").strip().splitlines() or ["no reason was given"])[-1]
        raise RuntimeError(f"the database could not be brought up to date: {last}")


def _is_current(url: str) -> bool:
    engine = open_database(url)
    try:
        with engine.connect() as connection:
            return migrations.current_version(connection) == migrations.HEAD
    finally:
        engine.dispose()


if __name__ == "__main__":
    upgrade(sys.stdin.read())

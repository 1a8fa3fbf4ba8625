"""`novaray backup` and `novaray restore`: the cloud's database in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from actors.cli import show as shown
from actors.cluster.config import CloudConfig, default_home, from_json

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
File = Annotated[Path, typer.Argument(help="The backup: a SQLite file, whatever the cloud's database is.")]


def backup(file: File, as_json: Json = False) -> None:
    """Write the database of one moment to a new file. The cloud may run meanwhile. Images and volumes are not in it."""
    from actors.conductor.backup import backup as write

    made = write(_cloud().database, file.absolute())
    if as_json:
        shown.as_json(made)
    else:
        shown.out.print(f"{made.file}: {made.rows} rows of {made.tables} tables", markup=False)


def restore(
    file: File,
    database: Annotated[str, typer.Option(help="Restore there instead: a URL, as `up --database` takes it.")] = "",
    as_json: Json = False,
) -> None:
    """Replace the database by a backup. The cloud must be down; `novaray up` then goes on from there."""
    from actors.cluster import bringup
    from actors.conductor import ownership
    from actors.conductor.backup import restore as put_back

    cloud = _cloud()
    if bringup.running(cloud.home) is not None:
        raise RuntimeError("the cloud is up: stop it with `novaray down`, restore, and start it again")
    url = database or cloud.database
    if url != CloudConfig(home=cloud.home).database:
        ownership.check_idle(url, cloud.cloud_id)
    put = put_back(file.absolute(), url)
    if as_json:
        shown.as_json(put)
    else:
        shown.out.print(f"{put.file}: {put.rows} rows of {put.tables} tables are back", markup=False)


def _cloud() -> CloudConfig:
    """As `up` wrote it down; a home that never had a cloud has the default database."""
    file = CloudConfig(home=default_home()).file
    return from_json(CloudConfig, file.read_bytes()) if file.exists() else CloudConfig()

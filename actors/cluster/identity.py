"""Who a cloud is, where its database may be another's too: an id of its own, made once and kept in its home folder.

Settled by `up`, which writes it into the configuration that every actor is started with, so that a conductor on
another head, started by Ray from what it knows, is of the same cloud. A cloud whose database is a file in its own home
meets nobody there, and needs no id: whoever puts a copy of the file there goes on with it.
"""

from __future__ import annotations

import socket
from pathlib import Path
from uuid import uuid4

from msgspec import structs

from actors.cluster.config import CloudConfig


def settled(cloud: CloudConfig, known: str = "") -> CloudConfig:
    """The configuration with its id; `known`: that of a cloud which runs on this Ray already, and which it is."""
    if not cloud.database_url:
        return cloud
    return structs.replace(cloud, cloud_id=_written(cloud.home, known), place=f"{cloud.home} on {socket.gethostname()}")


def _written(home: Path, known: str) -> str:
    file = home / "cloud-id"
    if known or not file.exists():
        fresh = file.with_suffix(".new")
        fresh.write_text(known or str(uuid4()))
        fresh.replace(file)
    return file.read_text().strip()

"""What `ray start` runs of ours before it starts a node (RAY_START_HOOK): it asks for what no flag of it can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

WORKER = Path(__file__).with_name("ray_worker.py")


def prepare(parameters: Any, head: bool) -> None:
    """Ray's own parameters of a cloud's node. Its server for remote clients takes 50 MiB, and nobody here uses it."""
    parameters.ray_client_server_port = None
    prepare_workers(parameters, head)


def prepare_workers(parameters: Any, head: bool) -> None:
    """The same of a node of anybody's cluster: only what an actor's process is started with."""
    parameters.worker_path = str(WORKER)

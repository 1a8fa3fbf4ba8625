"""What `ray start` runs of ours before it starts a node (RAY_START_HOOK): it leaves out what no flag of it can."""

from __future__ import annotations

from typing import Any


def prepare(parameters: Any, head: bool) -> None:
    """Ray's own parameters of the node. Its server for remote clients takes 50 MiB, and nobody here uses it."""
    parameters.ray_client_server_port = None
